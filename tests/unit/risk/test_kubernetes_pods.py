import pytest

from tests.unit.risk.manifests import deployment, ids, only, text

GOOD = deployment()
# One protection taken from a deployment that had it → the signal, its severity, a peer's name.
TAKEN_AWAY = [
    ("pod__hostNetwork", True, "host_network", "high", "polaris:hostNetworkSet"),
    ("pod__hostPID", True, "host_pid", "high", "kube-linter:host-pid"),
    ("pod__hostIPC", True, "host_ipc", "high", "polaris:hostIPCSet"),
    ("container__securityContext__privileged", True, "privileged_container", "high",
     "kube-linter:privileged-container"),
    ("container__securityContext__capabilities", {"drop": ["ALL"], "add": ["sys_admin"]},
     "dangerous_capability", "high", "polaris:dangerousCapabilities"),
    ("container__securityContext__capabilities", {"drop": ["CHOWN"]},
     "capabilities_not_dropped", "medium", "kube-linter:drop-net-raw-capability"),
    ("container__securityContext__runAsNonRoot", None, "run_as_root", "high",
     "polaris:runAsRootAllowed"),
    ("container__securityContext__runAsUser", 0, "run_as_root", "high",
     "kube-linter:run-as-non-root"),
    ("container__securityContext__allowPrivilegeEscalation", True, "privilege_escalation",
     "high", "kube-linter:privilege-escalation-container"),
    ("container__securityContext__allowPrivilegeEscalation", None,
     "privilege_escalation_default", "high", "polaris:privilegeEscalationAllowed"),
    ("container__securityContext__readOnlyRootFilesystem", None, "writable_root_filesystem",
     "medium", "kube-linter:no-read-only-root-fs"),
    ("container__securityContext__procMount", "Unmasked", "proc_mount_unmasked", "high",
     "kube-linter:unsafe-proc-mount"),
    ("pod__automountServiceAccountToken", None, "service_account_token_mounted", "medium",
     "polaris:automountServiceAccountToken"),
    ("pod__securityContext__sysctls", [{"name": "kernel.shmmax", "value": "1"}],
     "unsafe_sysctl", "medium", "kube-linter:unsafe-sysctls"),
    ("pod__securityContext__windowsOptions", {"hostProcess": True}, "host_process", "high",
     "polaris:hostProcess"),
    ("pod__volumes", [{"name": "a", "hostPath": {"path": "/var/run/docker.sock"}}],
     "container_runtime_socket", "high", "kube-linter:docker-sock"),
    ("pod__volumes", [{"name": "a", "hostPath": {"path": "/etc/"}}], "sensitive_host_path",
     "high", "kube-linter:sensitive-host-mounts"),
    ("pod__volumes", [{"name": "a", "hostPath": {"path": "/srv/data"}}], "host_path", "medium",
     "polaris:hostPathSet"),
    ("container__ports", [{"name": "http", "containerPort": 8080, "hostPort": 9000}],
     "host_port", "medium", "polaris:hostPortSet"),
    ("container__ports", [{"name": "http", "containerPort": 8080}, {"containerPort": 22}],
     "ssh_port", "medium", "kube-linter:ssh-port"),
    ("container__image", "shop/cart:latest", "image_tag_moving", "high",
     "kube-linter:latest-tag"),
    ("container__image", "registry:5000/shop/cart", "image_tag_missing", "high",
     "polaris:tagNotSpecified"),
    ("container__imagePullPolicy", None, "pull_policy_not_always", "low",
     "polaris:pullPolicyNotAlways"),
    ("container__readinessProbe", None, "readiness_probe_missing", "medium",
     "kube-linter:no-readiness-probe"),
    ("container__livenessProbe", None, "liveness_probe_missing", "medium",
     "polaris:livenessProbeMissing"),
    ("container__livenessProbe", {"tcpSocket": {"port": "admin"}}, "liveness_port_not_open",
     "medium", "kube-linter:liveness-port"),
    ("container__resources__limits", {"cpu": 1}, "memory_limit_missing", "medium",
     "kube-linter:unset-memory-requirements"),
    ("container__resources", {"limits": {"memory": "512Mi"}}, "cpu_request_missing", "medium",
     "kube-linter:unset-cpu-requirements"),
    ("container__resources__limits", {"cpu": "20m", "memory": "512Mi"},
     "resources_out_of_range", "low", "polaris:resourceRange"),
    ("container__env", [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}],
     "duplicate_environment_variable", "medium", "kube-linter:duplicate-env-var"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value", "name", "severity", "peer"), TAKEN_AWAY)
def test_change__protection_taken_away__is_named(path, value, name, severity, peer):
    found = only(name, deployment(**{path: value}), GOOD)
    assert found.severity == severity
    assert peer in found.aliases


@pytest.mark.parametrize(("path", "value", "name", "severity", "peer"), TAKEN_AWAY)
def test_change__protection_put_back__is_not_news(path, value, name, severity, peer):
    assert name not in ids(GOOD, deployment(**{path: value}))


@pytest.mark.parametrize(("path", "value", "name", "severity", "peer"), TAKEN_AWAY)
def test_change__shortcoming_that_was_there_before__is_not_news(path, value, name, severity, peer):
    broken = {path: value}
    assert ids(deployment(**broken, spec__replicas=4), deployment(**broken)) == set()


def test_change__nothing_changed__no_signal():
    assert ids(GOOD, GOOD) == set()


def test_change__new_version__no_signal():
    assert ids(deployment(container__image="shop/cart:1.4.3"), GOOD) == set()


def test_privileges__explicit_escalation_taken_back_to_unset__is_no_news():
    """Unset means allowed as well, but it was worse before."""
    before = deployment(container__securityContext__allowPrivilegeEscalation=True)
    after = deployment(container__securityContext__allowPrivilegeEscalation=None)
    assert ids(after, before) == set()


def test_privileges__allowed_for_the_whole_pod__is_meant_though_the_field_is_none():
    before = deployment(container__securityContext__allowPrivilegeEscalation=None)
    after = deployment(
        container__securityContext__allowPrivilegeEscalation=None,
        pod__securityContext={"allowPrivilegeEscalation": True},
    )
    assert only("privilege_escalation", after, before).severity == "high"


def test_new_workload__lacks_everything__is_told_in_one_signal_a_family():
    bare = deployment(
        container__securityContext=None,
        container__resources=None,
        container__readinessProbe=None,
        container__livenessProbe=None,
        pod__automountServiceAccountToken=None,
    )
    found = ids(bare, "")
    assert found == {"hardening_advice", "reliability_advice", "hygiene_advice"}
    assert only("hardening_advice", bare, "").severity == "medium"
    assert "polaris:runAsRootAllowed" in only("hardening_advice", bare, "").aliases


def test_new_workload__high_findings__stand_alone():
    found = deployment(pod__hostNetwork=True, container__securityContext__runAsNonRoot=None)
    assert only("host_network", found, "").severity == "high"


def test_security__pod_says_non_root_and_container_says_nothing__is_fine():
    pod_wide = deployment(
        container__securityContext__runAsNonRoot=None,
        pod__securityContext={"runAsNonRoot": True},
    )
    assert "run_as_root" not in ids(pod_wide, GOOD)


def test_security__container_overrides_the_pod__counts():
    overridden = deployment(
        container__securityContext__runAsNonRoot=False,
        pod__securityContext={"runAsNonRoot": True},
    )
    assert only("run_as_root", overridden, GOOD).severity == "high"


@pytest.mark.parametrize(
    "hardened",
    [
        {"pod__securityContext": {"seccompProfile": {"type": "RuntimeDefault"}}},
        {"container__securityContext": {"seLinuxOptions": {"level": "s0"}}},
        {"container__securityContext": {"capabilities": {"drop": ["KILL"]}}},
    ],
)
def test_linux_hardening__one_of_its_kinds__is_enough(hardened):
    base = {"container__securityContext": None} | hardened
    bare = deployment(container__securityContext=None)
    assert "no_linux_hardening" in ids(bare, deployment(**base))


def test_probes__job__needs_none():
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "import"},
        "spec": {"template": {"spec": {"containers": [{"name": "a", "image": "a:1"}]}}},
    }
    found = [alias for name in ("reliability_advice",) for alias in only(name, job, "").aliases]
    assert "polaris:memoryLimitsMissing" in found
    assert "polaris:readinessProbeMissing" not in found


def test_pods__of_a_controller_that_nobody_told_us_of__are_read():
    rollout = deployment(pod__hostPID=True) | {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
    }
    assert only("host_pid", rollout, "").severity == "high"


def test_where__text__is_the_line():
    after = text(deployment(pod__hostNetwork=True))
    line = after.splitlines().index("      hostNetwork: true") + 1
    assert only("host_network", after, text(GOOD)).where == f"line {line}"


def test_where__object__is_a_pointer():
    found = only("host_network", deployment(pod__hostNetwork=True), GOOD)
    assert found.where == "/spec/template/spec/hostNetwork"


def test_where__second_document_of_a_text__is_its_line():
    after = text(GOOD, deployment(metadata__name="till", pod__hostPID=True))
    line = after.splitlines().index("      hostPID: true") + 1
    assert only("host_pid", after, text(GOOD)).where == f"line {line}"
