"""Where a service's version stands in its metrics: the label, and the counters that carry it. PURE.

The label is the one whose matcher holds `$version`; the counters are those of a guardrail's query
with `$cohort` taken out, whatever function stands around them.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from attribution.sources.promql import COHORT, Selector, selector
from attribution.versions import VERSION

_MATCHER = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"')
_PLAIN = re.compile(r"[\w:/@+ -]*")
_SELECTOR = re.compile(r'[a-zA-Z_:][a-zA-Z0-9_:]*\s*\{(?:[^{}"]|"(?:[^"\\]|\\.)*")*\}')
BUCKET = "_bucket"


@dataclass(frozen=True)
class VersionLabel:
    """`prefix` and `suffix`: what stands around the version in the label's value."""

    name: str
    prefix: str = ""
    suffix: str = ""

    def version(self, value: str) -> str:
        """Empty: the value is not of that form."""
        inner = value.removeprefix(self.prefix).removesuffix(self.suffix)
        return inner if f"{self.prefix}{inner}{self.suffix}" == value else ""


def version_label(cohorts: Mapping[str, Any]) -> VersionLabel | None:
    """None: the cohorts are not told apart by version, or in a way that is not read here."""
    for side in ("canary", "control"):
        for label, operator, value in _MATCHER.findall(str(cohorts.get(side, ""))):
            before, found, after = value.partition(VERSION)
            regular = "~" in operator and not (_PLAIN.fullmatch(before) and _PLAIN.fullmatch(after))
            if found and not regular and "$" not in before + after:
                return VersionLabel(label, before, after)
    return None


def counters(specs: Iterable[Mapping[str, Any]]) -> Selector | None:
    """What counts the requests of everybody, by the first guardrail that tells; None: none does.

    Of a classic histogram its `_count`; levels and native histograms count nothing that is read.
    """
    for spec in specs:
        if spec.get("peer"):
            continue
        kind = spec.get("kind") or "ratio"
        query = spec.get("total") if kind == "ratio" else spec.get("query")
        found = _counters(str(query or "")) if kind in {"ratio", "distribution"} else None
        if found is not None and kind == "distribution":
            found = _count_of(found)
        if found is not None:
            return found
    return None


def _counters(query: str) -> Selector | None:
    holding = (each[0] for each in _SELECTOR.finditer(query) if COHORT in each[0])
    read = (selector(each.replace(COHORT, "")) for each in holding)
    return next((one for one in read if one is not None), None)


def _count_of(buckets: Selector) -> Selector | None:
    if not buckets.name.endswith(BUCKET):
        return None
    others = frozenset(one for one in buckets.matchers if one.label != "le")
    return Selector(buckets.name.removesuffix(BUCKET) + "_count", others)
