"""Policies as they come in: JSON → rows, with a pointer to what is wrong."""

from collections.abc import Mapping, Sequence
from typing import Any

from attribution.errors import CaseError
from controlplane.risk.kinds import KINDS
from controlplane.risk.policy import CONTROL_LEVELS, CheckRow, PolicyRow, StageRow
from controlplane.risk.shapes import number_of
from controlplane.risk.signals import SEVERITIES

LONGEST_NAME = 100
# Approvals, and seconds of a stage.
MOST = 10_000_000
_FIELDS = frozenset(PolicyRow.__dataclass_fields__)


def rows_of(data: Any, pointer: str = "") -> tuple[PolicyRow, ...]:
    """Raises CaseError."""
    if not isinstance(data, list):
        raise CaseError("Not a list", "Policies are a list of rows.", pointer)
    return tuple(row_of(row, f"{pointer}/{index}") for index, row in enumerate(data))


def row_of(row: Any, pointer: str = "") -> PolicyRow:
    """Flat, or as `{"when": {level, kind, tier}, "then": {…}}`. Raises CaseError. A field left
    out takes the careful value.
    """
    if not isinstance(row, Mapping):
        raise CaseError("Not an object", "A policy is an object.", pointer)
    row = _merged(row, pointer)
    unknown = sorted(str(name) for name in row.keys() - _FIELDS)
    if unknown:
        raise CaseError("Unknown field", f"Known: {', '.join(sorted(_FIELDS))}.", pointer)
    return PolicyRow(
        source=str(row.get("source") or f"case{pointer}"),
        level=_one_of(row, "level", (None, *SEVERITIES), None, pointer),
        kind=_one_of(row, "kind", (None, *KINDS), None, pointer),
        tier=_one_of(row, "tier", (None, 0, 1, 2, 3), None, pointer),
        reject=_one_of(row, "reject", (True, False), False, pointer),
        control_level=_one_of(row, "control_level", CONTROL_LEVELS, "L1", pointer),
        approvals=_whole(row.get("approvals", 1), f"{pointer}/approvals"),
        approvers=_roles(row.get("approvers", []), f"{pointer}/approvers"),
        stages=_stages(row.get("stages"), f"{pointer}/stages"),
        checks=_checks(row.get("checks", []), f"{pointer}/checks"),
        on_inconclusive=_one_of(row, "on_inconclusive", ("hold", "rollback"), "hold", pointer),
    )


def _merged(row: Mapping[str, Any], pointer: str) -> Mapping[str, Any]:
    if not row.keys() & {"when", "then"}:
        return row
    merged: dict[str, Any] = {name: row[name] for name in row.keys() - {"when", "then"}}
    for part in ("when", "then"):
        if not isinstance(row.get(part, {}), Mapping):
            raise CaseError("Not an object", "An object is wanted here.", f"{pointer}/{part}")
        merged |= row.get(part, {})
    return merged


def _one_of(
    row: Mapping[str, Any], name: str, allowed: Sequence[Any], default: Any, pointer: str
) -> Any:
    value = row.get(name, default)
    for known in allowed:
        if type(value) is type(known) and value == known:
            return known
    words = ", ".join("null" if known is None else str(known) for known in allowed)
    raise CaseError("Not allowed here", f"One of: {words}.", f"{pointer}/{name}")


def _whole(value: Any, pointer: str) -> int:
    number = None if isinstance(value, str) else number_of(value)
    if number is None or not 0 <= number <= MOST or number != int(number):
        detail = f"A whole number from 0 to {MOST} is wanted here."
        raise CaseError("Not a count", detail, pointer)
    return int(number)


def _roles(value: Any, pointer: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(role, str) for role in value):
        raise CaseError("Not a list of roles", "Roles are given as a list of texts.", pointer)
    return tuple(value)


def _checks(value: Any, pointer: str) -> tuple[CheckRow, ...]:
    """Names, or `{"name", "by"?}`."""
    if not isinstance(value, list):
        raise CaseError("Not a list of checks", "Checks are given as a list.", pointer)
    checks = tuple(_check(check, f"{pointer}/{index}") for index, check in enumerate(value))
    if len({check.name for check in checks}) < len(checks):
        raise CaseError("Named twice", "Each check once.", pointer)
    return checks


def _check(value: Any, pointer: str) -> CheckRow:
    given = {"name": value} if isinstance(value, str) else value
    if not isinstance(given, Mapping) or given.keys() - {"name", "by"}:
        raise CaseError("Not a check", "A name, or name and by, is wanted here.", pointer)
    name = given.get("name")
    if not isinstance(name, str) or not 0 < len(name.strip()) <= LONGEST_NAME:
        raise CaseError("Not a name", f"At most {LONGEST_NAME} letters.", f"{pointer}/name")
    return CheckRow(name, _roles(given.get("by", []), f"{pointer}/by"))


def _stages(value: Any, pointer: str) -> tuple[StageRow, ...]:
    if not isinstance(value, list) or not value:
        raise CaseError("No stages", "At least one stage is wanted here.", pointer)
    stages = tuple(_stage(stage, f"{pointer}/{index}") for index, stage in enumerate(value))
    for index in range(1, len(stages)):
        if stages[index].share <= stages[index - 1].share:
            raise CaseError(
                "Shares fall", "Each share exceeds the last.", f"{pointer}/{index}/share"
            )
    if stages[-1].share != 1.0:
        raise CaseError("The stages do not end at 1", "The last share is 1.", pointer)
    return stages


def _stage(value: Any, pointer: str) -> StageRow:
    if not isinstance(value, Mapping):
        raise CaseError("Not an object", "A stage is an object.", pointer)
    share = None if isinstance(value.get("share"), str) else number_of(value.get("share"))
    if share is None or not 0 < share <= 1:
        raise CaseError("Not a share", "A share is above 0 and at most 1.", f"{pointer}/share")
    gates = _roles(value.get("gates", []), f"{pointer}/gates")
    return StageRow(share, _whole(value.get("min_s", 0), f"{pointer}/min_s"), gates)
