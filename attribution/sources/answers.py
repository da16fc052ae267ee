"""Reading what the query API answers. PURE."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from attribution.sources.batching import KEY, Batch, Part, Raw

# A bucket of a native histogram is a series of its own, marked "lower|upper" by this label.
BUCKET = "graygate_bucket"

# Of one part; more is a query that says too little about what it wants.
MOST_SERIES = 5_000
LONGEST_TEXT = 300
MOST_TEXTS = 5

Labels = tuple[tuple[str, str], ...]


class AnswerError(Exception):
    """Not an answer of the query API, or not one to a query of this kind."""


@dataclass(frozen=True)
class Found:
    """One series at the instant. `at`: when the sample was taken; 0 where nobody asked."""

    labels: Labels
    value: float
    at: float = 0.0

    def label(self, name: str) -> str:
        return dict(self.labels).get(name, "")


@dataclass(frozen=True)
class Answer:
    results: list[Any]
    # What the server had to say beside the data; `partial`: why something is missing in it.
    remarks: tuple[str, ...] = ()
    partial: str = ""


def read_answer(content: bytes) -> Answer:
    """Raises AnswerError."""
    try:
        body = json.loads(content)
        data = body["data"]
        results = data["result"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise AnswerError("no answer of a Prometheus query API") from None
    if body.get("status") != "success" or data.get("resultType") != "vector":
        raise AnswerError("no instant vector")
    if not isinstance(results, list):
        raise AnswerError("no list of results")
    warnings, infos = _texts(body.get("warnings")), _texts(body.get("infos"))
    missing = [text for text in warnings if not text.startswith("PromQL")]
    if body.get("isPartial"):
        missing.append("the server says that its answer is partial")
    return Answer(results, (*warnings, *infos), "; ".join(missing)[:LONGEST_TEXT])


def read_refusal(content: bytes) -> str | None:
    """Why the server refuses the query; None: whoever answered does not speak of a query."""
    try:
        body = json.loads(content)
        if body["status"] != "error":
            return None
        return clean(str(body["error"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def distribute(batch: Batch, results: list[Any]) -> dict[Part, list[Found]]:
    """Every part of the batch, with its series. Raises AnswerError."""
    found: dict[Part, list[Found]] = {part: [] for bundle in batch for part in bundle.parts}
    members = list(_members(results, batch))
    times = {(place, one.labels): one.value for place, member, one in members if member == 1}
    by_value = [dict(zip(bundle.values, bundle.parts, strict=False)) for bundle in batch]
    for place, member, one in members:
        bundle = batch[place]
        label = bundle.label
        part = by_value[place].get(one.label(label)) if label else bundle.parts[0]
        if member == 0 and part is not None:
            raw = isinstance(part, Raw)
            found[part].append(_timed(one, times.get((place, _bare(one)))) if raw else one)
    return found


def _timed(one: Found, at: float | None) -> Found:
    if at is None:
        raise AnswerError("a sample without its time")
    return replace(one, at=at)


def _bare(one: Found) -> Labels:
    return tuple(pair for pair in one.labels if pair[0] != BUCKET)


def _members(results: list[Any], batch: Batch) -> Iterator[tuple[int, int, Found]]:
    """(place of the bundle, number of the query within it, series)."""
    unmarked = next((f"{i}.0" for i, bundle in enumerate(batch) if bundle.is_unmarked), "")
    for result in results:
        try:
            labels = {str(name): str(value) for name, value in result["metric"].items()}
            place, member = map(int, labels.pop(KEY, unmarked).split("."))
            labels.pop("__name__", None)
            series = list(_series(labels, result))
        except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError, IndexError):
            raise AnswerError("a result that cannot be read") from None
        if not 0 <= place < len(batch):
            raise AnswerError("a result that nobody asked for")
        for one in series:
            yield place, member, one


def _series(labels: Mapping[str, str], result: Mapping[str, Any]) -> Iterator[Found]:
    if "histogram" not in result:
        yield Found(tuple(sorted(labels.items())), float(result["value"][1]))
        return
    # So that one which has counted nothing yet is there all the same.
    buckets: list[Any] = [(None, 0.0, 0.0, 0.0)]
    for _rule, lower, upper, count in [*buckets, *(result["histogram"][1].get("buckets") or ())]:
        marked = {**labels, BUCKET: f"{float(lower)!r}|{float(upper)!r}"}
        yield Found(tuple(sorted(marked.items())), float(count))


def _texts(given: Any) -> list[str]:
    return [clean(str(text)) for text in given[:MOST_TEXTS]] if isinstance(given, list) else []


def clean(text: str) -> str:
    """Short, and such that it can be stored and shown."""
    plain = text.encode("utf-8", "replace").decode()
    return "".join(letter if letter.isprintable() else " " for letter in plain)[:LONGEST_TEXT]
