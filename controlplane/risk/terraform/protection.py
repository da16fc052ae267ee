"""Protection that a resource had and loses: backups, second zones, encryption, locks."""

import math
from collections.abc import Iterator

from controlplane.risk.edits import Edit
from controlplane.risk.shapes import boolean_of, is_empty, number_of
from controlplane.risk.signals import Severity, Signal, worst
from controlplane.risk.terraform.aliases import aliases_of
from controlplane.risk.terraform.planned import PlannedChange, attribute_names
from controlplane.risk.terraform.protections import MEANINGS, Protection, protection_of


def lost(change: PlannedChange) -> Iterator[Signal]:
    """What a new resource never had is advice, and only where it holds data."""
    if change.action == "create":
        yield from _never_had(change)
        return
    found: dict[str, list[tuple[Severity, Edit]]] = {}
    for edit in change.edits:
        names = attribute_names(edit.pointer)
        protection = protection_of(names)
        severity = _weakened(protection, edit) if protection else None
        if protection and severity and not change.is_unknown(edit.pointer):
            found.setdefault(protection.signal, []).append((severity, edit))
    for signal, weakenings in found.items():
        yield _signal(change, signal, weakenings)


def _weakened(protection: Protection, edit: Edit) -> Severity | None:
    """None: it is as strong as before."""
    if protection.ranks:
        old, new = _rank(protection, edit.old), _rank(protection, edit.new)
        return protection.severity if old is not None and new is not None and new < old else None
    if protection.shape == "on":
        gone = boolean_of(edit.old) is True and boolean_of(edit.new) is not True
        return protection.severity if gone else None
    if protection.shape == "off":
        gone = boolean_of(edit.old) is not True and boolean_of(edit.new) is True
        return protection.severity if gone and not edit.added else None
    if protection.shape == "present":
        gone = not edit.added and not is_empty(edit.old) and (edit.removed or is_empty(edit.new))
        return protection.severity if gone else None
    return _fallen(protection, edit)


def _fallen(protection: Protection, edit: Edit) -> Severity | None:
    old, new = _amount(edit.old, edit.pointer), _amount(edit.new, edit.pointer)
    if not old or old < 0 or (new is not None and new >= old):
        return None
    return "medium" if new else protection.severity


def _amount(value: object, pointer: str) -> float | None:
    """Google writes durations as `604800s`; CloudWatch keeps for ever what it keeps 0 days."""
    number = number_of(value[:-1] if isinstance(value, str) and value.endswith("s") else value)
    return math.inf if number == 0 and pointer.endswith("/retention_in_days") else number


def _rank(protection: Protection, value: object) -> int | None:
    if not isinstance(value, str):
        return None
    word = value.lower().replace("-", "_").replace(".", "_")
    word = f"tls{word}" if word[:2] in ("1_", "1.") else word.replace("tlsv", "tls")
    fitting = [at for at, name in enumerate(protection.ranks) if word.startswith(name)]
    exact = [at for at in fitting if protection.ranks[at] == word]
    return max(exact or fitting, default=None)


def _signal(change: PlannedChange, signal: str, weakenings: list[tuple[Severity, Edit]]) -> Signal:
    meaning, first = MEANINGS[signal], weakenings[0][1]
    steps = ", ".join(f"`{edit.key}` {edit.step}" for _, edit in weakenings[:3])
    names = [attribute_names(edit.pointer) for _, edit in weakenings]
    return change.told(
        Signal(
            id=signal,
            severity=worst(severity for severity, _ in weakenings),
            summary=f"{meaning.what} ({steps})",
            where=first.pointer,
            why=meaning.why,
            remedy=meaning.remedy,
            aliases=tuple(alias for name in names for alias in aliases_of(name, change.type)),
            reversibility="costly" if signal == "backup_lost" else "reversible",
        )
    )


def _never_had(change: PlannedChange) -> Iterator[Signal]:
    if not change.operation.stateful:
        return
    weak = []
    for pointer, value in change.new.items():
        names = attribute_names(pointer)
        protection = protection_of(names)
        if protection and protection.shape in ("on", "amount") and _is_off(protection, value):
            weak.append((pointer, names))
    if weak:
        yield change.told(
            Signal(
                id="created_unprotected",
                severity="low",
                summary="it is made without "
                + ", ".join(f"`{pointer[1:][:60]}`" for pointer, _ in weak[:4]),
                where=weak[0][0],
                why="Protection is cheapest before there is anything to lose.",
                remedy="Switch it on now where the data will matter.",
                aliases=tuple(
                    alias for _, names in weak for alias in aliases_of(names, change.type)
                ),
            )
        )


def _is_off(protection: Protection, value: object) -> bool:
    if protection.ranks or protection.signal == "monitoring_weakened":
        return False
    return boolean_of(value) is False if protection.shape == "on" else number_of(value) == 0
