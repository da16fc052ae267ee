"""Pods that reach the host: namespaces, privileges, capabilities, mounts, ports, sysctls."""

import posixpath
from collections.abc import Iterator, Mapping, Sequence

from controlplane.risk.kubernetes.findings import Finding, Rule, Scene, check, of_pod
from controlplane.risk.kubernetes.objects import mapping, number, sequence, text
from controlplane.risk.kubernetes.pods import Container, Pod
from controlplane.risk.names import vocabulary

ESCAPE = "Who breaks into this container has the node, and with it every pod that runs there."

HOST_NAMESPACES = {
    "hostNetwork": check(
        "host_network", "high",
        "The pod sees and can answer all traffic of the node and passes by network policies.",
        "Use a Service, or a hostPort for the one port that is needed.",
        "polaris:hostNetworkSet kube-linter:host-network checkov:CKV_K8S_19",
    ),
    "hostPID": check(
        "host_pid", "high",
        "The pod sees all processes of the node, their environments and secrets.",
        "Leave hostPID out; share processes within the pod (shareProcessNamespace).",
        "polaris:hostPIDSet kube-linter:host-pid checkov:CKV_K8S_17",
    ),
    "hostIPC": check(
        "host_ipc", "high",
        "The pod can read the shared memory of other processes of the node.",
        "Leave hostIPC out.",
        "polaris:hostIPCSet kube-linter:host-ipc checkov:CKV_K8S_18",
    ),
}  # fmt: skip
PRIVILEGED = check(
    "privileged_container", "high", ESCAPE,
    "Leave `privileged` out and add the one capability that is needed.",
    "polaris:runAsPrivileged kube-linter:privileged-container checkov:CKV_K8S_16",
    implies="privilege_escalation privilege_escalation_default",
)  # fmt: skip
HOST_PROCESS = check(
    "host_process", "high", ESCAPE,
    "Leave windowsOptions.hostProcess out.",
    "polaris:hostProcess",
)  # fmt: skip
DANGEROUS = check(
    "dangerous_capability", "high", ESCAPE,
    "Drop ALL and add only what the program needs; none of these is a part of a web service.",
    "polaris:dangerousCapabilities checkov:CKV_K8S_39",
)  # fmt: skip
DOCKER_SOCKET = check(
    "container_runtime_socket", "high",
    "Who can talk to the container runtime can start a privileged container.",
    "Build images with a tool that needs no daemon; read metrics from the kubelet.",
    "kube-linter:docker-sock kube-linter:container-runtime-sock checkov:CKV_K8S_27",
    implies="host_path",
)  # fmt: skip
SENSITIVE_PATH = check(
    "sensitive_host_path", "high", ESCAPE,
    "Mount the one directory that is needed, read-only, or use a volume of the cluster.",
    "kube-linter:sensitive-host-mounts polaris:hostPathSet",
    implies="host_path",
)  # fmt: skip
HOST_PATH = check(
    "host_path", "medium",
    "The pod depends on what happens to lie on its node, and other pods can reach it too.",
    "Use an emptyDir, a persistent volume or a ConfigMap.",
    "polaris:hostPathSet",
)  # fmt: skip
WRITABLE_PATH = check(
    "writable_host_path", "medium",
    "What the container writes there stays on the node and can change what other programs do.",
    "Set readOnly: true on the mount.",
    "kube-linter:writable-host-mount",
)  # fmt: skip
HOST_PORT = check(
    "host_port", "medium",
    "Only one pod a node can have it, and it is reachable past the Service's rules.",
    "Use a Service of type NodePort or LoadBalancer, or an Ingress.",
    "polaris:hostPortSet checkov:CKV_K8S_26",
)  # fmt: skip
PROC_MOUNT = check(
    "proc_mount_unmasked", "high",
    "The parts of /proc that the runtime hides from containers are laid open.",
    "Leave procMount at Default.",
    "polaris:procMount kube-linter:unsafe-proc-mount",
)  # fmt: skip
SYSCTL = check(
    "unsafe_sysctl", "medium",
    "It reaches beyond the pod or keeps it from starting: the kubelet refuses unsafe sysctls.",
    "Use only the safe set, or allow it on a pool of nodes of its own.",
    "kube-linter:unsafe-sysctls",
)  # fmt: skip
SSH_PORT = check(
    "ssh_port", "medium",
    "A shell reachable over the network is a way in that no audit log of the cluster sees.",
    "Use `kubectl exec` behind RBAC.",
    "kube-linter:ssh-port",
)  # fmt: skip
PRIVILEGED_PORT = check(
    "privileged_port", "low",
    "Ports below 1024 need a capability that the container could do without.",
    "Listen on a port above 1024 and map it in the Service.",
    "kube-linter:privileged-ports",
    family="hygiene",
)  # fmt: skip

DANGEROUS_CAPABILITIES = vocabulary(
    "ALL SYS_ADMIN NET_ADMIN SYS_MODULE SYS_PTRACE SYS_RAWIO DAC_READ_SEARCH BPF SYS_BOOT "
    "SYS_TIME MAC_ADMIN MAC_OVERRIDE PERFMON"
)
SENSITIVE_PATHS = ("/", "/boot", "/dev", "/etc", "/lib", "/proc", "/sys", "/usr", "/root", "/home")
SENSITIVE_BELOW = ("/etc/kubernetes", "/var/lib/kubelet", "/var/lib/etcd", "/var/run", "/run")
SOCKETS = ("docker.sock", "containerd.sock", "crio.sock", "dockershim.sock")
# https://kubernetes.io/docs/tasks/administer-cluster/sysctl-cluster/ : the safe set
SAFE_SYSCTLS = vocabulary(
    "kernel.shm_rmid_forced net.ipv4.ip_local_port_range net.ipv4.tcp_syncookies "
    "net.ipv4.ping_group_range net.ipv4.ip_unprivileged_port_start "
    "net.ipv4.ip_local_reserved_ports net.ipv4.tcp_keepalive_time net.ipv4.tcp_fin_timeout "
    "net.ipv4.tcp_keepalive_intvl net.ipv4.tcp_keepalive_probes net.ipv4.tcp_rmem "
    "net.ipv4.tcp_wmem"
)


