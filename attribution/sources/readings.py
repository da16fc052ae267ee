"""From a server's answers to the reading of one service. PURE.

Not known and not there are kept apart: a cohort whose series are gone is silent, and that is
evidence; a query that was refused makes its metric unknown for every cohort, and that is none.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from attribution.sources.answers import Found
from attribution.sources.base import Reading, SourceError
from attribution.sources.batching import Expression, Raw
from attribution.sources.counters import Look, Shown
from attribution.sources.distributions import distribution
from attribution.sources.querying import Outcome
from attribution.sources.questions import Question, Questions, demanded

MOST_WARNINGS = 8
COUNTS = ("events", "total")


def reading(
    asked: Questions, outcome: Outcome, state: Mapping[str, Any], now: float, interval_s: float
) -> Reading | SourceError:
    failed = next((outcome.failed[p] for p in asked.parts() if p in outcome.failed), None)
    if failed is not None:
        return SourceError(failed)
    return _Service(asked, outcome, state, now, interval_s).reading()


class _Service:
    def __init__(
        self,
        asked: Questions,
        outcome: Outcome,
        state: Mapping[str, Any],
        now: float,
        interval_s: float,
    ) -> None:
        self._asked, self._outcome, self._interval_s = asked, outcome, interval_s
        self._why = dict(asked.unreadable)
        for question in asked.readable:
            for part in question.parts:
                if part in outcome.refused:
                    self._why[question.key] = outcome.refused[part]
                elif isinstance(part, Expression) and not _is_possible(question, outcome):
                    self._why[question.key] = "its value is no count"
        self._look = self._looked(state, now)

    def reading(self) -> Reading | SourceError:
        look = self._look
        if look.stopped:
            return SourceError(look.stopped)
        if look.empty and not self._anything():
            return SourceError("the server has no series for any query of this service")
        unknown = {key.rsplit("|", 2)[0] for key in self._why}
        told = {
            question.key: None if question.metric in unknown else self._value(question)
            for question in self._asked.readable
        } | dict.fromkeys(self._asked.unreadable)
        return Reading(
            increments={key: value for key, value in told.items() if key.endswith(COUNTS)},
            values={key: value for key, value in told.items() if not key.endswith(COUNTS)},
            state=look.state(),
            silent=look.gone,
            warnings=list(dict.fromkeys(self._warnings()))[:MOST_WARNINGS],
        )

    def _looked(self, state: Mapping[str, Any], now: float) -> Look:
        raw = [(q.part, q.asked) for q in self._asked.readable if isinstance(q.asked, Raw)]
        found = self._outcome.found
        gauges = {one.selector: found[one] for part, one in raw if part == "value" and one in found}
        counters = {
            one.selector: found[one] for part, one in raw if part != "value" and one in found
        }
        leading = {one.selector for part, one in raw if part != "events"}
        return Look(Shown(counters, gauges, leading), state, now, self._interval_s)

    def _anything(self) -> bool:
        """Some expression has an answer; or nothing was asked that could have one."""
        keys = [question for question in self._asked.readable if question.key not in self._why]
        return not keys or any(
            isinstance(question.asked, Expression) and self._found(question) for question in keys
        )

    def _found(self, question: Question) -> list[Found]:
        return self._outcome.found.get(question.asked, [])

    def _value(self, question: Question) -> Any:
        if isinstance(question.asked, Expression):
            return _of_expression(question, self._found(question))
        chosen = question.asked.selector
        if question.part == "value":
            live = [one.value for one in self._look.live(chosen) if math.isfinite(one.value)]
            return None if self._look.held else _mean(live)
        growth = self._look.growth(chosen)
        if growth is None:
            return None
        if question.part == "distribution":
            return distribution(growth)
        if growth or (question.part == "events" and self._could_be(question)):
            return float(sum(increase for _one, increase in growth))
        return None

    def _could_be(self, question: Question) -> bool:
        """Whether "no such series" means zero: a mistyped label must not read as "no errors"."""
        if self._found(question):
            return True
        if question.probe is not None:
            return any(one.value > 0 for one in self._outcome.found.get(question.probe, ()))
        total, events = question.total, question.asked
        if total is None or not isinstance(events, Raw):
            return False
        wanted = demanded(events.selector, total.matchers)
        return any(all(map(one.label, wanted)) for one in self._look.live(total))

    def _warnings(self) -> Iterator[str]:
        for key, why in self._why.items():
            yield f"{key}: {why}"
        for question in self._asked.readable:
            yield from self._outcome.remarks.get(question.asked, ())
        for name in self._look.broken:
            yield f"{name} shows numbers that cannot be read"
        if self._look.held and self._look.slowest_gap:
            yield (
                f"samples come every {self._look.slowest_gap:g} s and are read every "
                f"{self._interval_s:g} s: scrape more often, or set GRAYGATE_INTERVAL_S higher"
            )


def _is_possible(question: Question, outcome: Outcome) -> bool:
    """A sum that is not finite or below zero speaks of the query, not of the cohort's silence."""
    values = [one.value for one in outcome.found.get(question.asked, ())]
    if question.part not in COUNTS:
        return all(map(math.isfinite, values))
    return math.isfinite(sum(values)) and sum(values) >= 0


def _of_expression(question: Question, found: list[Found]) -> Any:
    if question.part == "distribution":
        return distribution([(one, one.value) for one in found])
    values = [one.value for one in found]
    if question.part == "value":
        return _mean(values)
    return float(sum(values)) if values else None


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None
