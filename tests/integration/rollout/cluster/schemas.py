"""Which fields the objects have, from what is published: the Kubernetes OpenAPI (apps/v1,
ObjectMeta), the Gateway API's HTTPRoute v1 (standard channel), Argo's Rollout v1alpha1.

A schema is `{field: schema}`, `[schema of the items]`, a Python type, or OPEN (looked at no
further). What an object may have and is not here would be refused: too strict, never too lax.
"""

from collections.abc import Iterator
from typing import Any

OPEN = object()
TEXTS = {"*": str}

METADATA = {
    **dict.fromkeys(("name", "namespace", "uid", "resourceVersion", "creationTimestamp"), str),
    **dict.fromkeys(("generateName", "selfLink", "deletionTimestamp"), str),
    "generation": int,
    "deletionGracePeriodSeconds": int,
    "labels": TEXTS,
    "annotations": TEXTS,
    "managedFields": OPEN,
    "ownerReferences": OPEN,
    "finalizers": [str],
}
CONDITION = {
    **dict.fromkeys(("type", "status", "reason", "message", "lastTransitionTime"), str),
    "observedGeneration": int,
}
DEPLOYMENT = {
    "apiVersion": str,
    "kind": str,
    "metadata": METADATA,
    "spec": {
        **dict.fromkeys(("replicas", "minReadySeconds", "revisionHistoryLimit"), int),
        "progressDeadlineSeconds": int,
        "paused": bool,
        **dict.fromkeys(("selector", "strategy", "template"), OPEN),
    },
    "status": {
        **dict.fromkeys(("replicas", "readyReplicas", "availableReplicas"), int),
        **dict.fromkeys(("unavailableReplicas", "updatedReplicas", "terminatingReplicas"), int),
        "observedGeneration": int,
        "collisionCount": int,
        "conditions": OPEN,
    },
}
REFERENCE = {
    **dict.fromkeys(("group", "kind", "name", "namespace", "sectionName"), str),
    "port": int,
}
BACKEND = {
    **dict.fromkeys(("group", "kind", "name", "namespace"), str),
    "port": int,
    "weight": int,
    "filters": OPEN,
}
HTTP_ROUTE = {
    "apiVersion": str,
    "kind": str,
    "metadata": METADATA,
    "spec": {
        "parentRefs": [REFERENCE],
        "hostnames": [str],
        "rules": [
            {
                "name": str,
                "backendRefs": [BACKEND],
                **dict.fromkeys(("matches", "filters", "timeouts"), OPEN),
            }
        ],
    },
    "status": {
        "parents": [{"parentRef": REFERENCE, "controllerName": str, "conditions": [CONDITION]}]
    },
}
DESTINATION = {"weight": int, "serviceName": str, "podTemplateHash": str}
ROLLOUT = {
    "apiVersion": str,
    "kind": str,
    "metadata": METADATA,
    "spec": {
        **dict.fromkeys(("replicas", "minReadySeconds", "revisionHistoryLimit"), int),
        "progressDeadlineSeconds": int,
        "progressDeadlineAbort": bool,
        "paused": bool,
        **dict.fromkeys(
            ("selector", "template", "workloadRef", "analysis", "rollbackWindow"), OPEN
        ),
        "restartAt": str,
        "strategy": {
            "blueGreen": OPEN,
            "canary": {
                "canaryService": str,
                "stableService": str,
                "trafficRouting": OPEN,
                "steps": [
                    {
                        "setWeight": int,
                        "pause": {"duration": OPEN},
                        **dict.fromkeys(("analysis", "experiment", "setCanaryScale"), OPEN),
                        **dict.fromkeys(("setHeaderRoute", "setMirrorRoute", "plugin"), OPEN),
                    }
                ],
                **dict.fromkeys(("maxSurge", "maxUnavailable", "analysis", "antiAffinity"), OPEN),
                "dynamicStableScale": bool,
                "scaleDownDelaySeconds": int,
                "abortScaleDownDelaySeconds": int,
            },
        },
    },
    "status": {
        **dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "HPAReplicas"), int),
        "availableReplicas": int,
        "currentStepIndex": int,
        "collisionCount": int,
        **dict.fromkeys(("currentPodHash", "currentStepHash", "stableRS", "phase", "message"), str),
        # A text, unlike everywhere else.
        "observedGeneration": str,
        "abortedAt": str,
        "restartedAt": str,
        "selector": str,
        "abort": bool,
        "controllerPause": bool,
        "promoteFull": bool,
        "pauseConditions": [{"reason": str, "startTime": str}],
        "canary": {
            "weights": {
                "canary": DESTINATION,
                "stable": DESTINATION,
                "additional": [DESTINATION],
                "verified": bool,
            },
        },
        "conditions": OPEN,
        "blueGreen": OPEN,
    },
}


def unknown(found: Any, schema: Any, at: str = "") -> Iterator[str]:
    """The paths of fields that no schema knows."""
    if isinstance(schema, dict) and isinstance(found, dict) and "*" not in schema:
        for name, value in found.items():
            path = f"{at}.{name}".lstrip(".")
            if name not in schema:
                yield path
            else:
                yield from unknown(value, schema[name], path)
    elif isinstance(schema, list) and isinstance(found, list):
        for index, value in enumerate(found):
            yield from unknown(value, schema[0], f"{at}[{index}]")


def mistyped(found: Any, schema: Any, at: str = "") -> Iterator[str]:
    """The paths of values of a wrong type."""
    if schema is OPEN:
        return
    if isinstance(schema, type):
        if not isinstance(found, schema) or (schema is int and isinstance(found, bool)):
            yield at
    elif not isinstance(found, type(schema)):
        yield at
    elif isinstance(schema, list):
        for index, value in enumerate(found):
            yield from mistyped(value, schema[0], f"{at}[{index}]")
    else:
        for name, value in found.items():
            if (inner := schema.get("*", schema.get(name, OPEN))) is not OPEN:
                yield from mistyped(value, inner, f"{at}.{name}".lstrip("."))
