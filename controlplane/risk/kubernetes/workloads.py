"""What keeps a pod's containers running well: image, probes, memory and processor, environment."""

from collections.abc import Iterator, Sequence
from typing import Any

from controlplane.risk.images import MOVING_TAGS, image_of
from controlplane.risk.kubernetes.findings import Check, Finding, Rule, Scene, check
from controlplane.risk.kubernetes.objects import Path, mapping, number, sequence, text
from controlplane.risk.kubernetes.pods import Container, Pod
from controlplane.risk.kubernetes.quantities import quantity

TAG_MISSING = check(
    "image_tag_missing", "high",
    "The same name means another image tomorrow: pods differ, and a rollback finds nothing.",
    "Name a version's tag, best with its digest (name:1.4.2@sha256:…).",
    "polaris:tagNotSpecified kube-linter:latest-tag checkov:CKV_K8S_14",
)  # fmt: skip
TAG_MOVING = check(
    "image_tag_moving", "high",
    "The same name means another image tomorrow: pods differ, and a rollback finds nothing.",
    "Name a version's tag, best with its digest (name:1.4.2@sha256:…).",
    "polaris:tagNotSpecified kube-linter:latest-tag checkov:CKV_K8S_14",
)  # fmt: skip
IMAGE_MISSING = check(
    "image_missing", "medium",
    "The API server refuses a container without an image, unless this is a patch.",
    "Name the image.",
    "polaris:tagNotSpecified",
    family="reliability",
)  # fmt: skip
PULL_POLICY = check(
    "pull_policy_not_always", "low",
    "A node that has the tag already runs what it has, whoever may use that image.",
    "Set imagePullPolicy: Always, or name images by digest.",
    "polaris:pullPolicyNotAlways checkov:CKV_K8S_15",
    family="hygiene",
)  # fmt: skip
READINESS = check(
    "readiness_probe_missing", "medium",
    "Traffic arrives before the program is ready, and a broken new version looks healthy: "
    "the roll-out goes on over it.",
    "Add a readinessProbe that asks what the callers need.",
    "polaris:readinessProbeMissing kube-linter:no-readiness-probe checkov:CKV_K8S_9",
    family="reliability",
)  # fmt: skip
LIVENESS = check(
    "liveness_probe_missing", "medium",
    "A program that hangs is not started anew.",
    "Add a livenessProbe that asks the process itself, not what it depends on.",
    "polaris:livenessProbeMissing kube-linter:no-liveness-probe checkov:CKV_K8S_8",
    fresh="low", family="reliability",
)  # fmt: skip
MEMORY_LIMIT = check(
    "memory_limit_missing", "medium",
    "A leak takes the memory of the node and the pods beside it.",
    "Set resources.limits.memory.",
    "polaris:memoryLimitsMissing kube-linter:unset-memory-requirements checkov:CKV_K8S_13",
    family="reliability",
)  # fmt: skip
MEMORY_REQUEST = check(
    "memory_request_missing", "medium",
    "The scheduler puts the pod where there is no room, and it is among the first to be evicted.",
    "Set resources.requests.memory to what it usually takes.",
    "polaris:memoryRequestsMissing kube-linter:unset-memory-requirements checkov:CKV_K8S_12",
    fresh="low", family="reliability",
)  # fmt: skip
CPU_REQUEST = check(
    "cpu_request_missing", "medium",
    "The scheduler takes it for free: the node is overbooked, and autoscaling by CPU cannot work.",
    "Set resources.requests.cpu to what it usually takes.",
    "polaris:cpuRequestsMissing kube-linter:unset-cpu-requirements checkov:CKV_K8S_10",
    fresh="low", family="reliability",
)  # fmt: skip
CPU_LIMIT = check(
    "cpu_limit_missing", "low",
    "It can take all of the node's processors.",
    "Set resources.limits.cpu, or be content with requests where throttling hurts more.",
    "polaris:cpuLimitsMissing checkov:CKV_K8S_11",
    family="reliability",
)  # fmt: skip
RANGE = check(
    "resources_out_of_range", "low",
    "So little starves the program, so much leaves no node that could take it.",
    "Set limits between 0.1 and 2 processors and between 100 MB and 6 GB, or say why not.",
    "polaris:resourceRange",
    family="hygiene",
)  # fmt: skip
DUPLICATE_ENV = check(
    "duplicate_environment_variable", "medium",
    "Only the last one counts, and server-side apply refuses the object.",
    "Keep one of them.",
    "kube-linter:duplicate-env-var",
)  # fmt: skip
PROBE_PORTS = {
    probe: check(
        f"{name}_port_not_open", "medium",
        "The probe asks a port that the container does not declare: by name it never succeeds.",
        "Ask a declared port, by its name.",
        f"kube-linter:{name}-port",
        family="reliability",
    )
    for probe, name in (
        ("livenessProbe", "liveness"),
        ("readinessProbe", "readiness"),
        ("startupProbe", "startup"),
    )
}  # fmt: skip
_PROBE_ACTIONS = ("httpGet", "tcpSocket", "grpc")


