"""What the queries of one service ask of a Prometheus. PURE."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from attribution.errors import CaseError
from attribution.sources.base import part_of
from attribution.sources.batching import Expression, Native, Part, Probe, Raw
from attribution.sources.promql import (
    Matcher,
    Selector,
    check_embeddable,
    fill_interval,
    selector,
    tidy,
)


@dataclass(frozen=True)
class Question:
    """One query. `part`: what its value is taken for; `total`: of events, what they are part of."""

    key: str
    part: str
    asked: Raw | Expression
    total: Selector | None = None
    # Whether events that nobody shows could be shown at all; None: the total's series tell.
    probe: Probe | None = None

    @property
    def metric(self) -> str:
        return self.key.rsplit("|", 2)[0]

    @property
    def parts(self) -> Iterator[Part]:
        yield self.asked
        if self.probe is not None:
            yield self.probe


@dataclass(frozen=True)
class Questions:
    readable: list[Question] = field(default_factory=list)
    # key -> what is wrong with its query. It must not blind the others.
    unreadable: dict[str, str] = field(default_factory=dict)

    def parts(self) -> Iterator[Part]:
        for question in self.readable:
            yield from question.parts


def questions(queries: Mapping[str, str], interval_s: float) -> Questions:
    asked: dict[str, Raw | Expression] = {}
    unreadable = {}
    for key, text in queries.items():
        try:
            asked[key] = _asked(text, part_of(key), interval_s)
        except CaseError as problem:
            unreadable[key] = problem.detail
    return Questions([_question(key, asked) for key in asked], unreadable)


# The same queries come with every read.
@lru_cache(maxsize=50_000)
def _asked(text: str, part: str, interval_s: float) -> Raw | Expression:
    """Checked here too: rows may be older than the rules, or written by hand."""
    filled = fill_interval(tidy(text), interval_s)
    check_embeddable(filled)
    plain = selector(filled)
    if plain is None:
        return Expression(filled.strip())
    native = part == "distribution" and not plain.name.endswith("_bucket")
    return Native(plain) if native else Raw(plain)


def _question(key: str, asked: Mapping[str, Raw | Expression]) -> Question:
    part, one = part_of(key), asked[key]
    if part != "events" or not isinstance(one, Raw):
        return Question(key, part, one)
    events = one.selector
    total = _selector(asked.get(key.removesuffix("events") + "total"))
    if total and total.name == events.name and total.matchers <= events.matchers:
        return Question(key, part, one, total)
    if total:
        same = events.matchers & total.matchers
    else:
        everybody = _selector(asked.get(f"{key.rsplit('|', 2)[0]}|all|events"))
        same = events.matchers - everybody.matchers if everybody else frozenset()
    return Question(key, part, one, probe=Probe(_loosened(events, same)))


def _selector(one: Raw | Expression | None) -> Selector | None:
    return one.selector if isinstance(one, Raw) else None


def _loosened(events: Selector, same: frozenset[Matcher]) -> Selector:
    """Every label that is demanded is there, whatever its value; what is `same` stays."""
    return Selector(events.name, same).having(demanded(events, same))


def demanded(events: Selector, same: frozenset[Matcher]) -> set[str]:
    return {each.label for each in events.matchers - same if each.demands_label}
