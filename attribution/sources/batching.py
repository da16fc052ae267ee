"""Many questions in few queries. PURE.

Selectors that differ in the value of one label only are asked for as one, `label=~"a|b|…"`, and
told apart by that label. Everything is then put into unions: each member carries its number in the
label `graygate_key`, which is set outermost, so that no expression can speak for another. Native
histograms would not survive that in Prometheus 2.42; so one of them a union goes unmarked.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from attribution.sources.promql import Matcher, Selector

KEY = "graygate_key"
# VictoriaMetrics takes 16 KiB; what the union adds is counted in.
MOST_BYTES = 15_000
MOST_MEMBERS = 100
# Of the values of one label: a bundle of raw samples says them twice.
MOST_VALUE_BYTES = 6_000


@dataclass(frozen=True)
class Raw:
    """The newest samples of the series: values and times."""

    selector: Selector


@dataclass(frozen=True)
class Native(Raw):
    """Those of what may be native histograms."""


@dataclass(frozen=True)
class Probe:
    """How many series there are."""

    selector: Selector


@dataclass(frozen=True)
class Expression:
    """Any PromQL that can be embedded."""

    text: str


Part = Raw | Probe | Expression


@dataclass(frozen=True)
class Bundle:
    """Parts that the same queries answer, told apart by `label` (which one part does not need).

    `values[i]` belongs to `parts[i]`.
    """

    parts: tuple[Part, ...]
    label: str = ""
    values: tuple[str, ...] = ()

    def queries(self) -> tuple[str, ...]:
        """Of raw samples two: values, times."""
        first = self.parts[0]
        if isinstance(first, Expression):
            return (first.text,)
        chosen = self._selector(first.selector)
        if isinstance(first, Probe):
            return (f"count{f' by ({self.label})' if self.label else ''} ({chosen})",)
        if self.is_unmarked:
            # What goes unmarked must not mark itself.
            chosen = chosen.with_matcher(Matcher(KEY, "=", '""'))
        return (str(chosen), f"timestamp({chosen})")

    @property
    def is_unmarked(self) -> bool:
        return isinstance(self.parts[0], Native)

    def _selector(self, first: Selector) -> Selector:
        if not self.label:
            return first
        own = next(each for each in first.matchers if each in _told_by(first, self.label))
        return first.without(own).one_of(self.label, self.values)

    def some(self, chosen: slice) -> "Bundle":
        return Bundle(self.parts[chosen], self.label, self.values[chosen])


Batch = tuple[Bundle, ...]
# Kind, what the selector is without the matcher of one label, and that label.
Shape = tuple[type[Part], Selector, str]


def union(batch: Batch) -> str:
    """Member `n` of bundle `i` is marked "i.n"; the samples of the one native bundle are not."""
    return " or ".join(
        f"({query})"
        if bundle.is_unmarked and member == 0
        else f'label_replace(({query}),"{KEY}","{index}.{member}","","")'
        for index, bundle in enumerate(batch)
        for member, query in enumerate(bundle.queries())
    )


def batches(parts: Iterable[Part], lots: Mapping[Part, int] | None = None) -> list[Batch]:
    """Each part once, in as few batches as the bounds allow; no batch holds parts of two lots."""
    by_lot: dict[int | None, list[Part]] = defaultdict(list)
    for part in dict.fromkeys(parts):
        by_lot[(lots or {}).get(part)].append(part)
    return [batch for lot in by_lot.values() for batch in _batches(tuple(lot))]


# The same services are due together with every read.
@lru_cache(maxsize=64)
def _batches(parts: tuple[Part, ...]) -> tuple[Batch, ...]:
    return tuple(_packed(_bundles(parts)))


def _packed(bundles: Iterable[Bundle]) -> Iterator[Batch]:
    batch: list[Bundle] = []
    length = members = 0
    for bundle in bundles:
        queries = bundle.queries()
        adds = sum(len(query.encode()) + 50 for query in queries)
        full = length + adds > MOST_BYTES or members + len(queries) > MOST_MEMBERS
        second = bundle.is_unmarked and any(each.is_unmarked for each in batch)
        if batch and (full or second):
            yield tuple(batch)
            batch, length, members = [], 0, 0
        batch.append(bundle)
        length, members = length + adds, members + len(queries)
    if batch:
        yield tuple(batch)


def _bundles(parts: Sequence[Part]) -> Iterator[Bundle]:
    """Each selector goes where it finds most company."""
    shapes: dict[Shape, int] = defaultdict(int)
    for part in parts:
        for shape, _value in _shapes(part):
            shapes[shape] += 1
    grouped: dict[Shape, list[tuple[Part, str]]] = defaultdict(list)
    for part in parts:
        own = max(_shapes(part), key=lambda each: (shapes[each[0]], str(each[0])), default=None)
        if own is None:
            yield Bundle((part,))
        else:
            grouped[own[0]].append((part, own[1]))
    for (_kind, _rest, label), found in grouped.items():
        yield from _chunks(label, found)


def _shapes(part: Part) -> Iterator[tuple[Shape, str]]:
    """(what is left without one label's value, the value), for each label that can tell apart."""
    if isinstance(part, Expression):
        return
    for matcher in sorted(part.selector.matchers):
        if matcher in _told_by(part.selector, matcher.label) and matcher.value:
            yield (type(part), part.selector.without(matcher), matcher.label), matcher.value


def _told_by(selector: Selector, label: str) -> list[Matcher]:
    """The matcher that fixes the label's value, if exactly one does."""
    found = [each for each in selector.matchers if each.label == label and each.operator == "="]
    return found if len(found) == 1 else []


def _chunks(label: str, found: Sequence[tuple[Part, str]]) -> Iterator[Bundle]:
    start = length = 0
    for end, (_part, value) in enumerate(found):
        adds = 3 * len(value.encode()) if not value.isalnum() else len(value) + 1
        if end > start and length + adds > MOST_VALUE_BYTES:
            yield _bundle(label, found[start:end])
            start, length = end, 0
        length += adds
    yield _bundle(label, found[start:])


def _bundle(label: str, found: Sequence[tuple[Part, str]]) -> Bundle:
    if len(found) == 1:
        return Bundle((found[0][0],))
    return Bundle(tuple(p for p, _ in found), label, tuple(v for _, v in found))
