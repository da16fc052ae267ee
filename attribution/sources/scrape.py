"""Reads /metrics of every instance itself: for a fleet without a Prometheus.

config: {"urls": ["http://host:port/metrics", …]}; queries are plain selectors. The state kept from
read to read is the raw counters of each instance.

An instance whose counters fell, or lost a series, has restarted: what it counted in between is not
known, so this read says nothing of it. A series that is new on an instance read before counts from
zero (a first error makes its own label set); a whole new instance says nothing until its second
read. A query whose metric no instance has is unknown; a metric that exists without a series that
fits counts as zero only when it was looked for on an instance that was read before.
"""

import json
import math
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from django.conf import settings

from attribution.bounded_http import ExchangeError, exchange
from attribution.destinations import is_allowed
from attribution.errors import CaseError
from attribution.fields import items
from attribution.sources.answering import too_many
from attribution.sources.base import (
    MOST_VERSIONS,
    Answered,
    Reading,
    SourceError,
    VersionAsk,
)
from attribution.sources.exposition import Selector, parse_selector, samples

MOST_BYTES = 8_000_000
MOST_URLS = 1000
AT_ONCE = 16

Labels = tuple[tuple[str, str], ...]
Series = tuple[str, Labels]


@dataclass(frozen=True)
class Page:
    """One instance's wanted counters, or why there are none."""

    url: str
    counters: dict[Series, float]
    problem: str = ""


class ScrapeSource:
    bounded = True

    def validate(self, config: Mapping[str, Any], pointer: str) -> None:
        urls = items(config, "urls", pointer)
        if not urls or len(urls) > MOST_URLS:
            raise CaseError("no urls", f"give 1 to {MOST_URLS} addresses", f"{pointer}/urls")
        for place, url in enumerate(urls):
            if not isinstance(url, str) or not is_allowed(url):
                detail = "not among the operator's allowed_destinations"
                raise CaseError("destination not allowed", detail, f"{pointer}/urls/{place}")

    def versions(self, ask: VersionAsk) -> Answered:
        try:
            self.validate(ask.config, "/source/config")
            counters = parse_selector(ask.selector)
        except CaseError as problem:
            raise SourceError(f"{problem.detail} ({problem.pointer})") from None
        pages = _pages(ask.config["urls"], [counters.name])
        answered = {
            page.url: _by_label(page, counters, ask.label) for page in pages if not page.problem
        }
        if not answered:
            raise SourceError(f"no instance answered; {_shown(pages[0].url)}: {pages[0].problem}")
        if len({value for told in answered.values() for value in told}) > MOST_VERSIONS:
            raise SourceError(too_many(ask.label))
        # A silent instance keeps its old counters, as those of a read.
        kept = {url: ask.state[url] for url in ask.config["urls"] if url in ask.state}
        grown = _grown(answered, ask.state)
        return Answered(grown, ask.since_s or 0.0, {**kept, **answered})

    def read(
        self, config: Mapping[str, Any], queries: Mapping[str, str], state: Mapping[str, Any]
    ) -> Reading:
        try:
            self.validate(config, "/source/config")
        except CaseError as problem:
            raise SourceError(f"{problem.detail} ({problem.pointer})") from None
        selectors = _readable(queries)
        names = sorted({selector.name for selector in selectors.values()})
        pages = _pages(config["urls"], names)
        answered = [page for page in pages if not page.problem]
        if not answered:
            raise SourceError(f"no instance answered; {_shown(pages[0].url)}: {pages[0].problem}")
        grown = [_Growth(page, names, state.get(page.url) or {}) for page in answered]
        counted = {key: _total(selector, grown) for key, selector in selectors.items()}
        return Reading(
            increments={key: counted.get(key) for key in queries},
            state=_next_state(state, config["urls"], names, answered),
            silent=[_shown(page.url) for page in pages if page.problem],
        )


def _readable(queries: Mapping[str, str]) -> dict[str, Selector]:
    """One that cannot be read stays unknown: it must not blind all other guardrails."""
    found = {}
    for key, query in queries.items():
        with suppress(CaseError):
            found[key] = parse_selector(query)
    return found


