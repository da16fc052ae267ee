"""Which versions answer: the question to a Prometheus, and what it says. PURE."""

import math

from attribution.sources.answers import Answer, AnswerError
from attribution.sources.base import MOST_VERSIONS, VersionAsk
from attribution.sources.promql import selector

# A server that scrapes every 15 s knows no increase within less.
LEAST_WINDOW_S, MOST_WINDOW_S = 60.0, 600.0


def window_of(since_s: float | None, interval_s: float) -> float:
    least = max(LEAST_WINDOW_S, 4 * interval_s)
    return round(min(max(since_s or least, least), MOST_WINDOW_S))


def question(ask: VersionAsk, window_s: float) -> str:
    """The server bounds the answer: one value more than is taken shows that there are more."""
    counters = selector(ask.selector)
    if counters is None:
        raise AnswerError(f"not a selector: {ask.selector[:80]}")
    grown = f"increase({counters.having([ask.label])}[{window_s:.0f}s])"
    return f"topk({MOST_VERSIONS + 1}, sum by ({ask.label}) ({grown}) > 0)"


def by_label(answer: Answer, label: str) -> dict[str, float]:
    """Raises AnswerError: of a part of the series no share can be told."""
    if answer.partial:
        raise AnswerError(answer.partial)
    if len(answer.results) > MOST_VERSIONS:
        raise AnswerError(too_many(label))
    try:
        told = [(str(one["metric"][label]), float(one["value"][1])) for one in answer.results]
    except (KeyError, TypeError, ValueError, IndexError):
        raise AnswerError("a result that cannot be read") from None
    return {value: count for value, count in told if math.isfinite(count) and count > 0}


def too_many(label: str) -> str:
    return f"more than {MOST_VERSIONS} values of {label!r}: a label that tells no version"
