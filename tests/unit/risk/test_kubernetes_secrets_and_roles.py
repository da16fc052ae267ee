import pytest

from controlplane.risk.signals import rank
from tests.unit.risk.manifests import deployment, ids, made, only, signals

RBAC = "rbac.authorization.k8s.io/v1"


def variable(name, value):
    return deployment(container__env=[{"name": name, "value": value}])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DB_PASSWORD", "hunter2"),
        ("AWS_SECRET_ACCESS_KEY", "x"),
        ("GREETING", "postgres://shop:hunter2@db/shop"),
    ],
)
def test_environment__secret_in_clear_text__is_high_and_not_repeated(name, value):
    found = only("secret_in_environment", variable(name, value), deployment())
    assert found.severity == "high"
    assert value not in found.summary or value == "x"


@pytest.mark.parametrize(
    ("name", "value"),
    [("TOKEN_TTL", "30s"), ("PASSWORD_FILE", "/run/secrets/db"), ("SECRET_ENABLED", "true")],
)
def test_environment__named_like_a_secret_only__is_low(name, value):
    found = only("secret_like_environment_variable", variable(name, value), deployment())
    assert found.severity == "low"


def test_environment__reference_to_a_secret__is_not_clear_text():
    reference = {"secretKeyRef": {"name": "db", "key": "password"}}
    after = deployment(container__env=[{"name": "PASSWORD", "valueFrom": reference}])
    assert "secret_in_environment" not in ids(after, deployment())


def test_configmap__secret_added__is_high():
    after, before = made("ConfigMap", data={"password": "hunter2"}), made("ConfigMap", data={})
    assert only("secret_in_configmap", after, before).severity == "high"


def test_configmap__number_ten_times_as_high__is_told_by_the_configuration_reader():
    after, before = (made("ConfigMap", data={"pool_size": size}) for size in ("5000", "50"))
    assert only("magnitude", after, before).where == "/data/pool_size"


def test_secret__content_in_the_manifest__is_medium():
    assert only("secret_in_manifest", made("Secret", data={"a": "eA=="}), "").severity == "medium"


def role(kind="ClusterRole", groups=("",), resources=("configmaps",), verbs=("get",)):
    rule = {"apiGroups": list(groups), "resources": list(resources), "verbs": list(verbs)}
    return made(kind, RBAC, rules=[rule])


def binding(kind="ClusterRoleBinding", role_kind="ClusterRole", name="cart", subject="till"):
    return made(
        kind,
        RBAC,
        roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": role_kind, "name": name},
        subjects=[{"kind": "User", "name": subject}],
    )


@pytest.mark.parametrize(
    ("bound", "peer"),
    [
        (binding(), "polaris:clusterrolebindingClusterAdmin"),
        (binding("RoleBinding"), "polaris:rolebindingClusterAdminClusterRole"),
    ],
)
def test_binding__role_becomes_all_powerful__is_high(bound, peer):
    everything = role(groups="*", resources="*", verbs="*")
    found = only("bound_to_cluster_admin", [everything, bound], [role(), bound])
    assert found.severity == "high"
    assert {peer, "kube-linter:cluster-admin-role-binding"} <= set(found.aliases)


def test_binding__namespaced_role_with_all_rights__has_the_peers_name_of_its_own():
    before = [role("Role"), binding("RoleBinding", "Role")]
    after = [role("Role", "*", "*", "*"), binding("RoleBinding", "Role")]
    found = only("bound_to_cluster_admin", after, before)
    assert "polaris:rolebindingClusterAdminRole" in found.aliases


def test_binding__built_in_cluster_admin__is_known():
    found = only("bound_to_cluster_admin", binding(name="cluster-admin"), binding(name="view"))
    assert "User till" in found.summary


def test_role__all_seven_verbs__are_as_good_as_a_wildcard():
    verbs = ("get", "list", "watch", "create", "update", "patch", "delete")
    assert "role_is_cluster_admin" in ids(role(groups="*", resources="*", verbs=verbs), role())


def test_role__from_everything_to_less__is_a_fix():
    less = role(resources=("*",), verbs=("*",))
    assert ids(less, role(groups="*", resources="*", verbs="*")) == set()


@pytest.mark.parametrize(
    ("given", "name", "severity"),
    [
        ({"resources": ("pods/exec",), "verbs": ("create",)}, "role_pod_exec", "high"),
        ({"resources": ("pods/attach",), "verbs": ("get",)}, "role_pod_exec", "high"),
        ({"resources": ("configmaps",), "verbs": ("*",)}, "wildcard_in_role", "medium"),
        ({"resources": ("nodes/proxy",), "verbs": ("get",)}, "role_escalation", "high"),
        (
            {"groups": ("rbac.authorization.k8s.io",), "resources": ("clusterroles",),
             "verbs": ("escalate",)},
            "role_escalation", "high",
        ),
    ],
)  # fmt: skip
def test_role__dangerous_right_added__is_named(given, name, severity):
    assert only(name, role(**given), role()).severity == severity


def test_role__listing_exec__gives_no_shell():
    assert "role_pod_exec" not in ids(role(resources=("pods/exec",), verbs=("list",)), role())


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"resources": ("secrets",)}, "bound_to_secrets"),
        ({"resources": ("pods",), "verbs": ("create",)}, "bound_to_create_pods"),
        ({"resources": ("pods/exec",), "verbs": ("create",)}, "bound_to_pod_exec"),
    ],
)
def test_binding__role_reaches_further__is_told_of_the_binding(given, name):
    assert name in ids([role(**given), binding()], [role(), binding()])


def test_binding__everybody__is_high():
    found = only("bound_to_everyone", binding(subject="system:anonymous"), binding())
    assert found.severity == "high"


def test_binding__other_role__cannot_be_changed():
    after, before = binding(name="system:b"), binding(name="view")
    assert only("role_ref_changed", after, before).severity == "medium"


def test_binding__role_that_does_not_come_with_it__is_named():
    other = role() | {"metadata": {"name": "till"}}
    assert "bound_role_not_found" in ids([other, binding()], [role(), other, binding()])


@pytest.mark.parametrize("name", ["view", "edit", "system:node"])
def test_binding__role_that_every_cluster_has__is_not_missed(name):
    assert "bound_role_not_found" not in ids([role(), binding(name=name)], "")


def test_rights__everything_taken_away__no_signal_above_low():
    before = [role(groups="*", resources="*", verbs="*"), binding()]
    assert all(rank(one.severity) < rank("medium") for one in signals([role(), binding()], before))
