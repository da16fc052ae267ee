"""Names, labels, references between objects, and objects that act on the whole cluster."""

from collections.abc import Iterator, Sequence
from typing import Any

from controlplane.risk.kubernetes.findings import Finding, Rule, Scene, check, of_pod
from controlplane.risk.kubernetes.objects import Path, mapping, sequence, text
from controlplane.risk.kubernetes.pods import Pod
from controlplane.risk.kubernetes.selectors import has_all, selects

MISMATCH = check(
    "selector_mismatch", "high",
    "The controller does not find its own pods: the API server refuses it.",
    "Make spec.selector match the labels of the pod template.",
    "kube-linter:mismatching-selector",
)  # fmt: skip
NO_ACCOUNT = check(
    "service_account_not_found", "medium",
    "Without the account no pod is created.",
    "Create the ServiceAccount first, or name an existing one.",
    "kube-linter:non-existent-service-account",
)  # fmt: skip
NO_CONFIGURATION = check(
    "configuration_not_found", "high",
    "The pod does not start without it, unless it is there already under that name.",
    "Name what comes with the change, or mark the reference optional.",
    "kube-linter:env-value-from",
    fresh="medium",
)  # fmt: skip
WEBHOOK = check(
    "webhook_blocks_cluster", "high",
    "While the webhook is down the API server refuses what it watches: nothing can be deployed, "
    "the webhook itself included.",
    "Set failurePolicy: Ignore or exclude its own and the system's namespaces.",
)  # fmt: skip
SCC = check(
    "scc_allows_privileged", "high",
    "Whoever may use it runs privileged containers, and so has the node.",
    "Set allowPrivilegedContainer: false and name allowedCapabilities.",
    "kube-linter:scc-deny-privileged-container",
)  # fmt: skip
PRIORITY = check(
    "no_priority_class", "low",
    "When nodes are full it is evicted like anything else.",
    "Set priorityClassName.",
    "polaris:priorityClassNotSet",
    family="hygiene",
)  # fmt: skip
INSTANCE = check(
    "instance_label_mismatch", "low",
    "Tools that gather what belongs together by app.kubernetes.io/instance miss it.",
    "Set the label to the object's name.",
    "polaris:metadataAndInstanceMismatched",
    family="hygiene",
)  # fmt: skip
NAMESPACE = check(
    "default_namespace", "low",
    "It lands wherever the one who applies it happens to be.",
    "Name the namespace.",
    "kube-linter:use-namespace checkov:CKV_K8S_21",
    family="hygiene",
)  # fmt: skip
OWNER = check(
    "no_owner_label", "low",
    "Nobody is named who could be asked at night.",
    "Add the label `owner`.",
    "kube-linter:required-label-owner",
    family="hygiene",
)  # fmt: skip
NODES = check(
    "no_node_affinity", "low",
    "It may land on nodes that were meant for something else.",
    "Add nodeAffinity or a nodeSelector where there are several pools.",
    "kube-linter:no-node-affinity",
    family="hygiene",
)  # fmt: skip

_LABELLED = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet")


def selectors(scene: Scene) -> Iterator[Finding]:
    for pod in scene.pods:
        selector = mapping(pod.manifest.spec.get("selector"))
        if pod.manifest.kind not in _LABELLED or not pod.spec or not selector:
            continue
        flat = "matchLabels" not in selector and "matchExpressions" not in selector
        matches = has_all(selector, pod.labels) if flat else selects(selector, pod.labels)
        if not matches:
            where = ("spec", "selector")
            yield Finding(MISMATCH, pod.manifest, where, "does not select its own pods")


def accounts(scene: Scene) -> Iterator[Finding]:
    """Only where the artefact brings accounts of its own: others may be in the cluster."""
    spaces = {one.namespace for one in scene.objects.of_kind("ServiceAccount")}
    for pod in scene.pods:
        name = text(pod.spec.get("serviceAccountName")) or text(pod.spec.get("serviceAccount"))
        space = pod.manifest.namespace
        if name in ("", "default") or space not in spaces:
            continue
        if scene.objects.named("ServiceAccount", space, name) is None:
            what = f"runs under ServiceAccount {name[:60]}, which is not there"
            yield of_pod(NO_ACCOUNT, pod, ("serviceAccountName",), what)