def host_namespaces(scene: Scene) -> Iterator[Finding]:
    for pod in scene.pods:
        for name, test in HOST_NAMESPACES.items():
            if pod.spec.get(name) is True:
                yield of_pod(test, pod, (name,), f"shares the node's namespace ({name})")


def privileged(scene: Scene) -> Iterator[Finding]:
    for pod in scene.pods:
        if mapping(pod.security.get("windowsOptions")).get("hostProcess") is True:
            where = ("securityContext", "windowsOptions", "hostProcess")
            yield of_pod(HOST_PROCESS, pod, where, "its containers are processes of the node")
        for one in pod.containers():
            yield from _privileged_container(pod, one)


def _privileged_container(pod: Pod, one: Container) -> Iterator[Finding]:
    if one.security.get("privileged") is True:
        yield _in(pod, one, "privileged", PRIVILEGED, "runs privileged")
    if mapping(one.security.get("windowsOptions")).get("hostProcess") is True:
        yield _in(pod, one, "windowsOptions", HOST_PROCESS, "is a process of the node")
    for name in added_capabilities(one):
        if name in DANGEROUS_CAPABILITIES:
            what = f"gets capability {name}"
            yield _in(pod, one, "capabilities", DANGEROUS, what, part=name)
    mount = one.security.get("procMount")
    if mount is not None and mount != "Default":
        yield _in(pod, one, "procMount", PROC_MOUNT, f"mounts /proc as {text(mount)}")


def _in(pod: Pod, one: Container, field: str, test: object, what: str, part: str = "") -> Finding:
    path = (*one.path, "securityContext", field)
    summary = f"container {one.name} {what}"
    return Finding(test, pod.manifest, path, summary, f"{one.name}/{part}")  # type: ignore[arg-type]


def added_capabilities(one: Container) -> list[str]:
    return capabilities(one, "add")


def capabilities(one: Container, field: str) -> list[str]:
    """Upper case and without CAP_, which some people write."""
    named = sequence(mapping(one.security.get("capabilities")).get(field))
    return [text(name).upper().removeprefix("CAP_") for name in named]


def host_paths(scene: Scene) -> Iterator[Finding]:
    for pod in scene.pods:
        for index, volume in enumerate(sequence(pod.spec.get("volumes"))):
            path = text(mapping(mapping(volume).get("hostPath")).get("path"))
            if path:
                yield from _host_path(pod, index, mapping(volume), posixpath.normpath(path))


def _host_path(pod: Pod, index: int, volume: Mapping[str, object], path: str) -> Iterator[Finding]:
    where, part = ("volumes", index, "hostPath"), text(volume.get("name")) or path
    what = f"mounts the node's {path}"
    if path.endswith(SOCKETS):
        yield of_pod(DOCKER_SOCKET, pod, where, what, part, "polaris:hostPathSet")
    elif path in SENSITIVE_PATHS or _below(path):
        yield of_pod(SENSITIVE_PATH, pod, where, what, part)
    else:
        yield of_pod(HOST_PATH, pod, where, what, part)
    for one in pod.containers():
        for number_, mount in enumerate(sequence(one.spec.get("volumeMounts"))):
            found = mapping(mount)
            if found.get("name") == volume.get("name") and found.get("readOnly") is not True:
                spot = (*one.path, "volumeMounts", number_)
                what = f"container {one.name} can write to the node's {path}"
                yield Finding(WRITABLE_PATH, pod.manifest, spot, what, f"{one.name}/{part}")


def _below(path: str) -> bool:
    return any(path == one or path.startswith(one + "/") for one in SENSITIVE_BELOW[:3]) or (
        path in SENSITIVE_BELOW
    )


def ports(scene: Scene) -> Iterator[Finding]:
    for pod in scene.pods:
        for one in pod.containers():
            for index, port in enumerate(sequence(one.spec.get("ports"))):
                yield from _port(pod, one, index, mapping(port))


def _port(pod: Pod, one: Container, index: int, port: Mapping[str, object]) -> Iterator[Finding]:
    path = (*one.path, "ports", index)
    inner, outer = number(port.get("containerPort")), number(port.get("hostPort"))
    if outer:
        what = f"container {one.name} takes port {outer} of the node"
        yield Finding(HOST_PORT, pod.manifest, (*path, "hostPort"), what, f"{one.name}/{outer}")
    if inner == 22 and port.get("protocol") in (None, "TCP"):
        what = f"container {one.name} opens port 22"
        yield Finding(SSH_PORT, pod.manifest, path, what, one.name)
    if inner is not None and 0 < inner < 1024:
        what = f"container {one.name} listens on port {inner}"
        yield Finding(PRIVILEGED_PORT, pod.manifest, path, what, f"{one.name}/{inner}")


def sysctls(scene: Scene) -> Iterator[Finding]:
    for pod in scene.pods:
        for index, one in enumerate(sequence(pod.security.get("sysctls"))):
            name = text(mapping(one).get("name"))
            if name and name not in SAFE_SYSCTLS:
                where = ("securityContext", "sysctls", index)
                yield of_pod(SYSCTL, pod, where, f"sets sysctl {name}", name)


RULES: Sequence[Rule] = (host_namespaces, privileged, host_paths, ports, sysctls)
