"""Asking a server many things: side by side, within one deadline, each failure as small as can be.

A batch that is refused is taken apart until the part that is to blame is found. A batch that takes
too long is not read this time; what in it may be costly is asked in smaller lots from then on.
"""

import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from attribution.sources.answers import MOST_SERIES, Answer, AnswerError, Found, distribute
from attribution.sources.batching import Batch, Bundle, Expression, Part, batches, union
from attribution.sources.query_api import QueryApi, RefusedError, SlowError, UnreadError
from attribution.sources.set_aside import SetAside

AT_ONCE = 4
# What a read may spend on finding who spoils a batch; what is left goes on with the next.
MOST_SPLITS = 60


@dataclass
class Outcome:
    """Every part that was asked stands in one of the first three."""

    found: dict[Part, list[Found]] = field(default_factory=dict)
    # The part itself is to blame, now and until it changes.
    refused: dict[Part, str] = field(default_factory=dict)
    # Not read this time, through no fault of its own.
    failed: dict[Part, str] = field(default_factory=dict)
    # What the server had to say about the answer that a part came with.
    remarks: dict[Part, tuple[str, ...]] = field(default_factory=dict)


def ask(api: QueryApi, parts: Iterable[Part], aside: SetAside) -> Outcome:
    """Asks every part once."""
    one = _Round(api, aside)
    one.run(dict.fromkeys(parts))
    return one.outcome


class _Round:
    def __init__(self, api: QueryApi, aside: SetAside) -> None:
        self.outcome = Outcome()
        self._api, self._aside = api, aside
        self._lock = threading.Lock()
        self._splits = 0
        self._slow: list[Batch] = []

    def run(self, parts: Iterable[Part]) -> None:
        now, asked = time.monotonic(), []
        for part in parts:
            if why := self._aside.why(part, now):
                self.outcome.refused[part] = why
            else:
                asked.append(part)
        lots = {part: lot for part in asked if (lot := self._aside.lot(part)) is not None}
        todo = batches(asked, lots)
        with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
            list(pool.map(self._settle, todo))
        self._blame_the_slow()

    def _settle(self, batch: Batch) -> None:
        try:
            answer = self._api.answer(union(batch))
            found = distribute(batch, answer.results)
        except RefusedError as problem:
            self._take_apart(batch, str(problem))
        except (UnreadError, AnswerError) as problem:
            if isinstance(problem, SlowError):
                self._slow.append(batch)
            self._fail(batch, str(problem))
        else:
            with self._lock:
                for part, series in found.items():
                    self._keep(part, series, answer)

    def _keep(self, part: Part, series: list[Found], answer: Answer) -> None:
        if len(series) > MOST_SERIES:
            self._refuse(part, f"{len(series)} series, at most {MOST_SERIES} are read")
            return
        self._aside.clear(part)
        self.outcome.remarks[part] = answer.remarks
        if answer.partial:
            self.outcome.failed[part] = f"partial answer: {answer.partial}"
        else:
            self.outcome.found[part] = series

    def _take_apart(self, batch: Batch, why: str) -> None:
        parts = _parts(batch)
        with self._lock:
            if len(parts) == 1:
                self._refuse(parts[0], why)
                return
            self._splits += 1
            spent = self._splits > MOST_SPLITS
        if spent:
            self._fail(batch, f"refused together with others: {why}")
        elif len(batch) == 1:
            self._take_bundle_apart(batch[0], why)
        else:
            self._settle(batch[: len(batch) // 2])
            self._settle(batch[len(batch) // 2 :])

    def _take_bundle_apart(self, bundle: Bundle, why: str) -> None:
        """Its parts are alike: if one is refused for what it is, they all are; else by halves."""
        first, *others = bundle.parts
        self._settle((bundle.some(slice(1)),))
        with self._lock:
            if first in self.outcome.refused:
                for part in others:
                    self._refuse(part, why)
                return
        middle = 1 + len(others) // 2
        for half in (bundle.some(slice(1, middle)), bundle.some(slice(middle, None))):
            if half.parts:
                self._settle((half,))

    def _refuse(self, part: Part, why: str) -> None:
        self.outcome.refused[part] = why
        self._aside.refuse(part, why, time.monotonic())

    def _fail(self, batch: Batch, why: str) -> None:
        with self._lock:
            self.outcome.failed.update(dict.fromkeys(_parts(batch), why))

    def _blame_the_slow(self) -> None:
        """One that is slow all by itself is refused, but only while others are answered: else it
        is the server that is slow. Of several the costly ones are divided for the next time.
        """
        for batch in self._slow:
            parts = _parts(batch)
            if len(parts) > 1:
                self._aside.divide([part for part in parts if isinstance(part, Expression)])
            elif self.outcome.found and self._aside.lot(parts[0]) is not None:
                self._refuse(parts[0], self.outcome.failed.pop(parts[0]))


def _parts(batch: Batch) -> list[Part]:
    return [part for bundle in batch for part in bundle.parts]
