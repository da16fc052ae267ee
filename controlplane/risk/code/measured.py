"""Artefact and context → what is known of a code change: its diff and its fourteen features."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from controlplane.risk.code import diff as unified
from controlplane.risk.code import paths
from controlplane.risk.code.diff import Diff, FileChange
from controlplane.risk.code.features import features_of, unusable
from controlplane.risk.signals import Source

# What a commit's message calls a repair (Kamei et al., section 3.1), without "patch": that is in
# the subject of every mailed change.
_FIX = re.compile(r"\b(?:(?:hot|bug)?fix(?:e[sd]|ing)?|bugs?|defects?)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class CodeChange:
    """`diff` is None where only features were given. `unusable`: names with values that are no
    numbers.
    """

    diff: Diff | None
    features: Mapping[str, float]
    unusable: tuple[str, ...] = ()


def measured(source: Source) -> CodeChange:
    """Raises UnreadableDiffError. What is given beats what is counted: whoever sends a feature
    saw the whole repository.
    """
    given = source.artefact if isinstance(source.artefact, Mapping) else {}
    text = source.artefact if isinstance(source.artefact, str) else given.get("diff")
    history = source.context.get("history")
    history = history if isinstance(history, Mapping) else {}
    told = features_of(history) | features_of(given)
    parsed = unified.parse(text) if isinstance(text, str) and text else None
    if parsed is None and not told.keys() - {"fix"}:
        raise unified.UnreadableDiffError("it is neither a unified diff nor its features")
    message = _message(source, given, parsed)
    counted = (of_diff(parsed) if parsed else {}) | _fix(message)
    return CodeChange(parsed, counted | told, tuple(unusable(history) + unusable(given)))


def _message(source: Source, given: Mapping[str, Any], diff: Diff | None) -> str:
    for told in (given.get("message"), source.context.get("message")):
        if isinstance(told, str) and told:
            return told[:20_000]
    return diff.message if diff else ""


def _fix(message: str) -> dict[str, float]:
    """No message, no answer."""
    return {"fix": float(_FIX.search(message) is not None)} if message.strip() else {}


def of_diff(diff: Diff) -> dict[str, float]:
    """Of what people wrote: generated files and lock files are left out, unless all are such."""
    files = written(diff.files) or diff.files
    sizes = [change.lines for change in files]
    found = {
        "ns": float(len({paths.subsystem(change.path) for change in files})),
        "nd": float(len({paths.folder(change.path) for change in files})),
        "nf": float(len(files)),
        "entropy": entropy(sizes),
        "la": float(sum(len(change.added) for change in files)),
        "ld": float(sum(len(change.deleted) for change in files)),
    }
    if all(change.status == "added" for change in files):
        found["lt"] = 0.0
    return found


def written(files: Sequence[FileChange]) -> tuple[FileChange, ...]:
    kinds = [(change, paths.kind_of(change.path)) for change in files if not change.binary]
    return tuple(change for change, kind in kinds if not kind.generated and not kind.lock)


def entropy(sizes: Sequence[int]) -> float:
    total = sum(sizes)
    return -sum(size / total * math.log2(size / total) for size in sizes if size) + 0.0
