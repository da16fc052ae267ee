"""What keeps a container that was broken into from doing more: root, escalation, file system."""

from collections.abc import Iterator, Sequence

from controlplane.risk.kubernetes.findings import Check, Finding, Rule, Scene, check, of_pod
from controlplane.risk.kubernetes.objects import mapping, number, text
from controlplane.risk.kubernetes.pods import Container, Pod
from controlplane.risk.kubernetes.privileges import capabilities
from controlplane.risk.names import vocabulary

ROOT = check(
    "run_as_root", "high",
    "Root in the container is root on the node once it gets out.",
    "Set runAsNonRoot: true and a runAsUser above 0.",
    "polaris:runAsRootAllowed kube-linter:run-as-non-root checkov:CKV_K8S_23",
    fresh="medium", family="hardening",
)  # fmt: skip
ESCALATION = check(
    "privilege_escalation", "high",
    "A setuid program in the image makes the process root whatever user it started as.",
    "Set allowPrivilegeEscalation: false.",
    "polaris:privilegeEscalationAllowed kube-linter:privilege-escalation-container "
    "checkov:CKV_K8S_20",
    implies="privilege_escalation_default",
)  # fmt: skip
ESCALATION_DEFAULT = check(
    "privilege_escalation_default", "high",
    "Where nothing is said, it is allowed: a setuid program makes the process root.",
    "Set allowPrivilegeEscalation: false.",
    "polaris:privilegeEscalationAllowed checkov:CKV_K8S_20",
    fresh="low", family="hardening",
)  # fmt: skip
WRITABLE_ROOT = check(
    "writable_root_filesystem", "medium",
    "Who gets in can put tools and changed programs where the container runs them.",
    "Set readOnlyRootFilesystem: true and mount an emptyDir where the program writes.",
    "polaris:notReadOnlyRootFilesystem kube-linter:no-read-only-root-fs checkov:CKV_K8S_22",
    fresh="low", family="hardening",
)  # fmt: skip
CAPABILITIES = check(
    "capabilities_not_dropped", "medium",
    "The container keeps capabilities, among them raw packets, that few programs need.",
    "Drop ALL and add back what is needed.",
    "polaris:insecureCapabilities checkov:CKV_K8S_37",
    fresh="low", family="hardening",
)  # fmt: skip
UNCONFINED = check(
    "no_linux_hardening", "medium",
    "None of AppArmor, seccomp, SELinux or dropped capabilities bounds what the process may do.",
    "Set seccompProfile.type: RuntimeDefault on the pod.",
    "polaris:linuxHardening checkov:CKV_K8S_31",
    fresh="low", family="hardening",
)  # fmt: skip
TOKEN = check(
    "service_account_token_mounted", "medium",
    "Whoever gets into the pod can talk to the cluster's API with its account.",
    "Set automountServiceAccountToken: false where the program does not use the API.",
    "polaris:automountServiceAccountToken kube-linter:automount-service-account-token "
    "checkov:CKV_K8S_38",
    fresh="low", family="hardening",
)  # fmt: skip
DEFAULT_ACCOUNT = check(
    "default_service_account", "low",
    "All pods of the namespace that name no account share it, and so what it may do.",
    "Give the workload a ServiceAccount of its own.",
    "kube-linter:default-service-account",
    family="hardening",
)  # fmt: skip
OLD_ACCOUNT_FIELD = check(
    "deprecated_service_account_field", "low",
    "`serviceAccount` is deprecated; with both set to different names the pod is refused.",
    "Use serviceAccountName.",
    "kube-linter:deprecated-service-account-field",
    family="hygiene",
)  # fmt: skip

# https://kubernetes.io/docs/concepts/security/pod-security-standards/ and the runtimes' default
DEFAULT_CAPABILITIES = vocabulary(
    "CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP "
    "NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE"
)
APPARMOR = "container.apparmor.security.beta.kubernetes.io/"


def containers(scene: Scene) -> Iterator[Finding]:
    for pod in scene.pods:
        for one in pod.containers("containers", "initContainers"):
            yield from _container(pod, one)


