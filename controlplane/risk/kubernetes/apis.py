"""API versions that the cluster no longer serves.

https://kubernetes.io/docs/reference/using-api/deprecation-guide/
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from controlplane.risk.kubernetes.findings import Finding, Rule, Scene, check
from controlplane.risk.kubernetes.objects import Manifest

REMOVED = check(
    "removed_api", "critical",
    "The cluster's version does not serve this API: applying fails, half of the way perhaps.",
    "Move to the version that is named, and check the fields that it renamed.",
    "pluto:removed",
)  # fmt: skip
REMOVED_SOMEWHERE = check(
    "removed_api_version_unknown", "high",
    "Every cluster of that version and above refuses it; which one this is nobody said.",
    "Move to the version that is named; send the cluster's version as context.server_version.",
    "pluto:removed",
)  # fmt: skip
DEPRECATED = check(
    "deprecated_api", "medium",
    "The next upgrades of the cluster remove it.",
    "Move to the version that is named before the cluster is upgraded.",
    "pluto:deprecated",
)  # fmt: skip

_NETWORKING, _APPS, _POLICY = "networking.k8s.io/v1", "apps/v1", "policy/v1"
# API version → kind, "" for all others of it → minor version that removed it, what replaces it.
REMOVALS: Mapping[str, Mapping[str, tuple[int, str]]] = {
    "extensions/v1beta1": {
        "Ingress": (22, _NETWORKING),
        "NetworkPolicy": (16, _NETWORKING),
        "PodSecurityPolicy": (16, "Pod Security admission"),
        "": (16, _APPS),
    },
    "apps/v1beta1": {"": (16, _APPS)},
    "apps/v1beta2": {"": (16, _APPS)},
    "networking.k8s.io/v1beta1": {"Ingress": (22, _NETWORKING), "IngressClass": (22, _NETWORKING)},
    "admissionregistration.k8s.io/v1beta1": {
        "ValidatingWebhookConfiguration": (22, "admissionregistration.k8s.io/v1"),
        "MutatingWebhookConfiguration": (22, "admissionregistration.k8s.io/v1"),
    },
    "apiextensions.k8s.io/v1beta1": {"": (22, "apiextensions.k8s.io/v1")},
    "apiregistration.k8s.io/v1beta1": {"": (22, "apiregistration.k8s.io/v1")},
    "authentication.k8s.io/v1beta1": {"TokenReview": (22, "authentication.k8s.io/v1")},
    "authorization.k8s.io/v1beta1": {"": (22, "authorization.k8s.io/v1")},
    "certificates.k8s.io/v1beta1": {"CertificateSigningRequest": (22, "certificates.k8s.io/v1")},
    "coordination.k8s.io/v1beta1": {"Lease": (22, "coordination.k8s.io/v1")},
    "rbac.authorization.k8s.io/v1alpha1": {"": (22, "rbac.authorization.k8s.io/v1")},
    "rbac.authorization.k8s.io/v1beta1": {"": (22, "rbac.authorization.k8s.io/v1")},
    "scheduling.k8s.io/v1beta1": {"": (22, "scheduling.k8s.io/v1")},
    "storage.k8s.io/v1beta1": {
        "CSIDriver": (22, "storage.k8s.io/v1"),
        "CSINode": (22, "storage.k8s.io/v1"),
        "StorageClass": (22, "storage.k8s.io/v1"),
        "VolumeAttachment": (22, "storage.k8s.io/v1"),
        "CSIStorageCapacity": (27, "storage.k8s.io/v1"),
    },
    "batch/v2alpha1": {"": (21, "batch/v1")},
    "batch/v1beta1": {"": (25, "batch/v1")},
    "discovery.k8s.io/v1beta1": {"": (25, "discovery.k8s.io/v1")},
    "events.k8s.io/v1beta1": {"": (25, "events.k8s.io/v1")},
    "autoscaling/v2beta1": {"": (25, "autoscaling/v2")},
    "autoscaling/v2beta2": {"": (26, "autoscaling/v2")},
    "policy/v1beta1": {
        "PodDisruptionBudget": (25, _POLICY),
        "PodSecurityPolicy": (25, "Pod Security admission"),
        "Eviction": (22, _POLICY),
    },
    "node.k8s.io/v1beta1": {"": (25, "node.k8s.io/v1")},
    "flowcontrol.apiserver.k8s.io/v1beta1": {"": (26, "flowcontrol.apiserver.k8s.io/v1")},
    "flowcontrol.apiserver.k8s.io/v1beta2": {"": (29, "flowcontrol.apiserver.k8s.io/v1")},
    "flowcontrol.apiserver.k8s.io/v1beta3": {"": (32, "flowcontrol.apiserver.k8s.io/v1")},
}
_VERSION = re.compile(r"v?1\.(\d{1,3})(?:[.+-].*)?")


def target_of(context: Mapping[str, Any]) -> int | None:
    """The minor version of the cluster; every Kubernetes so far is a 1."""
    for field in ("kubernetes_version", "server_version"):
        match = _VERSION.fullmatch(str(context.get(field, "")).strip()[:40])
        if match:
            return int(match[1])
    return None


def versions(scene: Scene) -> Iterator[Finding]:
    for one in scene.objects.manifests:
        removal = _removal(one)
        if removal is not None:
            yield _found(one, scene.target, *removal)


def _removal(manifest: Manifest) -> tuple[int, str] | None:
    kinds = REMOVALS.get(manifest.api, {})
    return kinds.get(manifest.kind) or kinds.get("")


def _found(one: Manifest, target: int | None, minor: int, instead: str) -> Finding:
    gone = target is not None and target >= minor
    test = REMOVED if gone else REMOVED_SOMEWHERE if target is None else DEPRECATED
    what = f"uses {one.api}, which Kubernetes 1.{minor} removed; use {instead}"
    peer = ("kube-linter:no-extensions-v1beta",) if one.group == "extensions" else ()
    return Finding(test, one, ("apiVersion",), what, "", peer)


RULES: Sequence[Rule] = (versions,)
