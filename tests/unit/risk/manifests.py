"""Small manifests to change in one place, and what the reader says to the change."""

import copy

import yaml

from controlplane.risk.kubernetes.reader import read
from controlplane.risk.signals import Source

GOOD_CONTAINER = {
    "name": "cart",
    "image": "shop/cart:1.4.2",
    "imagePullPolicy": "Always",
    "ports": [{"name": "http", "containerPort": 8080}],
    "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}},
    "livenessProbe": {"httpGet": {"path": "/alive", "port": 8080}},
    "resources": {
        "requests": {"cpu": "250m", "memory": "256Mi"},
        "limits": {"cpu": "1", "memory": "512Mi"},
    },
    "securityContext": {
        "runAsNonRoot": True,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    },
}


def deployment(**changes):
    """`spec__replicas=1` sets spec.replicas; `container__image=…` the container's image; None
    removes.
    """
    body = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "cart", "namespace": "shop"},
        "spec": {
            "replicas": 3,
            "selector": {"matchLabels": {"app": "cart"}},
            "template": {
                "metadata": {"labels": {"app": "cart"}},
                "spec": {
                    "automountServiceAccountToken": False,
                    "containers": [copy.deepcopy(GOOD_CONTAINER)],
                },
            },
        },
    }
    roots = {
        "spec": body["spec"],
        "pod": body["spec"]["template"]["spec"],
        "container": body["spec"]["template"]["spec"]["containers"][0],
        "metadata": body["metadata"],
        "labels": body["spec"]["template"]["metadata"]["labels"],
    }
    for path, value in changes.items():
        root, *steps, last = path.split("__")
        target = roots[root]
        for step in steps:
            target = target.setdefault(step, {})
        if value is None:
            target.pop(last, None)
        else:
            target[last] = value
    return body


def made(kind, api="v1", name="cart", **fields):
    return {
        "apiVersion": api,
        "kind": kind,
        "metadata": {"name": name, "namespace": "shop"},
        **fields,
    }


def text(*objects):
    return yaml.safe_dump_all(objects, sort_keys=False)


def signals(after, before=None, **context):
    return read(Source(after, before, "", context))


def ids(after, before=None, **context):
    return {one.id for one in signals(after, before, **context)}


def only(name, after, before=None, **context):
    """The one signal of that id; the test fails where there is none or more than one."""
    found = [one for one in signals(after, before, **context) if one.id == name]
    assert len(found) == 1, [one.id for one in signals(after, before, **context)]
    return found[0]
