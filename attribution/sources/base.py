"""The seam of metric sources: what one has to be able to do, and how it is found by name.

A query's key is "metric|cohort|part". The part says what its answer is taken for: `events` and
`total` are counts since the read before; `value` is a number as it stands, `distribution` the
counts of a histogram's buckets since the read before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from django.conf import settings
from django.utils.module_loading import import_string

from attribution.errors import CaseError


class SourceError(Exception):
    """The source could not be read at all. Says which and why, for a person; no secret in it."""


@dataclass(frozen=True)
class Reading:
    """increments[key]: how much the query's counters grew since the read before.

    None: not known (a first sight, a reset, nobody answered): never 0. `state` is given back to the
    next read. `silent` names units that did not answer while others did. `values` answers the keys
    of the other kinds. `warnings` are for a person: what was refused, what the server remarks.
    """

    increments: dict[str, float | None]
    state: dict[str, Any]
    silent: list[str] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Ask:
    """What is to be read of one service."""

    config: Mapping[str, Any]
    queries: Mapping[str, str]
    state: Mapping[str, Any]


class Source(Protocol):
    def validate(self, config: Mapping[str, Any], pointer: str) -> None:
        """Raises CaseError for a config that cannot work."""

    def read(
        self, config: Mapping[str, Any], queries: Mapping[str, str], state: Mapping[str, Any]
    ) -> Reading:
        """Answers every query (key -> PromQL or selector, cohorts filled in) from one look.

        Raises SourceError when nothing can be said about any of them.
        """


@runtime_checkable
class SharedSource(Source, Protocol):
    """A source that reads many services from one place with few requests."""

    # Of the guardrails that it can read; a source that does not say reads ratios.
    kinds: Sequence[str]

    def place(self, config: Mapping[str, Any]) -> str:
        """Services whose configs name the same place are read together."""

    def read_many(self, asks: Sequence[Ask]) -> list[Reading | SourceError]:
        """As `read`, for each, in the order asked: one that fails does not stop the others."""


@dataclass(frozen=True)
class VersionAsk:
    """Who answers: requests of the counters that `selector` names, by the values of `label`."""

    config: Mapping[str, Any]
    selector: str
    label: str
    # Seconds since the look before; None: there was none.
    since_s: float | None
    state: Mapping[str, Any]


@dataclass(frozen=True)
class Answered:
    """Requests by the label's value, within the last `window_s` seconds. `state` is given back to
    the next look.
    """

    requests: dict[str, float]
    window_s: float
    state: dict[str, Any] = field(default_factory=dict)


# Values of a version's label at a time. More is a label that is no version.
MOST_VERSIONS = 100


@runtime_checkable
class VersionSource(Source, Protocol):
    """A source that can tell which versions of a service answer."""

    def versions(self, ask: VersionAsk) -> Answered:
        """With one question, in bounds. Raises SourceError when nothing can be said."""


def part_of(key: str) -> str:
    return key.rpartition("|")[2]


def source_named(name: str, pointer: str = "/source/name") -> Source:
    """Raises CaseError listing the known names for an unknown one."""
    path = settings.GRAYGATE_SOURCES.get(name)
    if path is None:
        known = ", ".join(sorted(settings.GRAYGATE_SOURCES)) or "none"
        raise CaseError("unknown source", f"'{name}' is not a source; known: {known}", pointer)
    source: Source = import_string(path)()
    return source
