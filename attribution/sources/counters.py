"""How much counters grew between two looks at their newest samples. PURE.

What is kept from look to look is JSON: {"asked": [selectors], "instances": {instance: {"at": time
of its newest sample, "moved": when a new one was last seen, "gap": seconds between its last two,
"series": {series: value}}}}. An instance is what one job and instance label name.

- An instance whose counters fell or lost a series has restarted: this look says nothing of it.
- A series that is new on a known instance counts from zero, if it was looked for before and comes
  from the same scrape as an old one. (A relabelled target brings all its series anew, while the old
  ones linger: those are not from one scrape.)
- A wholly new instance says nothing until the second look. One that does not answer keeps its
  counters for KEEP_S: what it did meanwhile is counted on its return.
- While the newest samples of all known instances of a leading selector are those of the look
  before, though they are due, the look is `held`: nothing is told, nothing kept. So two cohorts
  that are scraped in turns are told together, and none of them reads as silent.
- An instance that brings no new sample for too long is not live. When none is, the look has stood
  still: `stopped` says so.
"""

import json
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from attribution.sources.answers import Found
from attribution.sources.promql import Selector

KEEP_S = 300.0
# No new sample for so many intervals (or seconds, or of its own gaps) and an instance is not live.
LATE_INTERVALS = 4
LATE_S = 10.0
LATE_GAPS = 2.5

State = Mapping[str, Any]


@dataclass
class Instance:
    """What one instance shows now."""

    at: float = -math.inf  # of its newest sample
    series: dict[str, Found] = field(default_factory=dict)
    # Those that a selector of the look before asks for.
    looked_for: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Shown:
    """What the server shows: selector -> series. `leading` selectors ought to bring new samples;
    `gauges` do not count, they only tell who is live.
    """

    counters: Mapping[Selector, Sequence[Found]]
    gauges: Mapping[Selector, Sequence[Found]]
    leading: Collection[Selector]


class Look:
    """`now`: as of when the samples were asked for, in seconds."""

    def __init__(self, shown: Shown, before: State, now: float, interval_s: float) -> None:
        self._counters, self._now, self._interval_s = shown.counters, now, interval_s
        self._answers = {**shown.gauges, **shown.counters}
        self._asked = set(before.get("asked") or ())
        self._known: Mapping[str, Any] = before.get("instances") or {}
        self._instances, self.broken = _instances(shown, self._asked)
        self._live = {name for name in self._instances if self._is_live(name)}
        self.held = any(self._waits(self._answers.get(each, ())) for each in shown.leading)
        self._counted = {name for name in self._instances if self._is_counted(name)}

    @property
    def empty(self) -> bool:
        return not self._instances

    @property
    def stopped(self) -> str:
        if self.empty or self._live:
            return ""
        since = max(self._known[name]["moved"] for name in self._instances)
        return f"no new samples for {self._now - since:.0f} s: the server stands still"

    @property
    def gone(self) -> list[str]:
        """Instances that answered before and do not now."""
        return sorted(name for name in self._known if name not in self._instances)

    @property
    def slowest_gap(self) -> float:
        """Seconds between samples that come more seldom than they are asked for; else 0."""
        gaps = [self._known[name]["gap"] or 0.0 for name in self._live & self._known.keys()]
        return max((gap for gap in gaps if gap > 1.5 * self._interval_s), default=0.0)

    def live(self, selector: Selector) -> list[Found]:
        """Its series on live instances."""
        return [one for one in self._answers.get(selector, ()) if instance_of(one) in self._live]

    def growth(self, selector: Selector) -> list[tuple[Found, float]] | None:
        """The increment of each series of the instances that can be counted. None: not known."""
        if self.held or str(selector) not in self._asked or not self._counted:
            return None
        return [
            (one, one.value - self._known[name]["series"].get(_id(selector, one), 0.0))
            for one in self._counters.get(selector, ())
            if (name := instance_of(one)) in self._counted
        ]

    def state(self) -> dict[str, Any]:
        """What to give to the next look."""
        if self.held:
            new = {name: self._kept(name) for name in self._instances if name not in self._known}
            return {"asked": sorted(self._asked), "instances": {**self._known, **new}}
        asked = sorted(map(str, self._counters))
        kept = {name: self._kept(name) for name in self._instances}
        if self._asked == set(asked):
            absent = self._known.keys() - kept.keys()
            kept |= {name: self._known[name] for name in absent if self._is_recent(name)}
        return {"asked": asked, "instances": kept}

    def _is_recent(self, name: str) -> bool:
        return bool(self._now - self._known[name]["moved"] <= KEEP_S)

    def _is_fresh(self, name: str) -> bool:
        return bool(self._instances[name].at > self._known[name]["at"])

    def _is_live(self, name: str) -> bool:
        if name not in self._known or self._is_fresh(name):
            return True
        gap = self._known[name]["gap"]
        if gap is None:
            return self._is_recent(name)
        late = max(LATE_INTERVALS * self._interval_s, LATE_S, LATE_GAPS * gap)
        return bool(self._now - self._known[name]["moved"] <= late)

    def _waits(self, series: Sequence[Found]) -> bool:
        names = {instance_of(one) for one in series} & self._live & self._known.keys()
        return bool(names) and not any(self._is_fresh(name) for name in names)

    def _is_counted(self, name: str) -> bool:
        if name not in self._known or name not in self._live:
            return False
        before, now = self._known[name]["series"], self._instances[name].series
        still_asked = self._asked <= set(map(str, self._counters))
        if still_asked and not before.keys() <= now.keys():
            return False  # it lost a series
        looked_for = self._instances[name].looked_for
        times = {now[one].at for one in looked_for & before.keys()}
        return all(
            now[one].value >= before[one] if one in before else now[one].at in times
            for one in looked_for
        )

    def _kept(self, name: str) -> dict[str, Any]:
        instance, old = self._instances[name], self._known.get(name)
        series = {key: one.value for key, one in instance.series.items()}
        if old is not None and not self._is_fresh(name):
            return {**old, "series": series}
        gap = None if old is None else round(instance.at - old["at"], 3)
        return {"at": instance.at, "moved": self._now, "gap": gap, "series": series}


def instance_of(one: Found) -> str:
    return f"{one.label('job')}/{one.label('instance')}"


def _instances(shown: Shown, asked: Collection[str]) -> tuple[dict[str, Instance], list[str]]:
    """And, apart, the names of those whose numbers can be neither kept nor compared."""
    found: dict[str, Instance] = {}
    broken = set()
    for one in (one for series in shown.gauges.values() for one in series):
        instance = found.setdefault(instance_of(one), Instance())
        instance.at = max(instance.at, one.at)
    for selector, series in shown.counters.items():
        looked_for = str(selector) in asked
        for one in series:
            name, key = instance_of(one), _id(selector, one)
            if not math.isfinite(one.value) or one.value < 0 or not _can_be_stored(key):
                broken.add(name)
            instance = found.setdefault(name, Instance())
            instance.at = max(instance.at, one.at)
            instance.series[key] = one
            if looked_for:
                instance.looked_for.add(key)
    return {name: one for name, one in found.items() if name not in broken}, sorted(broken)


def _id(selector: Selector, one: Found) -> str:
    return selector.name + json.dumps(dict(one.labels), ensure_ascii=False)


def _can_be_stored(key: str) -> bool:
    """PostgreSQL's JSON takes neither a NUL nor half a character."""
    return "\\u0000" not in key and not any("\ud800" <= letter <= "\udfff" for letter in key)
