"""DNS: what a change of a zone takes away, sends elsewhere or opens."""

from controlplane.risk.dns.rules import RULES
from controlplane.risk.dns.zone import zone_of
from controlplane.risk.reading import UnreadableError
from controlplane.risk.signals import Signal, Source, no_before, rank, unparsed

MOST_SIGNALS = 200


def read(source: Source) -> list[Signal]:
    try:
        after = zone_of(source.artefact, source.path)
    except UnreadableError as problem:
        return [unparsed(str(problem), "/artefact")]
    try:
        before = zone_of(source.before, source.path) if source.before is not None else None
    except UnreadableError as problem:
        return [unparsed(f"what it replaces: {problem}", "/before")]
    found = [signal for rule in RULES for signal in rule(before or {}, after)]
    if before is None:
        found.append(_no_before())
    return sorted(found, key=lambda signal: -rank(signal.severity))[:MOST_SIGNALS]


def _no_before() -> Signal:
    return no_before(
        summary="Nobody said what the zone is now",
        why="What goes or leads elsewhere cannot be told, and there is nothing to go back to.",
        remedy="Send the present zone as `before` ({} when there is none yet).",
    )
