"""Whether enough pods stay up: replicas and autoscalers."""

from collections.abc import Iterator, Sequence

from controlplane.risk.kubernetes.findings import Finding, Rule, Scene, check
from controlplane.risk.kubernetes.objects import Manifest, mapping, number, text

SINGLE = check(
    "single_replica", "medium",
    "One pod: each eviction and each crash is an outage, and a canary has nothing beside it.",
    "Run at least two, or an autoscaler with minReplicas: 2.",
    "polaris:deploymentMissingReplicas kube-linter:minimum-three-replicas",
    fresh="low", family="reliability", implies="few_replicas",
)  # fmt: skip
FEW = check(
    "few_replicas", "low",
    "With two, a drained node leaves one pod that has to carry everything.",
    "Run three.",
    "kube-linter:minimum-three-replicas",
    family="reliability",
)  # fmt: skip
HPA_MINIMUM = check(
    "autoscaler_minimum_low", "medium",
    "In a quiet hour one pod is left: each eviction and each crash is an outage.",
    "Set minReplicas to at least two.",
    "polaris:hpaMinAvailability kube-linter:hpa-minimum-three-replicas",
    fresh="low", family="reliability", implies="autoscaler_minimum_two",
)  # fmt: skip
HPA_TWO = check(
    "autoscaler_minimum_two", "low",
    "With two, a drained node leaves one pod that has to carry everything.",
    "Set minReplicas to three.",
    "kube-linter:hpa-minimum-three-replicas",
    family="reliability",
)  # fmt: skip
HPA_STUCK = check(
    "autoscaler_cannot_scale", "medium",
    "maxReplicas is no higher than minReplicas: more load brings no more pods.",
    "Raise maxReplicas.",
    "polaris:hpaMaxAvailability",
)  # fmt: skip
HPA_DANGLING = check(
    "dangling_autoscaler", "medium",
    "It scales nothing: more load brings no more pods.",
    "Name an existing workload under scaleTargetRef.",
    "kube-linter:dangling-horizontalpodautoscaler",
)  # fmt: skip

SCALED = ("Deployment", "DeploymentConfig", "StatefulSet", "ReplicaSet", "Rollout")


def autoscaled(scene: Scene, workload: Manifest) -> Manifest | None:
    """The autoscaler of a workload; KEDA's ScaledObject makes one."""
    return scene.scalers.get((workload.kind, workload.namespace, workload.name))


def least(scaler: Manifest) -> int:
    """How few pods it may leave."""
    field = "minReplicaCount" if scaler.kind == "ScaledObject" else "minReplicas"
    found = number(scaler.spec.get(field))
    return 1 if found is None else found


def replicas_of(workload: Manifest) -> int:
    found = number(workload.spec.get("replicas"))
    return 1 if found is None else found


def fewest(scene: Scene, workload: Manifest) -> int | None:
    """None: neither an autoscaler nor the workload says it, so somebody else may."""
    scaler = autoscaled(scene, workload)
    return least(scaler) if scaler else number(workload.spec.get("replicas"))


def replicas(scene: Scene) -> Iterator[Finding]:
    for one in scene.objects.of_kind("Deployment", "DeploymentConfig", "Rollout"):
        if autoscaled(scene, one) is None:
            count = replicas_of(one)
            if count == 1:
                yield Finding(SINGLE, one, ("spec", "replicas"), "runs one pod")
            elif count == 2:
                yield Finding(FEW, one, ("spec", "replicas"), "runs two pods")


def autoscalers(scene: Scene) -> Iterator[Finding]:
    targets = {(pod.manifest.kind, pod.manifest.namespace, pod.manifest.name) for pod in scene.pods}
    spaces = {space for _, space, _ in targets}
    for one in scene.objects.of_kind("HorizontalPodAutoscaler", "ScaledObject"):
        low = least(one)
        where = ("spec", "minReplicas" if "minReplicas" in one.spec else "minReplicaCount")
        if low < 2 and one.kind != "ScaledObject":
            yield Finding(HPA_MINIMUM, one, where, f"may scale down to {low}")
        elif low == 2:
            yield Finding(HPA_TWO, one, where, "may scale down to two")
        high = number(one.spec.get("maxReplicas"))
        if high is not None and high <= low:
            what = f"has minimum {low} and maximum {high}"
            yield Finding(HPA_STUCK, one, ("spec", "maxReplicas"), what)
        target = mapping(one.spec.get("scaleTargetRef"))
        key = (text(target.get("kind")) or "Deployment", one.namespace, text(target.get("name")))
        if one.namespace in spaces and key not in targets:
            what = f"targets {key[0]} {key[2]}, which is not there"[:150]
            yield Finding(HPA_DANGLING, one, ("spec", "scaleTargetRef"), what)


RULES: Sequence[Rule] = (replicas, autoscalers)
