"""Weights of a ranking and thresholds: how far they move, and which way."""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from controlplane.risk.content_policy.terms import (
    HARM,
    LESS_IS_LOOSER,
    SAFETY,
    SHARE,
    THRESHOLD,
    WEIGHT,
)
from controlplane.risk.edits import Edit
from controlplane.risk.shapes import number_of
from controlplane.risk.signals import Severity, Signal

# Of what it was; a hundredth more or less of a sum is rounding.
SMALL, LARGE, TWICE = 0.1, 0.5, 1.0
ROUNDING = 0.01


def jump(old: float, new: float) -> float:
    """Relative, the same upwards and downwards: twice and half are both 1."""
    if old == new:
        return 0.0
    if old == 0 or new == 0 or (old > 0) != (new > 0):
        return math.inf
    return max(abs(old), abs(new)) / min(abs(old), abs(new)) - 1


def weights(edit: Edit) -> Iterator[Signal]:
    old = 0.0 if edit.added else number_of(edit.old)
    new = 0.0 if edit.removed else number_of(edit.new)
    if old is None or new is None or old == new:
        return
    named = edit.named
    if not named & WEIGHT:
        return
    if named & SAFETY and abs(new) < abs(old):
        yield edit.signal(
            "safety_weight_lowered",
            "high",
            f"what protects people counts for less ({edit.step})",
            "What it held down comes up for everybody whom the policy is for.",
            "Try it on a small share, and watch what is reported there.",
        )
        return
    size = jump(old, new)
    severity: Severity = "high" if size >= TWICE else "medium" if size >= LARGE else "low"
    if size >= SMALL:
        yield edit.signal(
            "weight_jump",
            severity,
            f"the weight {_moved(size)} ({edit.step})",
            "What people see is put in another order, all of it at once.",
            "Move it in steps of a tenth, each on a share against a control.",
        )


def thresholds(edit: Edit) -> Iterator[Signal]:
    old, new = number_of(edit.old), number_of(edit.new)
    if old is None or old == new:
        return
    named, tail = edit.named, edit.tail
    meant = tail & THRESHOLD or "thresholds" in named or "threshold" in named
    if not meant or named & WEIGHT or tail & SHARE:
        return
    protects = bool(named & SAFETY)
    if edit.removed and protects:
        yield _loosened(edit, "there is no bound any more")
    if new is None:
        return
    looser = _looser(edit, old, new)
    if looser:
        yield _loosened(edit, "the bound is looser")
        return
    size = jump(old, new)
    if protects and looser is None:
        yield edit.signal(
            "safety_threshold_changed",
            "medium",
            f"the bound is another one, and its name does not say which way is looser "
            f"({edit.step})",
            "It may let through what was held back.",
            "Say which way it goes, and try it on a share.",
        )
    elif size >= LARGE:
        yield edit.signal(
            "threshold_jump",
            "high" if size >= TWICE and not protects else "medium",
            f"the threshold {_moved(size)} ({edit.step})",
            "Much more or much less passes it from one moment to the next.",
            "Count on stored cases how many fall on the other side; then move it in steps.",
        )


def _looser(edit: Edit, old: float, new: float) -> bool | None:
    """None: the name does not say. A score of harm that is held back from a bound upwards lets
    more through when that rises.
    """
    if edit.named & LESS_IS_LOOSER and edit.named & SAFETY:
        return new < old
    if edit.named & HARM:
        return new > old
    return None if edit.named & SAFETY else False


def _loosened(edit: Edit, summary: str) -> Signal:
    return edit.signal(
        "safety_threshold_loosened",
        "high",
        f"{summary} ({edit.step})",
        "What was held back to protect people is shown.",
        "Count on stored cases what would pass, have it looked at, then try it on a share.",
    )


def _moved(size: float) -> str:
    return "comes, goes or turns round" if math.isinf(size) else f"moves by {size:.0%}"


def weights_sums(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Signal]:
    old, new = _sums(before), _sums(after)
    for group in sorted(old.keys() & new.keys()):
        most = max(abs(old[group]), abs(new[group]))
        if abs(old[group] - new[group]) > ROUNDING * most:
            yield Signal(
                id="weights_sum_changed",
                severity="medium",
                summary=f"{group[-100:].lstrip('/')}: the weights add up to {new[group]:.4g}, "
                f"before to {old[group]:.4g}",
                where=group,
                why="Scores grow or shrink as a whole, and with them what passes a threshold.",
                remedy="Keep the sum, or set anew what compares the scores.",
            )


def _sums(values: Mapping[str, Any]) -> dict[str, float]:
    """Of each group of at least two numbers that is called weights."""
    groups: dict[str, list[float]] = defaultdict(list)
    for pointer, value in values.items():
        group = pointer.rpartition("/")[0]
        number = number_of(value)
        if group.rpartition("/")[2].lower().endswith("weights") and number is not None:
            groups[group].append(number)
    return {group: sum(numbers) for group, numbers in groups.items() if len(numbers) > 1}
