"""News → signals, few enough to read.

High and critical ones: one for each check and object. Lesser ones: one for each check. Lesser
ones of new objects: one for each family.
"""

from collections.abc import Iterable, Sequence

from controlplane.risk.kubernetes.findings import FAMILIES, News
from controlplane.risk.signals import Signal, least_reversible, rank, worst

MOST_SIGNALS = 200
SHOWN = 4


def told(found: Iterable[News]) -> list[Signal]:
    groups: dict[tuple[str, ...], list[News]] = {}
    for one in found:
        groups.setdefault(_group(one), []).append(one)
    return [_signal(group) for group in groups.values()]


def limited(signals: Iterable[Signal]) -> list[Signal]:
    """The worst ones, and how many were left out."""
    ranked = sorted(signals, key=lambda signal: -rank(signal.severity))
    left_out = len(ranked) - MOST_SIGNALS
    return ranked[:MOST_SIGNALS] + ([_many(left_out)] if left_out > 0 else [])


def _group(one: News) -> tuple[str, ...]:
    if rank(one.severity) >= rank("high"):
        return one.finding.check.id, str(one.finding.manifest.order), one.finding.manifest.kind
    if one.fresh and one.finding.check.family:
        return ("family", one.finding.check.family)
    return (one.finding.check.id,)


def _signal(group: Sequence[News]) -> Signal:
    """Of a family with one member only, that member's own name and words."""
    group = sorted(group, key=lambda one: -rank(one.severity))
    first = group[0].finding
    tests = {one.finding.check.id: one.finding.check for one in group}
    single = len(tests) == 1
    aliases = [name for test in tests.values() for name in test.aliases]
    aliases += [name for one in group for name in one.finding.aliases]
    family = first.check.family
    return Signal(
        id=first.check.id if single else f"{family}_advice",
        severity=worst(one.severity for one in group),
        summary=_summary(group) if single else f"{FAMILIES[family]}: {_summary(group)}",
        where=first.manifest.where(first.path),
        why=first.check.why if single else _each(test.why for test in tests.values()),
        remedy=first.check.remedy if single else _each(test.remedy for test in tests.values()),
        aliases=tuple(dict.fromkeys(aliases)),
        reversibility=least_reversible(test.reversibility for test in tests.values()),
    )


def _summary(group: Sequence[News]) -> str:
    told_ = [f"{one.finding.manifest.title} {one.finding.what}" for one in group]
    told_ = list(dict.fromkeys(told_))
    more = f"; and {len(told_) - SHOWN} more" if len(told_) > SHOWN else ""
    return "; ".join(told_[:SHOWN]) + more


def _each(sentences: Iterable[str]) -> str:
    return " ".join(dict.fromkeys(sentences))


def _many(left_out: int) -> Signal:
    return Signal(
        id="many_findings",
        severity="medium",
        summary=f"{left_out} more findings are not listed",
        where="",
        why="A change this wide cannot be reviewed object by object.",
        remedy="Split the change.",
    )