def configuration(scene: Scene) -> Iterator[Finding]:
    """Only of a kind that the artefact brings into the namespace: others may be in the cluster."""
    brought = {(one.kind, one.namespace) for one in scene.objects.of_kind("ConfigMap", "Secret")}
    for pod in scene.pods:
        space = pod.manifest.namespace
        for kind, name, path in _references(pod):
            if (kind, space) in brought and scene.objects.named(kind, space, name) is None:
                what = f"reads {kind} {name[:60]}, which is not there"
                yield Finding(NO_CONFIGURATION, pod.manifest, path, what, f"{kind} {name}")


def _references(pod: Pod) -> Iterator[tuple[str, str, Path]]:
    """(kind, name, where) of what the pod cannot start without."""
    found: list[tuple[str, Any, Any, Path]] = []
    for one in pod.containers():
        for index, each in enumerate(sequence(one.spec.get("env"))):
            source, path = mapping(mapping(each).get("valueFrom")), (*one.path, "env", index)
            found.append(("ConfigMap", source.get("configMapKeyRef"), "name", path))
            found.append(("Secret", source.get("secretKeyRef"), "name", path))
        for index, each in enumerate(sequence(one.spec.get("envFrom"))):
            path = (*one.path, "envFrom", index)
            found.append(("ConfigMap", mapping(each).get("configMapRef"), "name", path))
            found.append(("Secret", mapping(each).get("secretRef"), "name", path))
    for index, each in enumerate(sequence(pod.spec.get("volumes"))):
        path = (*pod.path, "volumes", index)
        found.append(("ConfigMap", mapping(each).get("configMap"), "name", path))
        found.append(("Secret", mapping(each).get("secret"), "secretName", path))
    for kind, reference, field, path in found:
        name = text(mapping(reference).get(field))
        if name and mapping(reference).get("optional") is not True:
            yield kind, name, path


def cluster(scene: Scene) -> Iterator[Finding]:
    for one in scene.objects.of_kind(
        "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"
    ):
        for index, hook in enumerate(sequence(one.body.get("webhooks"))):
            named = mapping(hook)
            bounded = named.get("namespaceSelector") or named.get("objectSelector")
            if named.get("failurePolicy") in (None, "Fail") and not bounded:
                what = f"refuses everything while {text(named.get('name'))[:60]} is down"
                yield Finding(WEBHOOK, one, ("webhooks", index), what, text(named.get("name")))
    for one in scene.objects.of_kind("SecurityContextConstraints"):
        if one.body.get("allowPrivilegedContainer") is True:
            where = ("allowPrivilegedContainer",)
            yield Finding(SCC, one, where, "allows privileged containers")


def labels(scene: Scene) -> Iterator[Finding]:
    for pod in scene.pods:
        one = pod.manifest
        if pod.spec and not pod.spec.get("priorityClassName"):
            yield of_pod(PRIORITY, pod, (), "has no priority class")
        if one.labels.get("app.kubernetes.io/instance") != one.name:
            where = ("metadata", "labels")
            yield Finding(INSTANCE, one, where, "lacks its instance label")
        if one.metadata.get("namespace") in (None, "", "default"):
            yield Finding(NAMESPACE, one, ("metadata",), "names no namespace of its own")
        if "owner" not in one.labels:
            yield Finding(OWNER, one, ("metadata", "labels"), "has no label `owner`")
        placed = mapping(pod.spec.get("affinity")).get("nodeAffinity")
        if pod.spec and not placed and not pod.spec.get("nodeSelector"):
            yield of_pod(NODES, pod, (), "may run on any node")


RULES: Sequence[Rule] = (selectors, accounts, configuration, cluster, labels)
