"""What is destroyed, replaced, or let go of."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from controlplane.risk.signals import SEVERITIES, Severity, Signal, rank
from controlplane.risk.terraform.catalogue import Class, class_of
from controlplane.risk.terraform.planned import PlannedChange


@dataclass(frozen=True, slots=True)
class Cost:
    """Severity of deleting it, of replacing it old first, and of replacing it new first."""

    delete: Severity | None
    old_first: Severity | None
    new_first: Severity | None


COSTS: dict[Class, Cost] = {
    Class.DATA: Cost("critical", "critical", "critical"),
    Class.LOGS: Cost("high", "high", "high"),
    Class.SERVING: Cost("high", "high", "medium"),
    Class.PROTECTION: Cost("high", "medium", "low"),
    Class.AUDIT: Cost("high", "high", "medium"),
    Class.MONITORING: Cost("medium", "medium", "low"),
    Class.LINK: Cost("medium", "medium", "low"),
    Class.VERSION: Cost("medium", "low", "low"),
    Class.GENERATED: Cost("low", "medium", "medium"),
    Class.LOCAL: Cost(None, None, None),
}
# What the people who wrote the change may not have meant, in Terraform's words.
_ACCIDENTS = {
    "delete_because_count_index": "its index is beyond the new `count`",
    "delete_because_each_key": "its key is no longer in `for_each`",
    "delete_because_no_module": "the module that it belongs to is no longer called",
    "delete_because_wrong_repetition": "`count` or `for_each` was added or removed",
    "delete_because_no_move_target": "its `moved` block leads to nothing",
}
_REASONS = _ACCIDENTS | {
    "delete_because_no_resource_config": "it is no longer in the configuration",
    "replace_because_cannot_update": "what changes cannot be changed in place",
    "replace_because_tainted": "an earlier apply left it half made",
    "replace_by_request": "its replacement was asked for",
    "replace_by_triggers": "`replace_triggered_by` says so",
}
_STOPPED_BY = ("checkov:CKV_AWS_293", "checkov:CKV_AWS_139")


def removed(change: PlannedChange, *, harmless: bool) -> Iterator[Signal]:
    """`harmless`: known not to be production; nothing makes lost data harmless."""
    if change.action == "forget":
        yield _forgotten(change)
    if not change.operation.removes:
        return
    kind = class_of(change.type)
    cost = COSTS[kind]
    severity = cost.delete if change.action == "delete" else _of_replacing(cost, change)
    if severity is None:
        return
    if change.operation.stateful:
        yield _data_lost(change, severity)
    else:
        signal = _gone(change, kind, severity)
        yield _milder(signal) if harmless else signal
    yield from _accident(change)


def _of_replacing(cost: Cost, change: PlannedChange) -> Severity | None:
    return cost.new_first if change.create_first else cost.old_first


def _milder(signal: Signal) -> Signal:
    """Where nobody depends on it, having to make it again costs little."""
    severity = SEVERITIES[max(rank(signal.severity) - 1, 0)]
    costly = signal.reversibility == "costly"
    return replace(
        signal,
        severity=severity,
        reversibility="reversible" if costly else signal.reversibility,
    )


def _because(change: PlannedChange) -> str:
    reason = _REASONS.get(change.reason, "")
    paths = ", ".join(f"`{path}`" for path in change.replace_paths[:3])
    if paths:
        reason = f"{paths} cannot be changed in place"
    return f" because {reason}" if reason else ""


def _data_lost(change: PlannedChange, severity: Severity) -> Signal:
    replaced = change.action == "replace"
    verb = "is replaced and what it holds is lost" if replaced else "is deleted with what it holds"
    return change.told(
        Signal(
            id="stateful_replace" if replaced else "stateful_delete",
            severity=severity,
            summary=f"{verb}{_because(change)}",
            where="",
            why=(
                "No plan brings its content back; the new one starts empty."
                if replaced
                else "No plan brings its content back, and some names cannot be used again "
                "for days."
            ),
            remedy=(
                "Set `lifecycle.prevent_destroy`. To rename or move it: a `moved` block. To "
                "change what "
                "cannot be changed in place: make a second one, copy, switch over, delete "
                "the first "
                "later, with a backup that was restored once. To stop managing it: a "
                "`removed` block."
            ),
            aliases=_STOPPED_BY if "_db_" in change.type or "_rds_" in change.type else (),
            reversibility="irreversible",
        )
    )


_NAMES = {
    Class.LOGS: ("logs_removed", "its logs are lost", "What happened cannot be looked up later."),
    Class.PROTECTION: (
        "protection_removed",
        "a protection goes away",
        "What it kept from happening can happen from now on.",
    ),
    Class.AUDIT: (
        "audit_removed",
        "recording for audits ends",
        "What happens from now on, this change included, leaves no trace.",
    ),
    Class.GENERATED: (
        "generated_value_lost",
        "the value that it generated changes or goes away",
        "A password, key or name made from it changes with it, or no longer fits.",
    ),
    Class.MONITORING: (
        "monitoring_removed",
        "monitoring goes away",
        "If this change does harm, nobody is told; evidence is missing for every later one too.",
    ),
}
_ORDERS = {
    True: "CreateBeforeDestroy",
    False: "DestroyBeforeCreate",
}


def _gone(change: PlannedChange, kind: Class, severity: Severity) -> Signal:
    if kind in _NAMES:
        name, what, why = _NAMES[kind]
        verb = "is replaced" if change.action == "replace" else "is deleted"
        return change.told(
            Signal(
                id=name,
                severity=severity,
                summary=f"{verb}, {what}{_because(change)}",
                where="",
                why=why,
                remedy="Put its successor in place first, and remove it in a change of its own.",
                reversibility="irreversible" if kind is Class.LOGS else "reversible",
            )
        )
    return _replaced(change, severity) if change.action == "replace" else _deleted(change, severity)


def _deleted(change: PlannedChange, severity: Severity) -> Signal:
    return change.told(
        Signal(
            id="resource_delete",
            severity=severity,
            summary=f"is deleted{_because(change)}",
            where="",
            why="What still uses it fails. A new one has another identity and address.",
            remedy=(
                "Make sure by its metrics or logs that nothing uses it any more; to rename "
                "it, use a "
                "`moved` block."
            ),
            reversibility="costly",
        )
    )


def _replaced(change: PlannedChange, severity: Severity) -> Signal:
    order = "the new one is made first" if change.create_first else "it is gone until then"
    return change.told(
        Signal(
            id="replace_create_first" if change.create_first else "replace_delete_first",
            severity=severity,
            summary=f"is replaced, {order}{_because(change)}",
            where="",
            why=(
                "Identity and address change, and whoever holds the old ones has to learn of it."
                if change.create_first
                else "Between delete and create it does not exist; if the create fails, it "
                "stays so."
            ),
            remedy=(
                "Set `lifecycle.create_before_destroy`, or change it in two steps with "
                "traffic moved "
                "in between."
            ),
            aliases=(f"terraform:{_ORDERS[change.create_first]}",),
            reversibility="costly",
        )
    )


def _accident(change: PlannedChange) -> Iterator[Signal]:
    """A list that lost an element shifts all that follow."""
    if change.reason in _ACCIDENTS:
        yield change.told(
            Signal(
                id="removal_by_side_effect",
                severity="medium",
                summary=f"nobody asked for its removal by name: {_ACCIDENTS[change.reason]}",
                where="",
                why=(
                    "An edit elsewhere, of a list or a module call, decides here what is destroyed."
                ),
                remedy=(
                    "Confirm that exactly this one is meant; key by name with `for_each`, and tell "
                    "renames with `moved` blocks."
                ),
                aliases=(f"terraform:{change.reason}",),
            )
        )


def _forgotten(change: PlannedChange) -> Signal:
    return change.told(
        Signal(
            id="forgotten",
            severity="low",
            summary="stays as it is, but is no longer managed",
            where="",
            why="Nobody will notice when it drifts, costs money, or is needed for a rebuild.",
            remedy="Say who looks after it from now on.",
        )
    )
