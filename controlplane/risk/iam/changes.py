"""What only the comparison tells: a Deny or a condition that is gone."""

from collections.abc import Iterator
from typing import Any

from controlplane.risk.iam.findings import Finding, check, shown
from controlplane.risk.iam.policy import Policy, Statement, texts

DENY_GONE = check(
    "deny_removed", "high",
    "What it forbade is allowed again wherever another policy allows it.",
    "Say which policy forbids it from now on, and put that in first.",
)  # fmt: skip
CONDITION_GONE = check(
    "condition_removed", "high",
    "What was allowed to some, from somewhere or with a second factor is allowed to all.",
    "Keep the condition, or write the new one beside it.",
)  # fmt: skip


def compared(before: Policy, after: Policy) -> Iterator[Finding]:
    left = {_scope(one) for one in after.statements if not one.allows}
    wide = any(one.takes_in("*:*") and not one.condition for one in after.statements
               if one.body.get("Effect") == "Deny")  # fmt: skip
    for one in before.statements:
        if one.body.get("Effect") == "Deny" and _scope(one) not in left and not wide:
            what = f"The Deny of {shown(one.actions or ('all but some actions',))} is gone"
            named = frozenset((repr(_scope(one)),))
            yield Finding(DENY_GONE, what, after.root, named)
    free = {_scope(one): one for one in after.allowing() if not one.condition}
    for one in before.allowing():
        twin = free.get(_scope(one)) if one.condition else None
        if twin is not None:
            what = f"The condition on {shown(one.actions)} is gone"
            yield Finding(CONDITION_GONE, what, twin.path, frozenset((repr(_scope(one)),)))


def _scope(one: Statement) -> tuple[Any, ...]:
    """Who may do what on what, in whatever order it is written."""
    fields = ("Action", "NotAction", "Resource", "NotResource")
    return tuple(tuple(sorted(texts(one.body.get(field)))) for field in fields)
