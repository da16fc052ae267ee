"""Lifecycle rules that delete what is kept until now."""

from collections.abc import Iterator, Mapping

from controlplane.risk.shapes import number_of
from controlplane.risk.signals import Signal
from controlplane.risk.terraform.planned import PlannedChange, attribute_names

_BLOCKS = frozenset({"expiration.days", "condition.age"})
_NAMES = frozenset({"delete_after_days_since_modification_greater_than"})


def sooner(change: PlannedChange) -> Iterator[Signal]:
    """A rule for a bucket that is new itself deletes nothing that exists."""
    if change.action != "update" and not (change.action == "create" and _is_rule(change.type)):
        return
    old, new = _expirations(change.old), _expirations(change.new)
    earliest = min(new, default=None)
    if earliest is not None and earliest < min(old, default=earliest + 1):
        yield change.told(
            Signal(
                id="data_expires",
                severity="medium",
                summary=f"what it holds is deleted after {earliest:.0f} days from now on",
                where="",
                why="The first run deletes everything that is already older, in one night.",
                remedy=(
                    "Confirm with the owner of the data what is older than that; keep "
                    "versions, so that "
                    "the deletion can be undone for a while."
                ),
                reversibility="irreversible",
            )
        )


def _is_rule(resource_type: str) -> bool:
    return "lifecycle" in resource_type or "management_policy" in resource_type


def _expirations(values: Mapping[str, object]) -> list[float]:
    found = [
        number_of(value)
        for pointer, value in values.items()
        if attribute_names(pointer)[1] in _BLOCKS or attribute_names(pointer)[0] in _NAMES
    ]
    return [days for days in found if days]
