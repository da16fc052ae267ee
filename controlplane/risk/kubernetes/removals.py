"""Objects that were there before and are no longer: gone where the pipeline prunes."""

from collections.abc import Iterable, Iterator

from controlplane.risk.kubernetes.findings import Check, Finding, check
from controlplane.risk.kubernetes.objects import Manifest
from controlplane.risk.kubernetes.pods import pod_of
from controlplane.risk.names import vocabulary

STATEFUL = check(
    "stateful_object_removed", "critical",
    "With it goes its data: of a namespace or a definition, all objects within; of a claim, the "
    "volume where the reclaim policy says Delete.",
    "Take a back-up and test it; set the reclaim policy to Retain; then remove it by hand.",
    reversibility="irreversible",
)  # fmt: skip
SERVING = check(
    "serving_object_removed", "high",
    "Whoever calls it gets errors from the moment it is pruned.",
    "Take its traffic away first and watch that it stays at none; then remove it.",
)  # fmt: skip
PROTECTION = check(
    "protection_removed", "high",
    "What it kept out is let in from the moment it is pruned.",
    "Say what takes its place, and put that in first.",
)  # fmt: skip
GUARD = check(
    "guard_removed", "medium",
    "It kept capacity in step with the load, pods from being evicted at once, or was how "
    "trouble is seen.",
    "Say what takes its place, and put that in first.",
)  # fmt: skip
RENAMED = check(
    "object_renamed", "medium",
    "A new object is made and the old one stays or is pruned: it is no update in stages.",
    "Keep the name; or run both, move the traffic, then remove the old one.",
)  # fmt: skip

_STATEFUL = vocabulary(
    "Namespace PersistentVolumeClaim PersistentVolume StatefulSet CustomResourceDefinition"
)
_SERVING = vocabulary("Service Ingress HTTPRoute Gateway VirtualService Route")
_PROTECTIONS = vocabulary(
    "NetworkPolicy ResourceQuota ValidatingWebhookConfiguration ValidatingAdmissionPolicy "
    "PodSecurityPolicy PeerAuthentication AuthorizationPolicy"
)
_GUARDS = vocabulary(
    "PodDisruptionBudget HorizontalPodAutoscaler ScaledObject LimitRange PrometheusRule "
    "ServiceMonitor PodMonitor"
)
_PEERS = {
    "PodDisruptionBudget": ("polaris:missingPodDisruptionBudget",),
    "NetworkPolicy": ("polaris:missingNetworkPolicy", "kube-linter:non-isolated-pod"),
}
# Operators' kinds that stand for a database, whatever the operator.
_DATABASE = ("Cluster", "Database", "Postgresql", "Kafka", "Redis", "Elasticsearch", "MongoDB")


def removed(gone: Iterable[Manifest]) -> Iterator[Finding]:
    for one in gone:
        test = _test(one)
        if test is not None:
            what, peers = "is no longer among the objects", _PEERS.get(one.kind, ())
            yield Finding(test, one, (), what, "", peers)


def _test(one: Manifest) -> Check | None:
    if one.kind in _STATEFUL or (one.group.count(".") >= 1 and one.kind in _DATABASE):
        return STATEFUL
    if one.kind in _PROTECTIONS | _GUARDS:
        return PROTECTION if one.kind in _PROTECTIONS else GUARD
    return SERVING if one.kind in _SERVING or pod_of(one) is not None else None


def renamed(pairs: Iterable[tuple[Manifest, Manifest]]) -> Iterator[Finding]:
    """ConfigMaps and Secrets take a new name with each content where a generator makes them."""
    for old, new in pairs:
        if old.name != new.name and new.kind not in ("ConfigMap", "Secret"):
            what = f"was {old.name[:60] or '(unnamed)'} before"
            yield Finding(RENAMED, new, ("metadata", "name"), what)
