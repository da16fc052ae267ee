"""Whether the plan can be trusted to say what will happen."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from controlplane.risk.documents import flatten
from controlplane.risk.names import vocabulary
from controlplane.risk.reading import UnreadableError
from controlplane.risk.signals import Signal
from controlplane.risk.terraform.planned import PlannedChange, attribute_names

# What cannot be judged before it is known.
_RISKY = vocabulary(
    "policy assume_role_policy access_policy key_policy inline_policy cidr_blocks ingress "
    "cidr_ipv4 cidr_block source_ranges source_address_prefix source_address_prefixes "
    "security_rule acl publicly_accessible deletion_protection role member members "
    "role_definition_name"
)


def unknown(change: PlannedChange) -> Iterator[Signal]:
    """Of what exists, and where its old value was known: a new resource's references to what is
    made with it are unknown all the time.
    """
    if change.action not in ("update", "replace"):
        return
    risky = {name for name in _unknown_names(change) if name in _RISKY and change.before.get(name)}
    if risky:
        shown = ", ".join(f"`{name}`" for name in sorted(risky))
        yield change.told(
            Signal(
                id="unknown_after_apply",
                severity="medium",
                summary=f"{shown} is known only after apply",
                where=f"/{min(risky)}",
                why=(
                    "What nobody can read beforehand nobody can review: it may open or grant "
                    "anything."
                ),
                remedy="Apply what it depends on first, then plan again.",
                aliases=("terraform:after_unknown",),
            )
        )


def _unknown_names(change: PlannedChange) -> set[str]:
    try:
        flat = flatten(change.unknown) if isinstance(change.unknown, Mapping) else {}
    except UnreadableError:
        return set()
    return {pointer.split("/")[1] for pointer, value in flat.items() if value and pointer}


def drift(drifted: Sequence[PlannedChange]) -> Iterator[Signal]:
    """What was done by hand since the last apply; `moved` alone is listed there too."""
    gone = [change for change in drifted if change.action == "delete"]
    changed = [change for change in drifted if change.action in ("update", "replace")]
    if gone:
        yield _drift(gone, "is gone", "high" if any(_stateful(gone)) else "medium")
    if changed:
        yield _drift(changed, _differing(changed[0]), "medium")


def _stateful(changes: Sequence[PlannedChange]) -> Iterator[bool]:
    return (change.operation.stateful for change in changes)


def _differing(change: PlannedChange) -> str:
    names = dict.fromkeys(attribute_names(edit.pointer)[0] for edit in change.edits)
    return "differs" + (f" in {', '.join(list(names)[:3])}" if names else "")


def _drift(changes: Sequence[PlannedChange], what: str, severity: Any) -> Signal:
    others = f", and {len(changes) - 1} more" if len(changes) > 1 else ""
    return Signal(
        id="drift",
        severity=severity,
        summary=f"{changes[0].address} {what} outside of Terraform{others}",
        where=changes[0].operation.path,
        why="Somebody changed it by hand, perhaps to end an incident; this plan may undo that, "
        "and rests on a picture that did not hold.",
        remedy="Find out who and why; bring it into the code or undo it, then plan again.",
        aliases=("terraform:resource_drift",),
    )


def of_the_plan(document: Mapping[str, Any]) -> Iterator[Signal]:
    if document.get("errored") is True:
        yield _not_whole(
            "plan_errored", "high", "Planning ended in an error", "/errored",
            "What it would have done further is not in it.", "Mend the error and plan again.",
        )  # fmt: skip
    elif document.get("complete") is False or document.get("deferred_changes"):
        yield _not_whole(
            "plan_incomplete", "medium", "The plan leaves changes for a later run", "/complete",
            "What comes later was not looked at.", "Submit the next plan as well.",
        )  # fmt: skip
    if "resource_changes" not in document and _planned_resources(document):
        yield _not_whole(
            "changes_missing", "medium", "The plan names resources, but not what happens to them",
            "/planned_values",
            "Whether they are made, changed or destroyed cannot be told.",
            "Send the whole output of `terraform show -json PLAN`.",
        )  # fmt: skip
    yield from _failed_checks(document)


def _planned_resources(document: Mapping[str, Any]) -> bool:
    values = document.get("planned_values")
    root = values.get("root_module") if isinstance(values, Mapping) else None
    return isinstance(root, Mapping) and bool(root.get("resources") or root.get("child_modules"))


def _failed_checks(document: Mapping[str, Any]) -> Iterator[Signal]:
    checks = document.get("checks")
    failed = [
        check
        for check in (checks[:2000] if isinstance(checks, list) else ())
        if isinstance(check, Mapping) and check.get("status") in ("fail", "error")
    ]
    if failed:
        address = failed[0].get("address")
        name = address.get("to_display") if isinstance(address, Mapping) else ""
        yield _not_whole(
            "check_failed", "high", f"A check of the configuration fails: {str(name)[:100]}",
            "/checks",
            "Its authors wrote down what has to hold, and it does not.",
            "Mend what it checks before applying.",
        )  # fmt: skip


def _not_whole(name: str, severity: Any, summary: str, where: str, why: str, remedy: str) -> Signal:
    return Signal(name, severity, summary, where, why, remedy)


def state_dump() -> Signal:
    return Signal(
        id="state_not_plan",
        severity="medium",
        summary="This is a state, not a plan: it says what is, not what changes",
        where="/values",
        why="What the change would do cannot be told from it.",
        remedy="Send `terraform plan -out=PLAN` and then `terraform show -json PLAN`.",
    )
