"""Prometheus text format and plain selectors: `name{label="value",other=~"a|b"}`."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from prometheus_client.parser import text_string_to_metric_families

from attribution.errors import CaseError

_SELECTOR = re.compile(r"^\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(?:\{(.*)\})?\s*$", re.DOTALL)
_MATCHER = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"\s*(?:,|$)')
_ESCAPES = {r"\\": "\\", r"\"": '"', r"\n": "\n"}

Sample = tuple[str, tuple[tuple[str, str], ...], float]


@dataclass(frozen=True)
class Matcher:
    label: str
    operator: str
    value: str
    pattern: re.Pattern[str] | None

    def fits(self, labels: Mapping[str, str]) -> bool:
        found = labels.get(self.label, "")
        if self.pattern is None:
            return (found == self.value) == (self.operator == "=")
        return bool(self.pattern.fullmatch(found)) == (self.operator == "=~")


@dataclass(frozen=True)
class Selector:
    name: str
    matchers: tuple[Matcher, ...]

    def fits(self, name: str, labels: Mapping[str, str]) -> bool:
        return name == self.name and all(matcher.fits(labels) for matcher in self.matchers)


@lru_cache(maxsize=4096)
def parse_selector(text: str) -> Selector:
    """Raises CaseError for anything but a plain selector."""
    whole = _SELECTOR.match(text)
    if whole is None:
        raise CaseError("not a selector", f"expected name{{matchers}}, got {text[:80]}")
    return Selector(whole[1], tuple(_matchers(whole[2] or "")))


def _matchers(body: str) -> Iterator[Matcher]:
    rest = re.sub(r",(\s*,)+", ",", body).strip().strip(",").strip()
    while rest:
        found = _MATCHER.match(rest)
        if found is None:
            raise CaseError("not a selector", f"cannot read the matchers at: {rest[:80]}")
        value = re.sub(r'\\[\\"n]', lambda escape: _ESCAPES[escape[0]], found[3])
        yield Matcher(found[1], found[2], value, _pattern(found[2], value))
        rest = rest[found.end() :]


def _pattern(operator: str, value: str) -> re.Pattern[str] | None:
    if operator not in {"=~", "!~"}:
        return None
    try:
        return re.compile(value)
    except re.error as problem:
        raise CaseError("not a selector", f"bad expression '{value[:40]}': {problem}") from None


def samples(text: str, names: Iterable[str]) -> Iterator[Sample]:
    """(name, sorted labels, value) of the wanted metrics. Raises ValueError on a broken page."""
    wanted = tuple(names)
    lines = [line for line in text.splitlines() if line.startswith(wanted)]
    for family in text_string_to_metric_families("\n".join(lines) + "\n"):
        for sample in family.samples:
            if sample.name in wanted:
                yield sample.name, tuple(sorted(sample.labels.items())), float(sample.value)