class _Growth:
    """How much each counter of one instance grew; nothing when that is not known."""

    def __init__(self, page: Page, names: list[str], before: Mapping[str, float]) -> None:
        # What nobody looked for at the last read may have been counted for months.
        looked_for = {name for name in names if name in before}
        keys = {series: _key(*series) for series in page.counters if series[0] in looked_for}
        old = {key: value for key, value in before.items() if key.partition("{")[0] in looked_for}
        self.by_series: dict[Series, float] = {}
        if not _restarted(keys, page, {key: old[key] for key in old.keys() - looked_for}):
            self.by_series = {
                series: page.counters[series] - old.get(key, 0.0) for series, key in keys.items()
            }


def _restarted(
    keys: Mapping[Series, str],
    page: Page,
    before: Mapping[str, float],
) -> bool:
    present = set(keys.values())
    return any(key not in present for key in before) or any(
        page.counters[series] < before.get(key, 0.0) for series, key in keys.items()
    )


def _total(selector: Selector, grown: list[_Growth]) -> float | None:
    """Zero only where a series that fits could have been: some series of the metric has each
    label that is asked for. A mistyped label must not read as "no errors".
    """
    of_metric = [
        (dict(labels), increase)
        for growth in grown
        for (name, labels), increase in growth.by_series.items()
        if name == selector.name
    ]
    seen = {label for labels, _increase in of_metric for label in labels}
    if not of_metric or not selector.labels() <= seen:
        return None
    fitting = [increase for labels, increase in of_metric if selector.fits(selector.name, labels)]
    return float(sum(fitting))


def _by_label(page: Page, counters: Selector, label: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for (name, pairs), value in page.counters.items():
        labels = dict(pairs)
        if labels.get(label) and counters.fits(name, labels):
            found[labels[label]] = found.get(labels[label], 0.0) + value
    return found


def _grown(
    answered: Mapping[str, Mapping[str, float]], before: Mapping[str, Mapping[str, float]]
) -> dict[str, float]:
    """Who was not read before says nothing; a counter that fell has begun again at zero."""
    found: dict[str, float] = {}
    for url, told in answered.items():
        for value, count in told.items() if url in before else ():
            old = before[url].get(value, 0.0)
            found[value] = found.get(value, 0.0) + (count - old if count >= old else count)
    return {value: count for value, count in found.items() if count > 0}


def _next_state(
    state: Mapping[str, Any], urls: list[str], names: list[str], answered: list[Page]
) -> dict[str, Any]:
    """A silent instance keeps its old counters: what it did meanwhile is counted on its return.

    Each name that was looked for is kept as a key of its own, beside its series.
    """
    kept = {url: state[url] for url in urls if url in state}
    for page in answered:
        counters = {_key(*series): value for series, value in page.counters.items()}
        kept[page.url] = dict.fromkeys(names, 0.0) | counters
    return kept


def _key(name: str, labels: Labels) -> str:
    return name + json.dumps(dict(labels), ensure_ascii=False)


def _pages(urls: list[str], names: list[str]) -> list[Page]:
    timeout = min(max(settings.GRAYGATE_INTERVAL_S * 0.6, 0.3), 10.0)
    with ThreadPoolExecutor(max_workers=min(AT_ONCE, len(urls))) as pool:
        return list(pool.map(lambda url: _page(url, names, timeout), urls))


def _page(url: str, names: list[str], timeout: float) -> Page:
    try:
        text = _fetch(url, timeout)
        counters = {(name, labels): value for name, labels, value in samples(text, names)}
    except ExchangeError as problem:
        return Page(url, {}, str(problem))
    except (ValueError, KeyError, IndexError):
        # Not what stands on it: that is not for everybody who may read a sample.
        return Page(url, {}, "not a metrics page")
    if not all(math.isfinite(value) for value in counters.values()):
        return Page(url, {}, "a counter is not a finite number")
    return Page(url, counters)


def _shown(url: str) -> str:
    """Without its query, which may hold a token."""
    return url.partition("?")[0]


def _fetch(url: str, timeout: float) -> str:
    """One page within `timeout` in all: a server that drips bytes is as good as silent."""
    status, content = exchange("GET", url, timeout_s=timeout, most_bytes=MOST_BYTES)
    if status != HTTPStatus.OK:
        raise ExchangeError(f"status {status}")
    if b"\0" in content:
        raise ValueError("no text that can be kept")
    return content.decode("utf-8")
