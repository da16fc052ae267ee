"""Fits the weights of attribution: `python bench/incident_fit.py FILE … > attribution/weights.py`.

    incident_fit.py FILE … [--folds K] [--misses] [--left-out FILE]

The FILEs are of `incident_choices.py`. The model is a conditional logit (McFadden 1974) over each
way in which each change may have done harm, and over the causes that are no change:

    P(i) = exp(w_i·x_i) / Σ_j exp(w_j·x_j)

with weights w of their own for each way and each cause; what a veto speaks of is VETO lower. The
likelihood of the true way or cause of all looks is made the greatest under a normal prior: the
weights of one scale scatter around one that all ways have in common (Evgeniou & Pontil, KDD'04).
`--folds`: how right it is on incidents that were left out of the fit, K parts in turn.
`--left-out`: how right on each fault kind of another FILE, if none of that kind is learned from.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from incident_choices import Choice, kept
from incident_folds import show_folds, show_left_out

from attribution.pieces import VETO, Sizes
from attribution.unexplained import Cause
from attribution.ways import Way

COMMON, OWN = 0.05, 3.0
ROUNDS = 60
NEAR = 1e-6
LONGEST_STEP = 2.0
Floats = NDArray[np.float64]
Option = Way | Cause
Weights = dict[Option, dict[str, float]]
# The constant of a piece that is there for every change, and its scales.
SAID_OF_ALL = {
    "time": ("at_once", "soon", "soon2", "later", "strength", "at_once.strength", "soon.strength"),
    "place": ("root", "path", "elsewhere", "noticed", "calm", "faint", "unreported", "coverage"),
}
OPTIONS: tuple[Option, ...] = (*Way, *Cause)


@dataclass(frozen=True)
class Table:
    """All looks' rows for one way or cause; x (rows, scales); `look` of each row, ascending."""

    scales: tuple[str, ...]
    x: Floats
    look: NDArray[np.intp]
    offset: Floats
    true: Floats

    def emptied(self) -> "Table":
        none = slice(0, 0)
        return Table(self.scales, self.x[none], self.look[none], self.offset[none], self.true[none])


def table(option: Option, choices: Sequence[Choice]) -> Table:
    rows: list[tuple[int, Sizes, bool, bool]] = []
    for look, each in enumerate(choices):
        if isinstance(option, Cause):
            rows.append((look, each.none, False, each.culprit is None and each.how is option))
            continue
        for place, change in enumerate(each.changes):
            true = place == each.culprit and each.how is option
            rows.append((look, change[option], each.vetoed[place], true))
    scales = tuple(sorted({scale for _, sizes, _, _ in rows for scale in sizes}))
    column = {scale: i for i, scale in enumerate(scales)}
    x = np.zeros((len(rows), len(scales)))
    for row, (_, sizes, _, _) in enumerate(rows):
        for scale, size in sizes.items():
            x[row, column[scale]] = size
    return Table(
        scales,
        x,
        np.array([look for look, *_ in rows], dtype=np.intp),
        np.array([VETO * vetoed for _, _, vetoed, _ in rows]),
        np.array([true for *_, true in rows], dtype=float),
    )


def fit(choices: Sequence[Choice]) -> Weights:
    """Newton's method; the penalised likelihood is concave, so any start will do."""
    usable = [c for c in choices if c.culprit is None or not c.vetoed[c.culprit]]
    tables = [table(option, usable) for option in OPTIONS]
    # Of what there is no example nothing is learned, not even that it is rare.
    tables = [each if each.true.any() else each.emptied() for each in tables]
    ends = np.cumsum([0, *(len(each.scales) for each in tables)])
    blocks = [slice(a, b) for a, b in pairwise(ends)]
    precision = prior(tables)
    w = np.zeros(ends[-1])
    for _ in range(ROUNDS):
        gradient, curvature = _slopes(tables, blocks, w, len(usable))
        step = np.linalg.solve(curvature + precision, gradient - precision @ w)
        w += step * min(1.0, LONGEST_STEP / float(np.abs(step).max() + NEAR))
        if np.abs(step).max() < NEAR:
            break
    return {
        option: dict(zip(each.scales, w[block].tolist(), strict=True))
        for option, each, block in zip(OPTIONS, tables, blocks, strict=True)
    }


