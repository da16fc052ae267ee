"""Configuration: compare with what it replaces, key by key, and grade what the change brings in."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from controlplane.risk import config_effects, config_formats
from controlplane.risk.documents import place
from controlplane.risk.documents import read as read_document
from controlplane.risk.edits import Edit, edits
from controlplane.risk.reading import UnreadableError
from controlplane.risk.signals import Signal, Source, many_findings, no_before, rank, unparsed

MOST_SIGNALS = 200


def read(source: Source) -> list[Signal]:
    try:
        after = read_document(source.artefact, source.path)
    except UnreadableError as problem:
        return [unparsed(str(problem), "/artefact")]
    try:
        before = read_document(source.before, source.path) if source.before is not None else {}
    except UnreadableError as problem:
        return [unparsed(f"what it replaces: {problem}", "/before")]
    found = _differences(before, after)
    if source.before is None:
        found.append(_no_before())
    return _located(found, source)


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Signal]:
    found = [signal for edit in edits(before, after) for signal in _graded(edit)]
    return found + list(config_effects.crossed_bounds(before, after))


def _graded(edit: Edit) -> list[Signal]:
    """A secret counts beside whatever else is wrong with its value."""
    secret = config_effects.secret(edit)
    flaw = config_formats.check(edit) or config_effects.check(edit)
    return [signal for signal in (secret, flaw) if signal is not None]


def _no_before() -> Signal:
    return no_before(
        summary="Nobody said what the configuration is now",
        why="What the change brings in cannot be told from what is there already, "
        "and there is nothing to go back to.",
        remedy="Send the present configuration as `before` ({} when there is none yet).",
    )


def _located(found: list[Signal], source: Source) -> list[Signal]:
    """The worst ones, with the line where the artefact is a text; searching lines is not free."""
    found.sort(key=lambda signal: -rank(signal.severity))
    shown = [replace(one, where=place(one.where, source.artefact)) for one in found[:MOST_SIGNALS]]
    left_out = len(found) - len(shown)
    if left_out:
        shown.append(many_findings(left_out))
    return shown
