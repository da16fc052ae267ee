"""Roles and bindings: who may do what, as far as the artefact tells.

https://kubernetes.io/docs/concepts/security/rbac-good-practices/ lists the ways to more rights.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from controlplane.risk.kubernetes.findings import Finding, Rule, Scene, check
from controlplane.risk.kubernetes.objects import Manifest, mapping, sequence, text
from controlplane.risk.names import vocabulary

ADMIN_REMEDY = "Name the API groups, resources and verbs that are needed, and nothing more."
_LESSER = "wildcard_in_role role_pod_exec role_escalation"
ROLE_ADMIN = check(
    "role_is_cluster_admin", "high",
    "The role may do everything with everything, now and with whatever is installed later.",
    ADMIN_REMEDY,
    "kube-linter:wildcard-in-rules kube-linter:wildcard-resource-verb-combo checkov:CKV_K8S_49",
    implies=_LESSER,
)  # fmt: skip
WILDCARD = check(
    "wildcard_in_role", "medium",
    "A wildcard takes in resources and verbs that are added to the cluster later.",
    ADMIN_REMEDY,
    "kube-linter:wildcard-in-rules checkov:CKV_K8S_49",
)  # fmt: skip
POD_EXEC = check(
    "role_pod_exec", "high",
    "A shell in any pod gives that pod's secrets, account and network.",
    "Leave pods/exec and pods/attach out; give them for a limited time when needed.",
)  # fmt: skip
ESCALATION = check(
    "role_escalation", "high",
    "With this right its holder can give itself every other one.",
    "Leave escalate, bind, impersonate, nodes/proxy and serviceaccounts/token to administrators.",
    "checkov:CKV_K8S_157 checkov:CKV_K8S_158",
)  # fmt: skip
BOUND_ADMIN = check(
    "bound_to_cluster_admin", "high",
    "Whoever has one of these accounts has the cluster.",
    "Bind a role of its own that names what is needed.",
    implies="bound_to_pod_exec bound_to_escalation bound_to_secrets bound_to_create_pods",
)  # fmt: skip
BOUND_POD_EXEC = check(
    "bound_to_pod_exec", "high",
    "A shell in any pod gives that pod's secrets, account and network.",
    "Bind a role without pods/exec and pods/attach.",
)  # fmt: skip
BOUND_SECRETS = check(
    "bound_to_secrets", "medium",
    "Secrets are the keys of everything else.",
    "Name the secrets that are needed (resourceNames), or mount them.",
    "kube-linter:access-to-secrets",
)  # fmt: skip
BOUND_CREATE_PODS = check(
    "bound_to_create_pods", "medium",
    "Who can create pods can run them under any account of the namespace.",
    "Leave creating workloads to the deployment pipeline.",
    "kube-linter:access-to-create-pods",
)  # fmt: skip
BOUND_ESCALATION = check(
    "bound_to_escalation", "high",
    "With this right its holder can give itself every other one.",
    "Leave escalate, bind, impersonate, nodes/proxy and serviceaccounts/token to administrators.",
)  # fmt: skip
ANONYMOUS = check(
    "bound_to_everyone", "high",
    "Everybody who reaches the API server has these rights, without any login.",
    "Bind to named accounts or groups.",
)  # fmt: skip

NO_ROLE = check(
    "bound_role_not_found", "medium",
    "Nobody gets a right from it now; whoever makes a role of that name later decides which.",
    "Bring the role with its binding, or name an existing one.",
)  # fmt: skip

STANDARD_VERBS = vocabulary("get list watch create update patch delete")
WORKLOADS = vocabulary(
    "pods deployments statefulsets replicasets daemonsets jobs cronjobs replicationcontrollers"
)
_VERB_PEERS = {
    "escalate": "kube-linter:escalate-verb-in-role",
    "bind": "kube-linter:bind-verb-in-role",
    "impersonate": "kube-linter:impersonate-without-resource-names",
}
EVERYONE = frozenset(("system:anonymous", "system:unauthenticated", "system:authenticated"))


@dataclass(frozen=True, slots=True)
class Grant:
    """One rule of a role."""

    groups: frozenset[str]
    resources: frozenset[str]
    verbs: frozenset[str]
    named: bool

    def allows(self, group: str, resources: Sequence[str], verbs: Sequence[str]) -> bool:
        """`resources` and `verbs`: any of them."""
        return (
            bool(self.groups & {group, "*"})
            and bool(self.resources & {*resources, "*"})
            and bool(self.verbs & {*verbs, "*"})
        )

    @property
    def everything(self) -> bool:
        return (
            "*" in self.groups
            and "*" in self.resources
            and ("*" in self.verbs or self.verbs >= STANDARD_VERBS)
        )


# What the roles that every cluster has may do, as far as the checks ask.
BUILT_IN = {
    "cluster-admin": (Grant(*(frozenset("*"),) * 3, named=False),),
    "admin": (
        Grant(frozenset(("", "apps", "batch")), WORKLOADS | {"pods/exec", "secrets"},
              STANDARD_VERBS, named=False),
    ),
    "edit": (
        Grant(frozenset(("", "apps", "batch")), WORKLOADS | {"pods/exec", "secrets"},
              STANDARD_VERBS, named=False),
    ),
}  # fmt: skip


def grants(role: Manifest) -> list[Grant]:
    return [_grant(mapping(rule)) for rule in sequence(role.body.get("rules"))]


def _grant(rule: Mapping[str, Any]) -> Grant:
    groups, resources, verbs = (
        frozenset(text(one) for one in sequence(rule.get(field)))
        for field in ("apiGroups", "resources", "verbs")
    )
    return Grant(groups, resources, verbs, bool(rule.get("resourceNames")))


def executes(grant: Grant) -> bool:
    """`get` opens a web socket, and so a shell, just as `create` does."""
    return grant.allows("", ("pods/exec", "pods/attach", "pods/*"), ("get", "create"))


def escalates(grant: Grant) -> bool:
    rbac = "rbac.authorization.k8s.io"
    roles = ("roles", "clusterroles", "rolebindings", "clusterrolebindings")
    accounts = ("users", "groups", "serviceaccounts", "userextras")
    return not grant.named and (
        grant.allows(rbac, roles, ("escalate", "bind"))
        or grant.allows("", accounts, ("impersonate",))
        or grant.allows("", ("nodes/proxy",), ("get", "create"))
        or grant.allows("", ("serviceaccounts/token",), ("create",))
    )


def reads_secrets(grant: Grant) -> bool:
    verbs = ("get", "list", "watch", "create", "delete")
    return not grant.named and grant.allows("", ("secrets",), verbs)


def creates_pods(grant: Grant) -> bool:
    return any(
        grant.allows(group, tuple(WORKLOADS), ("create",)) for group in ("", "apps", "batch")
    )


def roles(scene: Scene) -> Iterator[Finding]:
    for role in scene.objects.of_kind("Role", "ClusterRole"):
        for index, grant in enumerate(grants(role)):
            yield from _role(role, index, grant)


def _role(role: Manifest, index: int, grant: Grant) -> Iterator[Finding]:
    """Who allows everything is told once, under the peers' names of the lesser ones as well."""
    where, execution = ("rules", index), (f"polaris:{role.kind.lower()}PodExecAttach",)
    if grant.everything:
        yield Finding(ROLE_ADMIN, role, where, "allows everything on everything", "", execution)
        return
    if any("*" in field for field in (grant.groups, grant.resources, grant.verbs)):
        yield Finding(WILDCARD, role, where, "uses a wildcard")
    if executes(grant):
        yield Finding(POD_EXEC, role, where, "allows a shell in pods", "", execution)
    if escalates(grant):
        peers = tuple(peer for verb, peer in _VERB_PEERS.items() if grant.verbs & {verb, "*"})
        yield Finding(ESCALATION, role, where, "allows taking further rights", "", peers)


