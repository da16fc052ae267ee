"""Prometheus text format and plain selectors: `name{label="value",other=~"a|b"}`."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from prometheus_client.parser import text_string_to_metric_families

from attribution.errors import CaseError
from attribution.sources.expressions import LONGEST_VALUE, compile_safely

_SELECTOR = re.compile(r"^\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(?:\{(.*)\})?\s*$", re.DOTALL)
_MATCHER = re.compile(
    r'([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"\s*(?=,|$)', re.DOTALL
)
_BETWEEN = re.compile(r"[\s,]*")
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
        return bool(self.pattern.fullmatch(found[:LONGEST_VALUE])) == (self.operator == "=~")

    @property
    def demands_label(self) -> bool:
        """It fits no series that lacks the label."""
        return not self.fits({})


@dataclass(frozen=True)
class Selector:
    name: str
    matchers: tuple[Matcher, ...]

    def fits(self, name: str, labels: Mapping[str, str]) -> bool:
        return name == self.name and all(matcher.fits(labels) for matcher in self.matchers)

    def labels(self) -> set[str]:
        """Labels that a series must have to be able to fit."""
        return {matcher.label for matcher in self.matchers if matcher.demands_label}


@lru_cache(maxsize=4096)
def parse_selector(text: str) -> Selector:
    """Raises CaseError for anything but a plain selector."""
    whole = _SELECTOR.match(text)
    if whole is None:
        raise CaseError("not a selector", f"expected name{{matchers}}, got {text[:80]}")
    return Selector(whole[1], tuple(_matchers(whole[2] or "")))


def _matchers(body: str) -> Iterator[Matcher]:
    at = _end(_BETWEEN, body, 0)
    while at < len(body):
        found = _MATCHER.match(body, at)
        if found is None:
            raise CaseError("not a selector", f"cannot read the matchers at: {body[at : at + 80]}")
        value = re.sub(r'\\[\\"n]', lambda escape: _ESCAPES[escape[0]], found[3])
        pattern = compile_safely(value) if found[2] in {"=~", "!~"} else None
        yield Matcher(found[1], found[2], value, pattern)
        at = _end(_BETWEEN, body, found.end())


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return at if match is None else match.end()


def samples(text: str, names: Iterable[str]) -> Iterator[Sample]:
    """(name, sorted labels, value) of the wanted metrics. Raises ValueError on a broken page."""
    wanted = tuple(names)
    lines = [line for line in text.splitlines() if line.startswith(wanted)]
    for family in text_string_to_metric_families("\n".join(lines) + "\n"):
        for sample in family.samples:
            if sample.name in wanted:
                yield sample.name, tuple(sorted(sample.labels.items())), float(sample.value)
