"""How canary and control of one service can be told apart by labels. PURE.

groups    one of the values is the canary's: track="canary", a server of HAProxy
version   $version, filled in by the rollout that starts (versions.py)
revision  the same, where a change has to name a hash as its version
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from attribution.discovery.facts import Target
from attribution.discovery.services import Found, Seen
from attribution.discovery.vocabulary import CANARY, GROUP_LABELS, REVISION_LABELS, VERSION_LABELS
from attribution.sources.promql import Matcher, Selector, quote
from attribution.versions import VERSION

HOWS = ("groups", "version", "revision")
MOST_SHOWN = 4
STABLE = re.compile(
    r"(?:^|[-_.])(?:stable|primary|baseline|main|control|production)$", re.IGNORECASE
)


@dataclass(frozen=True)
class Cohorts:
    """`fixed`: both are there now, before any change: levels can be compared, too.
    `through`: the info metric that has the label in place of what is guarded.
    """

    label: str
    how: str
    canary: str
    control: str
    shows: tuple[str, ...] = ()
    fixed: bool = False
    through: str = ""

    @property
    def matchers(self) -> dict[str, str]:
        return {"canary": self.canary, "control": self.control}


def choose(service: Found, targets: Sequence[Target]) -> Cohorts | None:
    """What serves most of errors and durations; of equals groups come before versions."""
    options: dict[str, tuple[tuple[int, int, int], Cohorts]] = {}
    for order, option in enumerate(_options(service, targets)):
        covers = sum(
            any(carries(seen, option) for seen in service.seen[signal])
            for signal in ("requests", "duration")
        )
        key = (-covers, HOWS.index(option.how), order)
        if option.label not in options or key < options[option.label][0]:
            options[option.label] = (key, option)
    if options:
        return min(options.values(), key=lambda each: each[0])[1]
    return next(_through(service), None)


def _through(service: Found) -> Iterator[Cohorts]:
    """Where no metric of requests has a version, `…_info` of the same instance may have one."""
    for seen in service.seen["info"]:
        for how in ("version", "revision"):
            for label in _labels(seen, how):
                for option in _option(seen, how, label, ()):
                    yield replace(option, through=seen.selector())


def carries(seen: Seen, cohorts: Cohorts | None) -> bool:
    """Do its series have the label, and does it speak of the service and not of a proxy?"""
    if cohorts is None:
        return False
    if cohorts.through:
        return seen.view == "own"
    return cohorts.label in _labels(seen, cohorts.how) and seen.own.share(cohorts.label) > 0.0


def _labels(seen: Seen, how: str) -> list[str]:
    """Labels of this family that may tell cohorts apart in this way."""
    labels = {
        "groups": GROUP_LABELS,
        "version": VERSION_LABELS,
        "revision": REVISION_LABELS,
    }[how]
    own = {
        # What a proxy's series say of versions is the proxy's own.
        "own": [each for each in labels if not each.startswith("destination_")],
        "mesh": [each for each in labels if each.startswith("destination_")],
        "proxy": ["server", seen.label, "canary"] if how == "groups" else [],
    }[seen.view]
    return [label for label in own if label in labels]


def _options(service: Found, targets: Sequence[Target]) -> Iterator[Cohorts]:
    for signal in ("requests", "duration"):
        for seen in service.seen[signal]:
            for how in HOWS:
                for label in _labels(seen, how):
                    yield from _option(seen, how, label, targets)


def _option(seen: Seen, how: str, label: str, targets: Sequence[Target]) -> Iterator[Cohorts]:
    values = seen.own.values(label)
    if not values:
        return
    shows = tuple(values[:MOST_SHOWN])
    if how != "groups":
        # A Helm release has a label of that name, and is none.
        if not any(map(str.isdigit, "".join(values))):
            return
        filled = f'"{VERSION}"'
        control = f'{label}=~".+",{label}!={filled}'
        yield Cohorts(label, how, f"{label}={filled}", control, shows)
        return
    canaries = [value for value in values if CANARY.search(value)]
    if label == "server":
        told = [value for value in values if value in _servers(seen, targets)]
        canaries = told or canaries
    if canaries and len(canaries) < len(values):
        yield _groups(label, canaries, [v for v in values if v not in canaries], shows)
    elif label == "track" and any(STABLE.search(value) for value in values):
        # The canary's are not there now; by this name they are called everywhere.
        stable = next(value for value in values if STABLE.search(value))
        yield Cohorts(label, how, f'{label}="canary"', f"{label}={quote(stable)}", shows)


def _servers(seen: Seen, targets: Sequence[Target]) -> set[str]:
    return {name for one in targets if one.backend in seen.values for name in one.canary}


def target_of(service: Found, targets: Sequence[Target]) -> str:
    """The target of the operator's file whose backend serves it; empty: none is known to."""
    values = {
        value
        for many in service.seen.values()
        for seen in many
        if seen.view == "proxy"
        for value in seen.values
    }
    fitting = [one.name for one in targets if one.backend and one.backend in values]
    return fitting[0] if len(fitting) == 1 else ""


def _groups(
    label: str, canaries: Sequence[str], others: Sequence[str], shows: tuple[str, ...]
) -> Cohorts:
    canary = _one_of(label, canaries)
    stable = [value for value in others if STABLE.search(value)]
    # Servers that come later are stable ones, too.
    rest = f'{label}=~".+",{label}!{canary.removeprefix(label)}'
    rest = rest.replace(f"{label}!=~", f"{label}!~")
    return Cohorts(
        label, "groups", canary, _one_of(label, stable) if stable else rest, shows, fixed=True
    )


def _one_of(label: str, values: Sequence[str]) -> str:
    if len(values) == 1:
        return str(Matcher(label, "=", quote(values[0])))
    (found,) = Selector("", frozenset()).one_of(label, values).matchers
    return str(found)
