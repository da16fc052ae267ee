"""What only the comparison tells: fields that may not change, and capacity that goes away."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from controlplane.risk.kubernetes.availability import autoscaled, least, replicas_of
from controlplane.risk.kubernetes.findings import Finding, Scene, check
from controlplane.risk.kubernetes.objects import (
    Manifest,
    Path,
    at,
    mapping,
    number,
    sequence,
    text,
)
from controlplane.risk.kubernetes.pods import Container, pod_of
from controlplane.risk.kubernetes.quantities import quantity

IMMUTABLE = check(
    "immutable_field_changed", "high",
    "The API server refuses the change: the object would have to be deleted and made anew.",
    "Make a new object beside the old one, move the traffic, then remove the old one.",
    reversibility="costly",
)  # fmt: skip
ROLE_REF = check(
    "role_ref_changed", "medium",
    "The API server refuses the change: the subjects keep the role that they have.",
    "Delete the binding and make it anew.",
)  # fmt: skip
SERVICE_SELECTOR = check(
    "service_selector_changed", "high",
    "From one moment to the next all traffic goes to other pods: no stage, no canary.",
    "Shift traffic by weights, or add the new label to the pods first.",
)  # fmt: skip
PORT_GONE = check(
    "service_port_removed", "high",
    "Callers that use this port get refused connections.",
    "Offer both ports until nobody uses the old one.",
)  # fmt: skip
HOST_GONE = check(
    "ingress_host_removed", "high",
    "Users of this address get 404.",
    "Redirect the old address first.",
)  # fmt: skip
CLAIM_SHRUNK = check(
    "volume_shrunk", "high",
    "Volumes cannot shrink: the API server refuses it.",
    "Make a new claim and copy the data.",
)  # fmt: skip
TO_ZERO = check(
    "scaled_to_zero", "high",
    "No pod is left: the workload is off.",
    "If it is meant to go, remove its traffic first, in stages.",
)  # fmt: skip
FEWER = check(
    "replicas_cut", "medium",
    "Half of the capacity or more goes at once; the rest may not carry the load.",
    "Go down in steps and watch latency and saturation.",
)  # fmt: skip
SCALER_CUT = check(
    "autoscaler_bounds_cut", "medium",
    "The autoscaler may leave, or may reach, a third of the pods or fewer.",
    "Go down in steps and watch latency and saturation.",
)  # fmt: skip
LIMIT_CUT = check(
    "resource_limit_cut", "medium",
    "Half or less of what it may use now: out of memory, or throttled.",
    "Compare with what it really takes at the peak of the day.",
)  # fmt: skip
VERSION_GONE = check(
    "crd_version_removed", "high",
    "Objects and programs that use this version break; stored ones may be unreadable.",
    "Move the stored objects first; keep serving the old version until nobody uses it.",
    reversibility="costly",
)  # fmt: skip
ACCESS_OPENED = check(
    "network_policy_loosened", "high",
    "Pods that were shut off before can be reached now.",
    "Name the new caller under `from`; leave the rest as it was.",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """One object as it was and as it is to be, with the scenes around both."""

    old: Manifest
    new: Manifest
    before: Scene
    after: Scene

    def both(self, *path: str | int) -> tuple[Any, Any]:
        return at(self.old.body, *path), at(self.new.body, *path)


# https://kubernetes.io/docs/ : what an update of each kind is refused for.
FIXED: dict[str, tuple[Path, ...]] = {
    "Deployment": (("spec", "selector"),),
    "DaemonSet": (("spec", "selector"),),
    "ReplicaSet": (("spec", "selector"),),
    "StatefulSet": (
        ("spec", "selector"), ("spec", "serviceName"), ("spec", "podManagementPolicy"),
        ("spec", "volumeClaimTemplates"),
    ),
    "Job": (("spec", "selector"), ("spec", "template"), ("spec", "completionMode")),
    "PersistentVolumeClaim": (
        ("spec", "storageClassName"), ("spec", "volumeName"), ("spec", "accessModes"),
        ("spec", "selector"),
    ),
    "StorageClass": (("provisioner",), ("parameters",), ("reclaimPolicy",)),
    "PriorityClass": (("value",),),
    "CustomResourceDefinition": (("spec", "scope"), ("spec", "group")),
}  # fmt: skip


def fixed(pair: Pair) -> Iterator[Finding]:
    for path in FIXED.get(pair.new.kind, ()):
        old, new = pair.both(*path)
        if old is not None and old != new:
            what = f"changes {'.'.join(map(str, path))}, which may not change"
            yield Finding(IMMUTABLE, pair.new, path, what, ".".join(map(str, path)))
    old, new = pair.both("data")
    sealed = pair.new.kind in ("ConfigMap", "Secret") and pair.old.body.get("immutable") is True
    if sealed and old != new:
        yield Finding(IMMUTABLE, pair.new, ("data",), "changes what was made immutable")


def bindings(pair: Pair) -> Iterator[Finding]:
    old, new = pair.both("roleRef")
    if pair.new.kind in ("RoleBinding", "ClusterRoleBinding") and old and old != new:
        yield Finding(ROLE_REF, pair.new, ("roleRef",), "is to bind another role")


def services(pair: Pair) -> Iterator[Finding]:
    if pair.new.kind != "Service":
        return
    old, new = pair.both("spec", "selector")
    if old and old != new:
        yield Finding(SERVICE_SELECTOR, pair.new, ("spec", "selector"), "selects other pods")
    left = [mapping(one).get("port") for one in sequence(pair.new.spec.get("ports"))]
    for one in sequence(pair.old.spec.get("ports")):
        port = mapping(one).get("port")
        if port is not None and port not in left:
            what = f"no longer offers port {str(port)[:20]}"
            yield Finding(PORT_GONE, pair.new, ("spec", "ports"), what, str(port))


def ingresses(pair: Pair) -> Iterator[Finding]:
    if pair.new.kind != "Ingress":
        return
    for host in sorted(_hosts(pair.old) - _hosts(pair.new)):
        what = f"no longer serves {host[:100]}"
        yield Finding(HOST_GONE, pair.new, ("spec", "rules"), what, host)


def _hosts(ingress: Manifest) -> set[str]:
    rules = sequence(ingress.spec.get("rules"))
    return {text(mapping(one).get("host")) for one in rules} - {""}


def claims(pair: Pair) -> Iterator[Finding]:
    path = ("spec", "resources", "requests", "storage")
    old, new = (quantity(one) for one in pair.both(*path))
    if pair.new.kind == "PersistentVolumeClaim" and old and new is not None and new < old:
        yield Finding(CLAIM_SHRUNK, pair.new, path, "asks for a smaller volume")


def capacity(pair: Pair) -> Iterator[Finding]:
    """An autoscaler's word on replicas goes before the workload's own."""
    where = ("spec", "replicas")
    if pod_of(pair.new) is None or autoscaled(pair.after, pair.new) is not None:
        return
    old, new = replicas_of(pair.old), replicas_of(pair.new)
    if new == 0 < old:
        yield Finding(TO_ZERO, pair.new, where, f"goes from {old} pods to none")
    elif 0 < new <= old / 2 and new > 1:
        yield Finding(FEWER, pair.new, where, f"goes from {old} pods to {new}")


def autoscalers(pair: Pair) -> Iterator[Finding]:
    if pair.new.kind != "HorizontalPodAutoscaler":
        return
    lows = (least(pair.old), least(pair.new))
    highs = tuple(number(one) or 0 for one in pair.both("spec", "maxReplicas"))
    for field, (old, new) in (("minReplicas", lows), ("maxReplicas", highs)):
        if 1 < new <= old / 3:
            what = f"lowers {field} from {old} to {new}"
            yield Finding(SCALER_CUT, pair.new, ("spec", field), what, field)


def limits(pair: Pair) -> Iterator[Finding]:
    old, new = pod_of(pair.old), pod_of(pair.new)
    if old is None or new is None:
        return
    before = {one.name: one for one in old.containers()}
    for one in new.containers():
        for kind in ("memory", "cpu"):
            path = ("resources", "limits", kind)
            was = _limit(before.get(one.name), path)
            now = _limit(one, path)
            if was and now and now <= was / 2:
                shown = str(at(one.spec, *path))[:20]
                what = f"container {one.name} has its {kind} limit cut to {shown}"
                part = f"{one.name}/{kind}"
                yield Finding(LIMIT_CUT, pair.new, (*one.path, *path), what, part)


def _limit(one: Container | None, path: Path) -> float | None:
    return quantity(at(one.spec, *path)) if one else None


def definitions(pair: Pair) -> Iterator[Finding]:
    if pair.new.kind != "CustomResourceDefinition":
        return
    for version in sorted(_served(pair.old) - _served(pair.new)):
        what = f"no longer serves version {version[:40]}"
        yield Finding(VERSION_GONE, pair.new, ("spec", "versions"), what, version)


def _served(definition: Manifest) -> set[str]:
    listed = [mapping(one) for one in sequence(definition.spec.get("versions"))]
    found = {text(one.get("name")) for one in listed if one.get("served") is not False}
    return (found | {text(definition.spec.get("version"))}) - {""}


def policies(pair: Pair) -> Iterator[Finding]:
    """A rule without peers lets everybody in: one that had peers and lost them all."""
    if pair.new.kind != "NetworkPolicy":
        return
    old, new = (_least_peers(one) for one in (pair.old, pair.new))
    if new == 0 and old != 0:
        where = ("spec", "ingress")
        yield Finding(ACCESS_OPENED, pair.new, where, "lets everybody in, unlike before")


def _least_peers(policy: Manifest) -> int | None:
    """None: it has no rule, and so lets nobody in."""
    rules = [mapping(one) for one in sequence(policy.spec.get("ingress"))]
    return min((len(sequence(one.get("from"))) for one in rules), default=None)


Change = Callable[[Pair], Iterable[Finding]]

RULES: Sequence[Change] = (
    fixed, bindings, services, ingresses, claims, capacity, autoscalers, limits, definitions,
    policies,
)  # fmt: skip