def bindings(scene: Scene) -> Iterator[Finding]:
    brought = {role.kind for role in scene.objects.of_kind("Role", "ClusterRole")}
    for binding in scene.objects.of_kind("RoleBinding", "ClusterRoleBinding"):
        yield from _anonymous(binding)
        yield from _bound(binding, _bound_grants(scene, binding))
        kind, name = (text(binding.at("roleRef", field)) for field in ("kind", "name"))
        if kind in brought and _role_of(scene, binding) is None and not _given(name):
            what = f"binds {kind} {name[:60]}, which is not there"
            # polaris fails such a binding under both names: it cannot tell what it gives.
            peers = (*_admin_peers(binding, kind)[:1], _peer(binding, kind) + "PodExecAttach")
            yield Finding(NO_ROLE, binding, ("roleRef",), what, "", peers)


def _given(name: str) -> bool:
    """Roles that every cluster has."""
    return name in BUILT_IN or name == "view" or name.startswith("system:")


def _role_of(scene: Scene, binding: Manifest) -> Manifest | None:
    kind, name = (text(binding.at("roleRef", field)) for field in ("kind", "name"))
    return scene.objects.named(kind, "" if kind == "ClusterRole" else binding.namespace, name)


def _bound_grants(scene: Scene, binding: Manifest) -> Sequence[Grant]:
    role = _role_of(scene, binding)
    if role is not None:
        return grants(role)
    named = text(binding.at("roleRef", "name"))
    return BUILT_IN.get(named, ()) if binding.at("roleRef", "kind") == "ClusterRole" else ()


