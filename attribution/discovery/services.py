"""Which services there are, and which series of each family are whose. PURE."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from attribution.discovery.candidates import maker
from attribution.discovery.facts import Family, Group
from attribution.discovery.vocabulary import (
    COHORT_SUFFIX,
    ENVIRONMENT_LABELS,
    FIXED,
    SERVICE_LABELS,
    TEAM_LABELS,
)
from attribution.sources.promql import Matcher, Selector, quote

# A label names the service where so many of the series have it.
COVERED = 0.9
LONGEST_NAME = 100
PRODUCTION = ("production", "prod", "prd", "live")
_NO_NAME = re.compile(r"[^A-Za-z0-9.:_-]+")
_CLUSTER = re.compile(r"(?:outbound|inbound)\|[^|]*\|[^|]*\|([^.|]+).*")
_AFFIX = re.compile(
    r"^(?:be|bk|bck|backend|pool)[-_.]|[-_.](?:be|bk|backend|svc|service|servers?|pool)$"
)


@dataclass(frozen=True)
class Seen:
    """The series of one family that belong to one service."""

    family: Family
    label: str
    values: tuple[str, ...]
    groups: tuple[Group, ...]

    @property
    def own(self) -> Family:
        return Family(self.family.candidate, self.groups, self.family.guessed)

    @property
    def view(self) -> str:
        return maker(self.family.name).view

    def matchers(self) -> list[str]:
        """Without those of a cohort."""
        chosen = Selector("", frozenset())
        if len(self.values) == 1:
            found = [f"{self.label}={quote(self.values[0])}"]
        else:
            (one,) = chosen.one_of(self.label, self.values).matchers
            found = [str(one)]
        for label, value in {**FIXED, **self.environment}.items():
            if value in self.own.values(label):
                found.append(str(Matcher(label, "=", quote(value))))
        return found

    def selector(self) -> str:
        return f"{self.family.name}{{{','.join(self.matchers())}}}"

    @property
    def environment(self) -> dict[str, str]:
        """Where a service runs in several, the one that is production, else the largest."""
        for label in ENVIRONMENT_LABELS:
            if values := self.own.values(label):
                real = (value for value in values if value.lower() in PRODUCTION)
                return {label: next(real, values[0])}
        return {}


@dataclass
class Found:
    """One service: its families by signal."""

    name: str
    seen: dict[str, list[Seen]] = field(default_factory=lambda: defaultdict(list))

    def first(self, labels: Iterable[str]) -> str:
        """The first value of these labels that any family shows."""
        every = [each.own for families in self.seen.values() for each in families]
        return next((v for label in labels for one in every for v in one.values(label)[:1]), "")

    @property
    def team(self) -> str:
        return self.first(TEAM_LABELS)

    @property
    def environment(self) -> str:
        every = [each.environment for families in self.seen.values() for each in families]
        return next((value for one in every for value in one.values()), "")


def name_of(value: str) -> str:
    """As a service of ours may be called: without namespace, cluster's dress and cohort."""
    cluster = _CLUSTER.fullmatch(value)
    plain = cluster[1] if cluster else value.partition("@")[0].rpartition("/")[2]
    plain = COHORT_SUFFIX.sub("", plain) or plain
    return _NO_NAME.sub("-", plain).strip("-.:_")[:LONGEST_NAME]


def service_label(family: Family) -> str:
    """Empty: none covers enough of its series."""
    labels = dict.fromkeys((*maker(family.name).service, *SERVICE_LABELS))
    return next((label for label in labels if family.share(label) >= COVERED), "")


def services(families: Sequence[Family]) -> dict[str, Found]:
    """By name. Services are what serves requests; CPU and the like are then laid to them, and so is
    what tells their versions.
    """
    found: dict[str, Found] = {}
    serving = [one for one in families if one.candidate.signal in {"requests", "duration"}]
    # What services and meshes say of themselves first: proxies call them by other names.
    serving.sort(key=lambda one: maker(one.name).view == "proxy")
    for family in serving:
        for value, groups in _by_value(family):
            name = _known_as(value, found, proxied=maker(family.name).view == "proxy")
            if name:
                _add(found.setdefault(name, Found(name)), family, value, groups)
    aliases = _aliases(found)
    for family in families:
        if family.candidate.signal in {"saturation", "info"}:
            _lay(family, found, aliases)
    return found


def _by_value(family: Family) -> Iterator[tuple[str, list[Group]]]:
    label = service_label(family)
    groups: dict[str, list[Group]] = defaultdict(list)
    for group in family.groups:
        if value := group.labels.get(label, ""):
            groups[value].append(group)
    yield from sorted(groups.items())


def _known_as(value: str, found: Mapping[str, Found], *, proxied: bool) -> str:
    name = name_of(value)
    bare = _AFFIX.sub("", name)
    return bare if proxied and name not in found and bare in found else name


def _add(service: Found, family: Family, value: str, groups: Sequence[Group]) -> None:
    """Series of another value of the same label (`cart-canary` beside `cart`) come together."""
    seen = service.seen[family.candidate.signal]
    label = service_label(family)
    before = next((one for one in seen if one.family is family), None)
    if before is None:
        seen.append(Seen(family, label, (value,), tuple(groups)))
        return
    both = Seen(family, label, (*before.values, value), (*before.groups, *groups))
    seen[seen.index(before)] = both


def _aliases(found: Mapping[str, Found]) -> dict[tuple[str, str], str]:
    """What else the targets of a service are called, where that means this service alone."""
    names: dict[tuple[str, str], set[str]] = defaultdict(set)
    for name, service in found.items():
        for seen in (one for many in service.seen.values() for one in many if one.view == "own"):
            for label in SERVICE_LABELS:
                for value in seen.own.values(label):
                    names[label, value].add(name)
    return {key: next(iter(each)) for key, each in names.items() if len(each) == 1}


def _lay(
    family: Family, found: Mapping[str, Found], aliases: Mapping[tuple[str, str], str]
) -> None:
    label = service_label(family)
    for value, groups in _by_value(family):
        name = name_of(value)
        name = name if name in found else aliases.get((label, value), "")
        if name:
            _add(found[name], family, value, groups)
