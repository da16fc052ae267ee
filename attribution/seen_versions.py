"""Which versions of a service are changes that nobody submitted, by who answers. PURE.

Now and then the source is asked how many requests each version answered since the look before.
What was there at the first look, and what Graygate or a pipeline has said (`told`), is known. Any
other version is an unmanaged change: it begins when it has answered in FEWEST looks, its share is
followed, and it ends when it is gone.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

# Looks in which it answered: of one alone it may be a health check before any traffic.
FEWEST = 2
# Looks that the share is taken over.
RECENT = 4
# Looks in a row in which nobody else answered: everywhere.
ALONE = 2
# Looks without it while others answered: gone, once DUE requests of it would have been expected (by
# chance it has none of them in one case of e^10), or after LONGEST_SILENCE looks at whatever share.
GONE, DUE, LONGEST_SILENCE = 4, 10.0, 20
# Looks at a share of 1: from then on it is what production runs, and only its end is followed.
SETTLED = 10
# A known version that was not seen for so many looks is forgotten: whoever brings it back changes
# production.
FORGOTTEN = 60
# Closer than this to the share before it is the same: requests are never divided evenly.
SAME, SAME_PART = 0.02, 0.2
# Of one service at a time. More is a label that is no version.
MOST_FOLLOWED, MOST_KNOWN = 10, 200


@dataclass(frozen=True)
class Followed:
    """A version that nobody submitted. Times in seconds; `share` 0: it has not begun yet."""

    since: float
    share: float = 0.0
    looks: int = 0
    missed: int = 0
    due: float = 0.0
    alone: int = 0
    # [its requests, those of all] of the last looks.
    recent: tuple[tuple[float, float], ...] = ()
    # How often it was everywhere.
    full: int = 0

    @property
    def settled(self) -> bool:
        return self.full >= SETTLED


@dataclass(frozen=True)
class Seen:
    """What is remembered of a service from look to look. `known`: looks without it."""

    known: Mapping[str, int] = field(default_factory=dict)
    followed: Mapping[str, Followed] = field(default_factory=dict)

    @property
    def moving(self) -> bool:
        """Something is under way: the next look comes sooner."""
        return any(not each.settled for each in self.followed.values())

    def to_json(self) -> dict[str, Any]:
        followed = {version: asdict(one) for version, one in self.followed.items()}
        return {"known": dict(self.known), "followed": followed}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Seen":
        followed = {
            version: Followed(**{**one, "recent": tuple((n, of) for n, of in one["recent"])})
            for version, one in value["followed"].items()
        }
        return cls(dict(value["known"]), followed)


@dataclass(frozen=True)
class Step:
    """The share of one version from `at` on; 0 ends it. `told`: it was submitted after all."""

    version: str
    since: float
    at: float
    share: float
    told: bool = False


@dataclass(frozen=True)
class Look:
    """Requests that each version answered between two times; `told`: versions of the changes that
    the service's cohorts stand for, the one that comes in first.
    """

    requests: Mapping[str, float]
    since: float
    at: float
    told: tuple[str, ...] = ()

    @property
    def total(self) -> float:
        return sum(self.requests.values())


def look(before: Seen | None, seen: Look) -> tuple[Seen | None, list[Step]]:
    """What is remembered now, and the steps of exposure since. `before` None: the first look.

    Where nobody answers nothing is known, and nothing changes.
    """
    if seen.total <= 0:
        return before, []
    answered = {version for version, count in seen.requests.items() if count > 0}
    told = {version for version in seen.told if version}
    if before is None:
        return Seen(dict.fromkeys([*sorted(told), *_most(seen, answered - told)], 0)), []
    known = _known(before.known, answered, told)
    followed: dict[str, Followed] = {}
    steps: list[Step] = []
    for version in [*before.followed, *_new(before, known, seen, answered)]:
        one = before.followed.get(version, Followed(since=seen.since))
        if version == next(iter(seen.told), ""):
            steps += _told(version, one, seen)
            continue
        if version in told:  # what is replaced is what runs
            one = replace(one, full=SETTLED)
        after = _followed(one, seen.requests.get(version, 0.0), seen)
        steps += _steps(version, one, after, seen)
        if after is not None:
            followed[version] = after
    return Seen(known, followed), steps


def _most(seen: Look, versions: Iterable[str]) -> list[str]:
    ranked = sorted(versions, key=lambda version: (-seen.requests[version], version))
    return ranked[:MOST_KNOWN]


def _known(before: Mapping[str, int], answered: set[str], told: set[str]) -> dict[str, int]:
    counted = {v: 0 if v in answered else missed + 1 for v, missed in before.items()}
    counted |= dict.fromkeys(sorted(told), 0)
    kept = {version: missed for version, missed in counted.items() if missed < FORGOTTEN}
    freshest = sorted(kept, key=lambda version: kept[version])[:MOST_KNOWN]
    return {version: kept[version] for version in kept if version in set(freshest)}


def _new(before: Seen, known: Mapping[str, int], seen: Look, answered: set[str]) -> list[str]:
    found = _most(seen, answered - known.keys() - before.followed.keys())
    return found[: max(0, MOST_FOLLOWED - len(before.followed))]


def _followed(one: Followed, count: float, seen: Look) -> Followed | None:
    """None: gone, or it has never begun."""
    if count <= 0:
        return _missed(one, seen)
    recent = (*one.recent, (count, seen.total))[-RECENT:]
    alone = one.alone + 1 if count >= seen.total else 0
    now = replace(one, looks=one.looks + 1, missed=0, due=0.0, alone=alone, recent=recent)
    if now.looks < FEWEST or now.settled:
        return now
    share = steadied(_share(now), one.share) if one.share > 0 else _share(now)
    return replace(now, share=share, full=now.full + 1 if share >= 1 else 0)


def _missed(one: Followed, seen: Look) -> Followed | None:
    due = one.due + one.share * seen.total
    now = replace(one, missed=one.missed + 1, due=due, alone=0)
    if one.share <= 0:
        return now if now.missed < FEWEST else None
    gone = now.missed >= GONE and due >= DUE
    return None if gone or now.missed >= LONGEST_SILENCE else now


def _share(one: Followed) -> float:
    if one.alone >= ALONE:
        return 1.0
    mine, everybody = sum(n for n, _ in one.recent), sum(of for _, of in one.recent)
    # It is everywhere only when that was seen more than once.
    return min(mine / everybody, 1.0 - SAME)


def _steps(version: str, before: Followed, after: Followed | None, seen: Look) -> list[Step]:
    share = 0.0 if after is None else after.share
    if share == before.share:
        return []
    # It was there from its first look on: an anomaly that it caused may be as old.
    at = before.since if before.share <= 0 else seen.at
    return [Step(version, before.since, at, share)]


def _told(version: str, one: Followed, seen: Look) -> list[Step]:
    """It comes in by a change that was submitted: from here on that one's exposure counts."""
    if one.share <= 0:
        return []
    return [Step(version, one.since, seen.at, 0.0, told=True)]


def steadied(share: float, before: float) -> float:
    """The share that was seen before, unless it has moved."""
    moved = abs(share - before) > max(SAME, SAME_PART * before)
    return share if moved or share in {0.0, 1.0} else before