def prior(tables: Sequence[Table]) -> Floats:
    """Of a scale the weights scatter by 1/OWN around one that is common to all ways (and one to all
    causes), which scatters by 1/COMMON around 0: the inverse of that covariance, (S, S).
    """
    names = [
        (isinstance(option, Cause), scale)
        for option, each in zip(OPTIONS, tables, strict=True)
        for scale in each.scales
    ]
    same = np.array([[one == other for other in names] for one in names], dtype=float)
    return np.linalg.inv(np.eye(len(names)) / OWN + same / COMMON)


def centred(weights: Weights, choices: Sequence[Choice]) -> Weights:
    """The same probabilities, read more easily: what is said of when a change grew, and of who
    hurts, averages 0 over all changes that no veto clears; the rest is with the way itself.
    """
    found: Weights = {option: dict(of) for option, of in weights.items()}
    for way in Way:
        rows = [
            change[way]
            for each in choices
            for change, vetoed in zip(each.changes, each.vetoed, strict=True)
            if not vetoed
        ]
        for constant, scales in SAID_OF_ALL.items():
            said = [sum(weights[way].get(s, 0.0) * row.get(s, 0.0) for s in scales) for row in rows]
            mean = float(np.mean(said))
            found[way][constant] = -mean
            found[way]["way"] += mean
    return found


def _slopes(
    tables: Sequence[Table], blocks: Sequence[slice], w: Floats, looks: int
) -> tuple[Floats, Floats]:
    """First and (negated) second derivatives of the log-likelihood at w: (S,), (S, S)."""
    shares = _shares(tables, blocks, w, looks)
    gradient, curvature = np.zeros_like(w), np.zeros((w.size, w.size))
    means = np.zeros((looks, w.size))
    for each, block, p in zip(tables, blocks, shares, strict=True):
        weighted = each.x * p[:, None]
        gradient[block] += (each.true - p) @ each.x
        curvature[block, block] += each.x.T @ weighted
        np.add.at(means[:, block], each.look, weighted)
    return gradient, curvature - means.T @ means


def _shares(
    tables: Sequence[Table], blocks: Sequence[slice], w: Floats, looks: int
) -> list[Floats]:
    """Each row's probability, table by table."""
    logits = [t.x @ w[b] + t.offset for t, b in zip(tables, blocks, strict=True)]
    highest = np.full(looks, -np.inf)
    for each, logit in zip(tables, logits, strict=True):
        np.maximum.at(highest, each.look, logit)
    raised = [np.exp(lg - highest[t.look]) for t, lg in zip(tables, logits, strict=True)]
    total = np.zeros(looks)
    for each, e in zip(tables, raised, strict=True):
        np.add.at(total, each.look, e)
    return [e / total[t.look] for t, e in zip(tables, raised, strict=True)]


def printed(weights: Weights) -> str:
    """`attribution/weights.py`, whole."""
    lines = [
        '"""The weights of evidence, in log-odds a unit of size; of each way, of each other cause.',
        "",
        "Written by `bench/incident_fit.py`; to change one, change the evidence and fit again.",
        '"""',
        "",
    ]
    for name, options in (("CHANGE", Way), ("NONE", Cause)):
        lines.append(f"{name}: dict[str, dict[str, float]] = {{")
        for option in options:
            lines.append(f'    "{option}": {{')
            lines += [f'        "{k}": {v:.3f},' for k, v in weights[option].items()]
            lines.append("    },")
        lines.append("}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--folds", type=int)
    parser.add_argument("--misses", action="store_true")
    parser.add_argument("--left-out", type=Path)
    given = parser.parse_args()
    choices = kept(given.files)
    if given.folds:
        show_folds(choices, given.folds, fit, misses=given.misses)
    elif given.left_out:
        show_left_out(choices, kept([given.left_out]), fit)
    else:
        print(printed(centred(fit(choices), choices)))


if __name__ == "__main__":
    main()
