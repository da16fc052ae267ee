"""A check that a policy can fail, and which failures are news."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from controlplane.risk.signals import Reversibility, Severity, Signal

Path = tuple[str | int, ...]
ALL = frozenset(("*",))


@dataclass(frozen=True, slots=True)
class Check:
    """`implies`: what fails less badly where this fails; losing this for that is a fix."""

    id: str
    severity: Severity
    why: str
    remedy: str
    aliases: tuple[str, ...] = ()
    implies: tuple[str, ...] = ()
    reversibility: Reversibility = "reversible"


@dataclass(frozen=True, slots=True)
class Finding:
    """`items`: the actions, resources or words that fail. A finding is news when one of them
    is new; `*` among the old ones takes in all.
    """

    check: Check
    what: str
    path: Path
    items: frozenset[str]
    severity: Severity | None = None
    aliases: tuple[str, ...] = ()

    @property
    def grade(self) -> Severity:
        return self.severity or self.check.severity


def check(
    name: str,
    severity: Severity,
    why: str,
    remedy: str,
    aliases: str = "",
    implies: str = "",
) -> Check:
    return Check(name, severity, why, remedy, tuple(aliases.split()), tuple(implies.split()))


def news(after: Iterable[Finding], before: Iterable[Finding]) -> Iterator[Finding]:
    failed: dict[str, set[str]] = {}
    for old in before:
        failed.setdefault(old.check.id, set()).update(old.items)
        for name in old.check.implies:
            failed.setdefault(name, set()).add("*")
    for finding in after:
        known = failed.get(finding.check.id, set())
        if "*" not in known and not (known and finding.items <= known):
            yield finding


def signal(group: list[Finding], where: str) -> Signal:
    """One signal for all findings of a check: the same mistake in several statements."""
    first = group[0]
    texts = list(dict.fromkeys(one.what for one in group))
    more = f"; and {len(texts) - 3} more" if len(texts) > 3 else ""
    aliases = [*first.check.aliases, *(alias for one in group for alias in one.aliases)]
    return Signal(
        id=first.check.id,
        severity=first.grade,
        summary="; ".join(texts[:3]) + more,
        where=where,
        why=first.check.why,
        remedy=first.check.remedy,
        aliases=tuple(dict.fromkeys(aliases)),
        reversibility=first.check.reversibility,
    )


def shown(names: Iterable[object], most: int = 4) -> str:
    words = [str(name)[:80] for name in names]
    more = f" and {len(words) - most} more" if len(words) > most else ""
    return ", ".join(words[:most]) + more
