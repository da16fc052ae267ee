"""Commits of six open-source projects with known defects, split by time; and who learns on whom.

ISSTA'21's replication data of just-in-time defect prediction, in GRAYGATE_CASES/classify/jit.
"""

import csv
import gzip
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from controlplane.risk.code.features import FEATURES, INPUTS, features_of, inputs
from controlplane.risk.learned import training
from controlplane.risk.learned.boosting import Settings
from controlplane.risk.learned.model import Model
from controlplane.risk.learned.training import Outcomes

TEST = 0.2
NAMES = tuple(INPUTS)
# For trees from nothing on tens of thousands of rows; for more trees on one project's rows.
PUBLISHED = Settings(trees=150, rate=0.08)
OWN = Settings(trees=100, rate=0.05)

Projects = Mapping[str, tuple[Outcomes, Outcomes]]


def folder() -> Path:
    cases = os.environ.get("GRAYGATE_CASES")
    if not cases:
        sys.exit("Set GRAYGATE_CASES to the folder with classify/jit/*.csv.gz.")
    return Path(cases) / "classify" / "jit"


def projects() -> Projects:
    """(the first four fifths, the last fifth) by date; nothing is learned from the last one."""
    found = {}
    for group, path in enumerate(sorted(folder().glob("*.csv.gz"))):
        found[path.name.removesuffix(".csv.gz")] = _read(path, group).split(TEST)
    return found


def _read(path: Path, group: int) -> Outcomes:
    with gzip.open(path, "rt", newline="") as lines:
        rows = sorted(csv.DictReader(lines), key=lambda row: float(row["date"]))
    return Outcomes(
        rows=np.array([inputs(features_of(row)) for row in rows], dtype=float),
        true=np.array([float(row["bug"]) for row in rows]),
        at=np.array([float(row["date"]) for row in rows]),
        group=np.full(len(rows), group),
    )


def joined(parts: Sequence[Outcomes]) -> Outcomes:
    columns = ("rows", "true", "at", "group")
    return Outcomes(*(np.concatenate([getattr(part, name) for part in parts]) for name in columns))


def published(parts: Projects) -> Model:
    return training.train(
        "published", NAMES, joined([early for early, _ in parts.values()]), PUBLISHED
    )


def without(parts: Projects, name: str) -> Model:
    """What the published weights would be, had this project not been among them."""
    return published({other: part for other, part in parts.items() if other != name})


def lines_added(outcomes: Outcomes) -> np.ndarray:
    return outcomes.rows[:, NAMES.index("log_la")]


def history_hidden(outcomes: Outcomes) -> list[list[float | None]]:
    """As if only the diff were there."""
    unknown = {
        index
        for index, of in enumerate(INPUTS.values())
        if set(of) & (set(FEATURES) - {"ns", "nd", "nf", "entropy", "la", "ld"})
    }
    return [
        [None if index in unknown else float(value) for index, value in enumerate(row)]
        for row in outcomes.rows
    ]