def _bound(binding: Manifest, given: Sequence[Grant]) -> Iterator[Finding]:
    kind = text(binding.at("roleRef", "kind"))
    role = f"{kind} {text(binding.at('roleRef', 'name'))}"[:120]
    who, where = f"binds {_subjects(binding)} to {role}, which", ("roleRef",)
    execution = _peer(binding, kind) + "PodExecAttach"
    if any(grant.everything for grant in given):
        lesser = (*BOUND_SECRETS.aliases, *BOUND_CREATE_PODS.aliases)
        aliases = (*_admin_peers(binding, kind), execution, *lesser)
        yield Finding(BOUND_ADMIN, binding, where, f"{who} may do everything", "", aliases)
        return
    if any(map(executes, given)):
        what = f"{who} allows a shell in pods"
        yield Finding(BOUND_POD_EXEC, binding, where, what, "", (execution,))
    if any(map(escalates, given)):
        yield Finding(BOUND_ESCALATION, binding, where, f"{who} allows taking further rights")
    if any(map(reads_secrets, given)):
        yield Finding(BOUND_SECRETS, binding, where, f"{who} reaches secrets")
    if any(map(creates_pods, given)):
        yield Finding(BOUND_CREATE_PODS, binding, where, f"{who} creates pods")


def _peer(binding: Manifest, kind: str) -> str:
    cluster = binding.kind == "ClusterRoleBinding"
    return "polaris:" + ("clusterrolebinding" if cluster else f"rolebinding{kind}")


def _admin_peers(binding: Manifest, kind: str) -> tuple[str, ...]:
    if binding.kind == "ClusterRoleBinding":
        name = "polaris:clusterrolebindingClusterAdmin"
    else:
        name = f"polaris:rolebindingClusterAdmin{kind}"
    return name, "kube-linter:cluster-admin-role-binding"


def _subjects(binding: Manifest) -> str:
    named = [mapping(one) for one in sequence(binding.body.get("subjects"))]
    shown = [f"{text(one.get('kind'))} {text(one.get('name'))}"[:80] for one in named[:3]]
    return ", ".join(shown) + (" and others" if len(named) > 3 else "") or "nobody"


def _anonymous(binding: Manifest) -> Iterator[Finding]:
    for index, one in enumerate(sequence(binding.body.get("subjects"))):
        name = text(mapping(one).get("name"))
        if name in EVERYONE:
            yield Finding(ANONYMOUS, binding, ("subjects", index), f"gives rights to {name}", name)


RULES: Sequence[Rule] = (roles, bindings)
