"""Reads /metrics of every instance itself: for a fleet without a Prometheus.

config: {"urls": ["http://host:port/metrics", …]}; queries are plain selectors. The state kept from
read to read is the raw counters of each instance.

An instance whose counters fell, or lost a series, has restarted: what it counted in between is not
known, so this read says nothing of it. A series that is new on an instance read before counts from
zero (a first error makes its own label set); a whole new instance says nothing until its second
read. A query whose metric no instance has is unknown; a metric that exists without a series that
fits counts as zero only when it was looked for on an instance that was read before.
"""

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import requests
from django.conf import settings

from attribution.destinations import is_allowed
from attribution.errors import CaseError
from attribution.fields import items
from attribution.sources.base import Reading, SourceError
from attribution.sources.exposition import Selector, parse_selector, samples

MOST_BYTES = 8_000_000
MOST_URLS = 1000
AT_ONCE = 16
CHUNK = 65_536

Labels = tuple[tuple[str, str], ...]
Series = tuple[str, Labels]


@dataclass(frozen=True)
class Page:
    """One instance's wanted counters, or why there are none."""

    url: str
    counters: dict[Series, float]
    problem: str = ""


class ScrapeSource:
    def validate(self, config: Mapping[str, Any], pointer: str) -> None:
        urls = items(config, "urls", pointer)
        if not urls or len(urls) > MOST_URLS:
            raise CaseError("no urls", f"give 1 to {MOST_URLS} addresses", f"{pointer}/urls")
        for place, url in enumerate(urls):
            if not isinstance(url, str) or not is_allowed(url):
                detail = "not among the operator's allowed_destinations"
                raise CaseError("destination not allowed", detail, f"{pointer}/urls/{place}")

    def read(
        self, config: Mapping[str, Any], queries: Mapping[str, str], state: Mapping[str, Any]
    ) -> Reading:
        try:
            self.validate(config, "/source/config")
            selectors = {key: parse_selector(query) for key, query in queries.items()}
        except CaseError as problem:
            raise SourceError(f"{problem.detail} ({problem.pointer})") from None
        pages = _pages(config["urls"], sorted({s.name for s in selectors.values()}))
        answered = [page for page in pages if not page.problem]
        if not answered:
            raise SourceError(f"no instance answered; {pages[0].url}: {pages[0].problem}")
        grown = [_Growth(page, state.get(page.url)) for page in answered]
        return Reading(
            increments={key: _total(selector, grown) for key, selector in selectors.items()},
            state=_next_state(state, config["urls"], answered),
            silent=[page.url for page in pages if page.problem],
        )


class _Growth:
    """How much each counter of one instance grew; nothing when that is not known."""

    def __init__(self, page: Page, before: Mapping[str, float] | None) -> None:
        self.page = page
        keys = {series: _key(*series) for series in page.counters}
        self.known = before is not None and not _restarted(keys, page, before)
        self.by_series: dict[Series, float] = {}
        if self.known and before is not None:
            self.by_series = {
                series: page.counters[series] - before.get(key, 0.0) for series, key in keys.items()
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
    known = [growth for growth in grown if growth.known]
    exists = any(name == selector.name for growth in known for name, _labels in growth.by_series)
    if not exists:
        return None
    fitting = [
        increase
        for growth in known
        for (name, labels), increase in growth.by_series.items()
        if name == selector.name and selector.fits(name, dict(labels))
    ]
    return float(sum(fitting))


def _next_state(state: Mapping[str, Any], urls: list[str], answered: list[Page]) -> dict[str, Any]:
    """A silent instance keeps its old counters: what it did meanwhile is counted on its return."""
    kept = {url: state[url] for url in urls if url in state}
    for page in answered:
        kept[page.url] = {_key(*series): value for series, value in page.counters.items()}
    return kept


def _key(name: str, labels: Labels) -> str:
    return name + "{" + ",".join(f"{label}={value}" for label, value in labels) + "}"


def _pages(urls: list[str], names: list[str]) -> list[Page]:
    timeout = min(max(settings.GRAYGATE_INTERVAL_S * 0.6, 0.3), 10.0)
    with ThreadPoolExecutor(max_workers=min(AT_ONCE, len(urls))) as pool:
        return list(pool.map(lambda url: _page(url, names, timeout), urls))


def _page(url: str, names: list[str], timeout: float) -> Page:
    try:
        text = _fetch(url, timeout)
        counters = {(name, labels): value for name, labels, value in samples(text, names)}
    except requests.RequestException as problem:
        return Page(url, {}, type(problem).__name__)
    except (ValueError, KeyError, IndexError) as problem:
        return Page(url, {}, f"not a metrics page: {problem}"[:200])
    return Page(url, counters)


def _fetch(url: str, timeout: float) -> str:
    """One page within `timeout` in all: a server that drips bytes is as good as silent."""
    deadline = time.monotonic() + timeout
    # A redirect could lead where the operator never allowed to go.
    with requests.get(url, timeout=timeout, stream=True, allow_redirects=False) as response:
        if response.status_code != 200:
            raise ValueError(f"status {response.status_code}")
        parts: list[bytes] = []
        size = 0
        for part in response.iter_content(CHUNK):
            size += len(part)
            if size > MOST_BYTES:
                raise ValueError("page too large")
            if time.monotonic() > deadline:
                raise requests.Timeout
            parts.append(part)
    return b"".join(parts).decode("utf-8")
