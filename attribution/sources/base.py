"""The seam of metric sources: what one has to be able to do, and how it is found by name."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from attribution.errors import CaseError


class SourceError(Exception):
    """The source could not be read at all. Says which and why, for a person; no secret in it."""


@dataclass(frozen=True)
class Reading:
    """increments[key]: how much the query's counters grew since the read before.

    None: not known (a first sight, a reset, nobody answered): never 0. `state` is given back to the
    next read. `silent` names units that did not answer while others did.
    """

    increments: dict[str, float | None]
    state: dict[str, Any]
    silent: list[str] = field(default_factory=list)


class Source(Protocol):
    def validate(self, config: Mapping[str, Any], pointer: str) -> None:
        """Raises CaseError for a config that cannot work."""

    def read(
        self, config: Mapping[str, Any], queries: Mapping[str, str], state: Mapping[str, Any]
    ) -> Reading:
        """Answers every query (key -> PromQL or selector, cohorts filled in) from one look.

        Raises SourceError when nothing can be said about any of them.
        """


def source_named(name: str, pointer: str = "/source/name") -> Source:
    """Raises CaseError listing the known names for an unknown one."""
    path = settings.GRAYGATE_SOURCES.get(name)
    if path is None:
        known = ", ".join(sorted(settings.GRAYGATE_SOURCES)) or "none"
        raise CaseError("unknown source", f"'{name}' is not a source; known: {known}", pointer)
    source: Source = import_string(path)()
    return source