def _found(test: Check, pod: Pod, one: Container, path: Path, what: str) -> Finding:
    summary = f"container {one.name} {what}"
    return Finding(test, pod.manifest, (*one.path, *path), summary, one.name)


def images(scene: Scene) -> Iterator[Finding]:
    for pod in scene.pods:
        for one in pod.containers():
            yield from _image(pod, one)


def _image(pod: Pod, one: Container) -> Iterator[Finding]:
    written = text(one.spec.get("image"))
    if not written:
        yield _found(IMAGE_MISSING, pod, one, ("image",), "names no image")
        return
    image = image_of(written)
    if image is not None and not image.digest:
        if not image.tag:
            what = f"runs {written[:100]} without a tag"
            yield _found(TAG_MISSING, pod, one, ("image",), what)
        elif image.tag.lower() in MOVING_TAGS:
            yield _found(
                TAG_MOVING, pod, one, ("image",), f"runs {written[:100]}, a tag that moves"
            )
    moving = image is not None and image.tag in ("", "latest") and not image.digest
    policy = one.spec.get("imagePullPolicy")
    if policy != "Always" and not (policy is None and moving and image and image.tag):
        yield _found(PULL_POLICY, pod, one, ("imagePullPolicy",), "may run an image from cache")


def probes(scene: Scene) -> Iterator[Finding]:
    for pod in scene.pods:
        for one in () if pod.finite else pod.servers:
            if not one.spec.get("readinessProbe"):
                yield _found(READINESS, pod, one, ("readinessProbe",), "has no readiness probe")
            if not one.spec.get("livenessProbe"):
                yield _found(LIVENESS, pod, one, ("livenessProbe",), "has no liveness probe")
        for one in pod.containers():
            for name, test in PROBE_PORTS.items():
                port = _probed(one, name)
                if port is not None and not _declared(one, port):
                    what = f"probes port {str(port)[:50]}, which it does not declare"
                    yield _found(test, pod, one, (name,), what)


def _probed(one: Container, probe: str) -> Any:
    spec = mapping(one.spec.get(probe))
    ports = [mapping(spec.get(action)).get("port") for action in _PROBE_ACTIONS]
    return next((port for port in ports if port is not None), None)


def _declared(one: Container, port: Any) -> bool:
    declared = [mapping(each) for each in sequence(one.spec.get("ports"))]
    tcp = [each for each in declared if each.get("protocol") in (None, "TCP")]
    if number(port) is not None or (isinstance(port, str) and port.isdigit()):
        return any(str(each.get("containerPort")) == str(port) for each in tcp)
    return any(each.get("name") == port for each in tcp)


def resources(scene: Scene) -> Iterator[Finding]:
    for pod in scene.pods:
        for one in pod.servers:
            yield from _resources(pod, one)


def _resources(pod: Pod, one: Container) -> Iterator[Finding]:
    """A limit without a request is the request as well."""
    limits = mapping(mapping(one.spec.get("resources")).get("limits"))
    requests = mapping(mapping(one.spec.get("resources")).get("requests"))
    for kind, limit_test, request_test in (
        ("memory", MEMORY_LIMIT, MEMORY_REQUEST),
        ("cpu", CPU_LIMIT, CPU_REQUEST),
    ):
        limit, request = quantity(limits.get(kind)), quantity(requests.get(kind))
        if not limit:
            what = f"has no {kind} limit"
            yield _found(limit_test, pod, one, ("resources", "limits"), what)
        if not limit and not request:
            what = f"requests no {kind}"
            yield _found(request_test, pod, one, ("resources", "requests"), what)
        if limit and not _usual(kind, limit):
            where = ("resources", "limits", kind)
            what = f"has a {kind} limit of {str(limits[kind])[:20]}"
            yield _found(RANGE, pod, one, where, what)


def _usual(kind: str, limit: float) -> bool:
    return 0.1 <= limit <= 2 if kind == "cpu" else 1e8 <= limit <= 6e9


def environments(scene: Scene) -> Iterator[Finding]:
    for pod in scene.pods:
        for one in pod.containers():
            seen: set[str] = set()
            for index, variable in enumerate(sequence(one.spec.get("env"))):
                name = text(mapping(variable).get("name"))
                if name and name in seen:
                    what = f"sets {name[:60]} twice"
                    yield _found(DUPLICATE_ENV, pod, one, ("env", index), what)
                seen.add(name)


RULES: Sequence[Rule] = (images, probes, resources, environments)