def _container(pod: Pod, one: Container) -> Iterator[Finding]:
    if _may_be_root(pod, one):
        yield _found(ROOT, pod, one, "runAsNonRoot", "may run as root")
    allowed = _escalation(pod, one)
    if allowed is True:
        what = "may gain privileges (allowPrivilegeEscalation)"
        yield _found(ESCALATION, pod, one, "allowPrivilegeEscalation", what)
    elif allowed is None:
        what = "does not forbid privilege escalation"
        yield _found(ESCALATION_DEFAULT, pod, one, "allowPrivilegeEscalation", what)
    if one.security.get("readOnlyRootFilesystem") is not True:
        what = "can write to its root file system"
        yield _found(WRITABLE_ROOT, pod, one, "readOnlyRootFilesystem", what)
    yield from _capabilities(pod, one)
    if not _confined(pod, one):
        yield _found(UNCONFINED, pod, one, "seccompProfile", "runs without any Linux hardening")


def _found(
    test: Check, pod: Pod, one: Container, field: str, what: str, aliases: str = ""
) -> Finding:
    path = (*one.path, "securityContext", field)
    summary = f"container {one.name} {what}"
    return Finding(test, pod.manifest, path, summary, one.name, tuple(aliases.split()))


def _escalation(pod: Pod, one: Container) -> bool | None:
    """The pod has no such field: what is written there protects nothing, but says what is meant."""
    said = one.security.get("allowPrivilegeEscalation")
    if said is None:
        return True if pod.security.get("allowPrivilegeEscalation") is True else None
    return said is True


def _may_be_root(pod: Pod, one: Container) -> bool:
    """The container's word goes before the pod's."""
    user = one.security.get("runAsUser", pod.security.get("runAsUser"))
    refused = one.security.get("runAsNonRoot", pod.security.get("runAsNonRoot"))
    return number(user) == 0 or (refused is not True and (number(user) or 0) <= 0)


def _capabilities(pod: Pod, one: Container) -> Iterator[Finding]:
    dropped, added = set(capabilities(one, "drop")), set(capabilities(one, "add"))
    if "ALL" in dropped or dropped >= DEFAULT_CAPABILITIES:
        return
    raw = "NET_RAW" not in dropped or added & {"NET_RAW", "ALL"}
    alias = "kube-linter:drop-net-raw-capability" if raw else ""
    what = "does not drop all capabilities"
    yield _found(CAPABILITIES, pod, one, "capabilities", what, alias)


def _confined(pod: Pod, one: Container) -> bool:
    profile = text(mapping(one.security.get("seccompProfile")).get("type")) or text(
        mapping(pod.security.get("seccompProfile")).get("type")
    )
    dropped, added = capabilities(one, "drop"), capabilities(one, "add")
    return (
        (profile not in ("", "Unconfined"))
        or bool(one.security.get("seLinuxOptions") or pod.security.get("seLinuxOptions"))
        or bool(one.security.get("appArmorProfile") or pod.security.get("appArmorProfile"))
        or bool(dropped and "ALL" not in added)
        or bool(pod.annotations.get(APPARMOR + text(one.spec.get("name"))))
    )


def accounts(scene: Scene) -> Iterator[Finding]:
    for pod in scene.pods:
        old = text(pod.spec.get("serviceAccount"))
        name = text(pod.spec.get("serviceAccountName")) or old
        if not pod.spec:
            continue
        if old:
            yield of_pod(OLD_ACCOUNT_FIELD, pod, ("serviceAccount",), "names `serviceAccount`")
        if name in ("", "default"):
            what = "runs under the namespace's default account"
            yield of_pod(DEFAULT_ACCOUNT, pod, ("serviceAccountName",), what)
        if _mounts_token(scene, pod, name or "default"):
            where = ("automountServiceAccountToken",)
            yield of_pod(TOKEN, pod, where, "gets a token for the cluster's API")


def _mounts_token(scene: Scene, pod: Pod, account: str) -> bool:
    """The pod's word goes before the account's; where nobody says anything, it is mounted."""
    said = pod.spec.get("automountServiceAccountToken")
    if said is None:
        found = scene.objects.named("ServiceAccount", pod.manifest.namespace, account)
        said = found.body.get("automountServiceAccountToken") if found else None
    return said is not False


RULES: Sequence[Rule] = (containers, accounts)
