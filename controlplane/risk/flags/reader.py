"""Feature flags: what a change of them turns on for whom, at once."""

from controlplane.risk.flags.definition import Flag, flags_of
from controlplane.risk.flags.rules import RULES, removed
from controlplane.risk.reading import UnreadableError
from controlplane.risk.signals import Signal, Source, no_before, rank, unparsed

MOST_SIGNALS = 200
MANY = 10


def read(source: Source) -> list[Signal]:
    try:
        after = flags_of(source.artefact, source.path)
    except UnreadableError as problem:
        return [unparsed(str(problem), "/artefact")]
    try:
        before = flags_of(source.before, source.path) if source.before is not None else None
    except UnreadableError as problem:
        return [unparsed(f"what it replaces: {problem}", "/before")]
    found = _found(before or {}, after)
    if before is None:
        found.append(_no_before())
    return sorted(found, key=lambda signal: -rank(signal.severity))[:MOST_SIGNALS]


def _found(before: dict[str, Flag], after: dict[str, Flag]) -> list[Signal]:
    changed = [key for key in {**before, **after} if before.get(key) != after.get(key)]
    found: list[Signal] = []
    for key in changed:
        flag = after.get(key)
        if flag is None:
            found.append(removed(before[key]))
        else:
            found += [signal for rule in RULES for signal in rule(before.get(key), flag)]
    touched = [key for key in changed if key in before]
    return found + ([_many(len(touched))] if len(touched) > MANY else [])


def _many(count: int) -> Signal:
    return Signal(
        id="many_flags",
        severity="medium",
        summary=f"{count} flags change at once",
        where="/flags",
        why="When something breaks nobody can tell which of them it was.",
        remedy="Change them one after the other.",
    )


def _no_before() -> Signal:
    return no_before(
        summary="Nobody said what the flags are now",
        why="For whom something else is on cannot be told, and there is nothing to go back to.",
        remedy="Send the present document as `before`.",
    )
