"""Which resources the actions reach: all of them, more than is needed, or none at all."""

from collections.abc import Iterator, Sequence

from controlplane.risk.iam.actions import READING, Action
from controlplane.risk.iam.arns import acts_on
from controlplane.risk.iam.findings import Finding, check, shown
from controlplane.risk.iam.policy import Policy, Rule, Statement

STAR = check(
    "resource_star", "medium",
    "The actions reach every resource of the account, those that are made later as well.",
    "Name the resources, or bind them by a tag (aws:ResourceTag).",
    "parliament:RESOURCE_STAR",
    implies="resource_effectively_star",
)  # fmt: skip
EFFECTIVELY_STAR = check(
    "resource_effectively_star", "medium",
    "The ARN has a wildcard in each place: it is as good as `*`.",
    "Name region, account and resource.",
    "parliament:RESOURCE_EFFECTIVELY_STAR",
)  # fmt: skip
MISMATCH = check(
    "resource_mismatch", "medium",
    "The action does not act on these resources: it is not allowed, whatever the policy says.",
    "Give each action the ARNs of the kind it acts on; `*` where it acts on none.",
    "parliament:RESOURCE_MISMATCH",
)  # fmt: skip


def resources(policy: Policy) -> Iterator[Finding]:
    for one in policy.allowing():
        given = one.resources
        if not given or "NotResource" in one.body or "Resource" not in one.body:
            continue
        path = (*one.path, "Resource")
        if "*" in given:
            yield from _star(one, path)
        else:
            yield from _mismatch(one, path)
            yield from _effectively_star(one, path)


def _star(one: Statement, path: tuple[str | int, ...]) -> Iterator[Finding]:
    """Reading everything is a smaller matter than changing it."""
    bound = [action for action in one.expanded if action.required]
    if bound:
        harmless = all(action.level in READING for action in bound)
        names = [action.full for action in bound]
        what = f"{shown(names)} may be used on all resources"
        severity = "low" if harmless else None
        yield Finding(STAR, what, path, frozenset(names), severity)  # type: ignore[arg-type]


def _mismatch(one: Statement, path: tuple[str | int, ...]) -> Iterator[Finding]:
    """Low for actions that only a wildcard brought in: nobody asked for them by name."""
    lost = [action for action in one.expanded if not _reaches(action, one.resources)]
    written = {pattern.lower() for pattern in one.actions}
    by_name = [action for action in lost if action.full.lower() in written]
    if lost:
        what = f"{shown(action.full for action in by_name or lost)} cannot act on these resources"
        items = frozenset(action.full for action in lost)
        severity = None if by_name else "low"
        yield Finding(MISMATCH, what, path, items, severity)  # type: ignore[arg-type]


def _reaches(action: Action, given: Sequence[str]) -> bool:
    """Each kind that it requires; where it requires none, one of those that it takes."""
    if action.unbound:
        return False
    if action.required:
        return all(any(acts_on(kind, arn) for arn in given) for kind in action.required)
    return any(acts_on(kind, arn) for kind in action.possible for arn in given)


def _effectively_star(one: Statement, path: tuple[str | int, ...]) -> Iterator[Finding]:
    kinds = {kind for action in one.expanded for kind in action.required}
    unbound = any(action.unbound for action in one.expanded)
    if kinds and not unbound and set(one.resources) >= kinds:
        what = f"{shown(one.resources)} is every resource that there is"
        yield Finding(EFFECTIVELY_STAR, what, path, frozenset(one.resources))


RULES: Sequence[Rule] = (resources,)
