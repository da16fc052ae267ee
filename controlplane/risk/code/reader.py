"""A code change, as a unified diff or as its fourteen features: what about it is risky."""

from collections.abc import Iterable
from dataclasses import replace

from controlplane.risk.code import lines, shape, touched
from controlplane.risk.code.diff import UnreadableDiffError
from controlplane.risk.code.measured import CodeChange, measured
from controlplane.risk.signals import Signal, Source, rank, unparsed

MOST_SIGNALS = 200


def read(source: Source) -> list[Signal]:
    try:
        change = measured(source)
    except UnreadableDiffError as problem:
        return [unparsed(str(problem), "/artefact")]
    found = shape.signals(change.features)
    if change.diff is not None:
        of_diff = touched.signals(change.diff) + lines.signals(change.diff.files)
        found += of_diff if isinstance(source.artefact, str) else _within(of_diff)
    found += _unusable(change)
    return sorted(found, key=lambda signal: -rank(signal.severity))[:MOST_SIGNALS]


def _within(signals: Iterable[Signal]) -> list[Signal]:
    """Of an object: the diff is one value of it."""
    return [replace(signal, where="/diff") for signal in signals]


def _unusable(change: CodeChange) -> list[Signal]:
    if not change.unusable:
        return []
    return [
        Signal(
            id="feature_unusable",
            severity="medium",
            summary=f"No number from 0: {', '.join(change.unusable)[:200]}",
            where="/artefact",
            why="What was meant to be known about the change counts as unknown.",
            remedy="Send a number, or null for what is not known.",
        )
    ]
