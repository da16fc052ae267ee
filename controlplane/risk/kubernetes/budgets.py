"""Whether nodes can be drained, and the pods survive it: disruption budgets and spreading."""

from collections.abc import Iterator, Sequence

from controlplane.risk.kubernetes.availability import SCALED, fewest
from controlplane.risk.kubernetes.findings import Finding, Rule, Scene, check
from controlplane.risk.kubernetes.objects import Manifest, mapping, sequence
from controlplane.risk.kubernetes.pods import Pod
from controlplane.risk.kubernetes.quantities import percentage, share_of
from controlplane.risk.kubernetes.selectors import selects

PDB_ZERO = check(
    "disruption_never_allowed", "medium",
    "No pod may ever be evicted: draining a node hangs, and so does each upgrade of the cluster.",
    "Allow at least one: maxUnavailable: 1.",
    "polaris:pdbDisruptionsIsZero",
)  # fmt: skip
PDB_ABOVE = check(
    "disruption_budget_above_replicas", "medium",
    "The budget wants more pods than there need be: no pod may be evicted, draining hangs.",
    "Set minAvailable below the replicas, or use maxUnavailable.",
    "polaris:pdbMinAvailableGreaterThanHPAMinReplicas kube-linter:pdb-min-available",
    implies="disruption_budget_equals_replicas",
)  # fmt: skip
PDB_EQUAL = check(
    "disruption_budget_equals_replicas", "medium",
    "The budget wants every pod there is: none may be evicted, draining a node hangs.",
    "Set minAvailable below the replicas, or use maxUnavailable.",
    "kube-linter:pdb-min-available polaris:pdbMinAvailableEqualToHPAMinReplicas",
)  # fmt: skip
PDB_MISSING = check(
    "disruption_budget_missing", "low",
    "Draining nodes may take all pods at once.",
    "Add a PodDisruptionBudget with maxUnavailable: 1.",
    "polaris:missingPodDisruptionBudget",
    family="reliability",
)  # fmt: skip
PDB_UNHEALTHY = check(
    "disruption_budget_keeps_unhealthy_pods", "low",
    "Pods that crash in a loop count against the budget and block draining.",
    "Set unhealthyPodEvictionPolicy: AlwaysAllow.",
    "kube-linter:pdb-unhealthy-pod-eviction-policy",
    family="hygiene",
)  # fmt: skip
TOGETHER = check(
    "replicas_may_share_a_node", "low",
    "All replicas may be on the node or in the zone that fails.",
    "Add topologySpreadConstraints or podAntiAffinity over kubernetes.io/hostname.",
    "kube-linter:no-anti-affinity polaris:topologySpreadConstraint",
    family="reliability",
)  # fmt: skip


def budgets(scene: Scene) -> Iterator[Finding]:
    for one in scene.objects.of_kind("PodDisruptionBudget"):
        most, floor = one.spec.get("maxUnavailable"), one.spec.get("minAvailable")
        if "unhealthyPodEvictionPolicy" not in one.spec:
            yield Finding(PDB_UNHEALTHY, one, ("spec",), "keeps unhealthy pods")
        none = most == 0 or percentage(most) == 0
        if none or percentage(floor) == 100:
            field, alias = ("maxUnavailable", "max-unavailable") if none else (
                "minAvailable", "min-available",
            )  # fmt: skip
            peer = (f"kube-linter:pdb-{alias}",)
            yield Finding(PDB_ZERO, one, ("spec", field), "allows no eviction", "", peer)
        elif floor is not None:
            yield from _floor(scene, one, floor)


def _floor(scene: Scene, budget: Manifest, floor: object) -> Iterator[Finding]:
    """The first workload that it blocks: one is enough to keep a node from being drained."""
    for pod in scene.index.selected(budget.namespace, budget.spec.get("selector")):
        owner = pod.manifest
        count = fewest(scene, owner) if owner.kind in SCALED else None
        wanted = share_of(floor, count) if count else None
        if count and wanted is not None and wanted >= count:
            test = PDB_ABOVE if wanted > count else PDB_EQUAL
            what = f"wants {wanted} pods of {owner.title}, which may have {count}"
            yield Finding(test, budget, ("spec", "minAvailable"), what)
            return


def unprotected(scene: Scene) -> Iterator[Finding]:
    covered = {
        pod.manifest.order
        for one in scene.objects.of_kind("PodDisruptionBudget")
        for pod in scene.index.selected(one.namespace, one.spec.get("selector"))
    }
    for pod in scene.pods:
        owner = pod.manifest
        if owner.kind not in SCALED or fewest(scene, owner) in (0, 1):
            continue
        if owner.order not in covered:
            yield Finding(PDB_MISSING, owner, ("spec",), "has no disruption budget")
        if not _apart(pod):
            where = (*pod.path, "affinity")
            yield Finding(TOGETHER, owner, where, "may have all its pods on one node")


def _apart(pod: Pod) -> bool:
    """An anti-affinity that looks elsewhere, or for other labels, keeps nothing apart."""
    if sequence(pod.spec.get("topologySpreadConstraints")):
        return True
    rules = mapping(mapping(pod.spec.get("affinity")).get("podAntiAffinity"))
    terms = [mapping(one) for one in sequence(
        rules.get("requiredDuringSchedulingIgnoredDuringExecution")
    )] + [mapping(mapping(one).get("podAffinityTerm")) for one in sequence(
        rules.get("preferredDuringSchedulingIgnoredDuringExecution")
    )]  # fmt: skip
    return any(
        selects(term.get("labelSelector"), pod.labels)
        and pod.manifest.namespace in (sequence(term.get("namespaces")) or [pod.manifest.namespace])
        for term in terms
    )


RULES: Sequence[Rule] = (budgets, unprotected)
