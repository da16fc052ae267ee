"""Who reaches the pods: services, ingresses, network policies, and what watches them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from controlplane.risk.kubernetes.findings import Finding, Rule, Scene, check
from controlplane.risk.kubernetes.objects import Manifest, Path, mapping, number, sequence, text
from controlplane.risk.kubernetes.selectors import selects

DANGLING_SERVICE = check(
    "dangling_service", "high",
    "The Service has no pod behind it: whoever calls it gets refused connections.",
    "Make its selector match the labels of the pod template.",
    "kube-linter:dangling-service",
    fresh="medium",
)  # fmt: skip
DANGLING_INGRESS = check(
    "dangling_ingress", "high",
    "The ingress leads to no Service: its users get 503.",
    "Name a Service of the same namespace and one of its ports.",
    "kube-linter:dangling-ingress",
    fresh="medium",
)  # fmt: skip
DANGLING_MONITOR = check(
    "dangling_servicemonitor", "medium",
    "Nothing is scraped: the metrics that a canary is judged by do not come.",
    "Make its selector match the labels of a Service.",
    "kube-linter:dangling-servicemonitor",
)  # fmt: skip
DANGLING_POLICY = check(
    "dangling_networkpolicy", "medium",
    "The policy protects no pod; the pods that it was meant for are open.",
    "Make its podSelector match the labels of the pod template.",
    "kube-linter:dangling-networkpolicy",
)  # fmt: skip
DANGLING_PEER = check(
    "dangling_networkpolicy_peer", "medium",
    "The rule lets nobody in: those who were meant to be let in are shut out.",
    "Make the peer's podSelector match the labels of the callers.",
    "kube-linter:dangling-networkpolicypeer-podselector",
)  # fmt: skip
BAD_PORT = check(
    "invalid_port", "medium",
    "The API server refuses the object.",
    "Ports are 1 to 65535; their names have at most 15 of a-z, 0-9 and -, with a letter.",
    "kube-linter:invalid-target-ports",
)  # fmt: skip
EXPOSED = check(
    "service_exposed", "medium",
    "The Service is reachable from outside of the cluster, past ingress, TLS and its rules.",
    "Use ClusterIP behind an Ingress, or an internal load balancer with source ranges.",
    "kube-linter:exposed-services",
)  # fmt: skip
NO_TLS = check(
    "ingress_without_tls", "medium",
    "Passwords and sessions cross the network in clear text.",
    "Add spec.tls with the certificate's secret.",
    "polaris:tlsSettingsMissing",
    fresh="low", family="hardening",
)  # fmt: skip
NOT_ISOLATED = check(
    "pod_not_isolated", "medium",
    "Every pod of the cluster can reach it, the one that was broken into as well.",
    "Add a NetworkPolicy that selects it and names its callers.",
    "polaris:missingNetworkPolicy kube-linter:non-isolated-pod",
    fresh="low", family="hardening",
)  # fmt: skip
OPEN_POLICY = check(
    "networkpolicy_open", "medium",
    "The policy lets everybody in, and so isolates nothing.",
    "Name the callers under `from`.",
)  # fmt: skip


def services(scene: Scene) -> Iterator[Finding]:
    namespaces = {pod.manifest.namespace for pod in scene.pods}
    for service in scene.objects.of_kind("Service"):
        yield from _ports(service)
        if service.spec.get("type") in ("NodePort", "LoadBalancer") and not _internal(service):
            what = f"is a Service of type {text(service.spec.get('type'))}"
            yield Finding(EXPOSED, service, ("spec", "type"), what)
        wanted = mapping(service.spec.get("selector"))
        backed = any(True for _ in scene.index.with_labels(service.namespace, wanted))
        if wanted and service.namespace in namespaces and not backed:
            yield Finding(DANGLING_SERVICE, service, ("spec", "selector"), "selects no pod")


def _internal(service: Manifest) -> bool:
    """How the clouds mark a load balancer without a public address: `…-internal: "true"`, or a
    type or scheme `internal`.
    """
    return any(
        "load-balancer" in str(key)
        and (str(value).lower() == "internal" or ("internal" in str(key) and value != "false"))
        for key, value in service.annotations.items()
    )


def _ports(service: Manifest) -> Iterator[Finding]:
    for index, port in enumerate(sequence(service.spec.get("ports"))):
        for field in ("port", "targetPort"):
            value = mapping(port).get(field)
            if value is not None and not _valid(value):
                what = f"has the {field} {str(value)[:40]}"
                where = ("spec", "ports", index, field)
                yield Finding(BAD_PORT, service, where, what, f"{field} {value}"[:100])


def _valid(value: Any) -> bool:
    if isinstance(value, str) and not value.isdigit():
        plain = value.replace("-", "")
        return (
            0 < len(value) <= 15
            and plain.isascii()
            and plain.isalnum()
            and value == value.lower()
            and any(letter.isalpha() for letter in value)
        )
    whole = int(value) if isinstance(value, str) and len(value) < 10 else number(value)
    return whole is not None and 0 < whole < 65536


def container_ports(scene: Scene) -> Iterator[Finding]:
    for pod in scene.pods:
        for one in pod.containers():
            for index, port in enumerate(sequence(one.spec.get("ports"))):
                inner, name = mapping(port).get("containerPort"), mapping(port).get("name")
                numeric = isinstance(name, str) and name.isdigit()
                named = name is None or (not numeric and _valid(name))
                if named and (inner is None or _valid(inner)):
                    continue
                what = f"container {one.name} has the port {str(inner)[:20]} named {str(name)[:30]}"
                where = (*one.path, "ports", index)
                yield Finding(BAD_PORT, pod.manifest, where, what, f"{one.name}/{index}")


def ingresses(scene: Scene) -> Iterator[Finding]:
    namespaces = {one.namespace for one in scene.objects.of_kind("Service")}
    for ingress in scene.objects.of_kind("Ingress"):
        if not sequence(ingress.spec.get("tls")):
            yield Finding(NO_TLS, ingress, ("spec", "tls"), "has no TLS")
        if ingress.namespace not in namespaces:
            continue
        for where, name, port in _backends(ingress):
            service = scene.objects.named("Service", ingress.namespace, name)
            if service is None or not _has_port(service, port):
                what = f"leads to Service {name[:60]}, which is not there with that port"
                yield Finding(DANGLING_INGRESS, ingress, where, what, f"{name} {port}"[:100])


def _backends(ingress: Manifest) -> Iterator[tuple[tuple[str | int, ...], str, Any]]:
    found: list[tuple[tuple[str | int, ...], Any]] = [
        (("spec", "defaultBackend"), ingress.spec.get("defaultBackend"))
    ]
    for index, rule in enumerate(sequence(ingress.spec.get("rules"))):
        paths = sequence(mapping(mapping(rule).get("http")).get("paths"))
        for inner, path in enumerate(paths):
            spot = ("spec", "rules", index, "http", "paths", inner, "backend")
            found.append((spot, mapping(path).get("backend")))
    for where, backend in found:
        service = mapping(mapping(backend).get("service"))
        name = text(service.get("name")) or text(mapping(backend).get("serviceName"))
        port = mapping(service.get("port"))
        if name:
            wanted = port.get("number") or port.get("name") or mapping(backend).get("servicePort")
            yield where, name, wanted


def _has_port(service: Manifest, wanted: Any) -> bool:
    """A Service whose ports are not told, such as an ExternalName, is believed."""
    ports = [mapping(one) for one in sequence(service.spec.get("ports"))]
    return (
        wanted is None
        or not ports
        or any(wanted in (one.get("port"), one.get("name")) for one in ports)
    )


def monitors(scene: Scene) -> Iterator[Finding]:
    services_ = list(scene.objects.of_kind("Service"))
    for monitor in scene.objects.of_kind("ServiceMonitor") if services_ else ():
        wanted = mapping(monitor.spec.get("selector"))
        spaces = mapping(monitor.spec.get("namespaceSelector"))
        named = sequence(spaces.get("matchNames"))
        if not any(
            selects(wanted, one.labels) and (not named or one.namespace in named)
            for one in services_
        ):
            yield Finding(DANGLING_MONITOR, monitor, ("spec", "selector"), "selects no Service")


def policies(scene: Scene) -> Iterator[Finding]:
    isolated: set[int] = set()
    for policy in scene.objects.of_kind("NetworkPolicy"):
        wanted = policy.spec.get("podSelector")
        chosen = {pod.manifest.order for pod in scene.index.selected(policy.namespace, wanted)}
        isolated |= chosen
        if wanted and not chosen and scene.index.of(policy.namespace):
            yield Finding(DANGLING_POLICY, policy, ("spec", "podSelector"), "selects no pod")
        for direction, field in (("ingress", "from"), ("egress", "to")):
            for index, rule in enumerate(sequence(policy.spec.get(direction))):
                peers = [mapping(one) for one in sequence(mapping(rule).get(field))]
                yield from _peers(scene, policy, ("spec", direction, index), peers)
    for pod in scene.pods:
        if not pod.finite and pod.manifest.order not in isolated:
            what = "is selected by no network policy"
            yield Finding(NOT_ISOLATED, pod.manifest, pod.path, what)


def _peers(
    scene: Scene, policy: Manifest, where: Path, peers: Sequence[Mapping[str, Any]]
) -> Iterator[Finding]:
    part = f"{where[1]} {where[2]}"
    if where[1] == "ingress" and (not peers or _everybody(peers)):
        yield Finding(OPEN_POLICY, policy, where, "lets everybody in", part)
    for peer in peers if scene.index.of(policy.namespace) else ():
        inner = mapping(peer.get("podSelector"))
        near = scene.index.selected(policy.namespace, inner)
        if inner and "namespaceSelector" not in peer and next(near, None) is None:
            what = f"names a peer under {where[1]} that no pod is"
            yield Finding(DANGLING_PEER, policy, where, what, part)


def _everybody(peers: Sequence[Mapping[str, Any]]) -> bool:
    return any(mapping(one.get("ipBlock")).get("cidr") in ("0.0.0.0/0", "::/0") for one in peers)


RULES: Sequence[Rule] = (services, container_ports, ingresses, monitors, policies)
