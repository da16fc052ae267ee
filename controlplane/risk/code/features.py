"""The fourteen just-in-time defect features (Kamei et al., TSE 2013), and what is made of them.

    ns nd nf    subsystems (first folder), folders, files touched
    entropy     of the changed lines over the files, bits
    la ld       lines added, deleted
    lt          lines in the touched files before the change
    fix         1: the change repairs a defect
    ndev        people who changed these files before
    age         days since they were changed last, mean over the files
    nuc         earlier changes to them
    exp rexp sexp   the author's earlier changes: all, weighted by recency, in these subsystems

None is unknown. It stays unknown: a missing history is no history of zero.
"""

import math
from collections.abc import Mapping
from typing import Any

from controlplane.risk.shapes import boolean_of, number_of

Features = Mapping[str, float | None]

OF_DIFF = ("ns", "nd", "nf", "entropy", "la", "ld")
OF_HISTORY = ("lt", "fix", "ndev", "age", "nuc", "exp", "rexp", "sexp")
FEATURES = OF_DIFF + OF_HISTORY
MEANING = {
    "ns": "subsystems touched",
    "nd": "folders touched",
    "nf": "files touched",
    "entropy": "spread of the lines over the files",
    "la": "lines added",
    "ld": "lines deleted",
    "lt": "size of the touched files",
    "fix": "repairs a defect",
    "ndev": "people who changed these files",
    "age": "days since these files were changed",
    "nuc": "earlier changes to these files",
    "exp": "the author's earlier changes",
    "rexp": "the author's recent changes",
    "sexp": "the author's changes to these subsystems",
}
_SPELLINGS = {"entrophy": "entropy"}


def features_of(given: Mapping[str, Any]) -> dict[str, float]:
    """Those of the fourteen that `given` holds as a usable number; the rest stay out."""
    found = {}
    for key, value in given.items():
        name = _SPELLINGS.get(str(key).lower(), str(key).lower())
        number = _fix(value) if name == "fix" else number_of(value)
        if name in FEATURES and number is not None and number >= 0:
            found[name] = number
    return found


def unusable(given: Mapping[str, Any]) -> list[str]:
    """Names that were given a value which is no number from 0; null says "unknown"."""
    named = [str(key) for key, value in given.items() if value is not None]
    known = features_of(given)
    return [
        key
        for key in named
        if (name := _SPELLINGS.get(key.lower(), key.lower())) in FEATURES and name not in known
    ]


def _fix(value: Any) -> float | None:
    number = number_of(value)
    answer = boolean_of(value) if number is None else number > 0
    return None if answer is None else float(answer)


# What the trees see. Counts on a logarithmic scale; ratios because the same churn means more in
# a small file, and because experience is relative: a newcomer here may be a veteran elsewhere.
INPUTS: dict[str, tuple[str, ...]] = {
    **{f"log_{name}": (name,) for name in FEATURES if name not in ("entropy", "fix")},
    "entropy": ("entropy",),
    "fix": ("fix",),
    "log_churn": ("la", "ld"),
    "log_la_per_line": ("la", "lt"),
    "log_ld_per_line": ("ld", "lt"),
    "evenness": ("entropy", "nf"),
    "log_lt_per_file": ("lt", "nf"),
    "log_la_per_file": ("la", "nf"),
    "log_nuc_per_file": ("nuc", "nf"),
    "recent_share": ("rexp", "exp"),
    "subsystem_share": ("sexp", "exp"),
    "log_growth": ("la", "ld"),
}


def inputs(features: Features) -> list[float | None]:
    """One number for each of INPUTS, in their order; None where a feature it needs is unknown."""
    return [_input(name, [features.get(part) for part in of]) for name, of in INPUTS.items()]


def _input(name: str, values: list[float | None]) -> float | None:
    numbers = [value for value in values if value is not None]
    if len(numbers) < len(values):
        return None
    if len(numbers) == 1:
        return math.log1p(numbers[0]) if name.startswith("log_") else numbers[0]
    return _combined(name, *numbers)


def _combined(name: str, first: float, second: float) -> float:
    if name == "log_churn":
        return math.log1p(first + second)
    if name == "evenness":
        return first / math.log2(second) if second > 1 else 0.0
    if name.endswith(("_per_line", "_per_file")):
        return math.log1p(first / max(second, 1.0))
    return math.log1p(first) - math.log1p(second)
