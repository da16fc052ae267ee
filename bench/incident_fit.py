"""Fits the weights of attribution: `python bench/incident_fit.py [COUNT] [FIRST] [--leave KIND]`.

A conditional logit (McFadden 1974): P(c) ∝ exp(Σ w_s·x_cs) over the changes of an incident and
"none of them", the likelihood of the true answer over all incidents, each looked at three and ten
minutes after the detection, with a ridge of 1/2·PRIOR·|w|². Prints `attribution/weights.py`'s two
tables. `--leave`: without the incidents of one fault kind.
"""

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from incident_faults import FAULTS
from incidents import case, incident

from attribution.attribute_case import read_case
from attribution.weighing import Sizes, scene_of, sizes_of_none, suspects_of

LOOKS_S = (20.0, 180.0, 600.0)
PRIOR = 0.02
PLACES = ("root", "path", "elsewhere", "under_root", "over_root", "unreported", "calm")
# Of each of these exactly one is said of every change, with size 1: together they hide a constant.
ONE_OF_EACH: tuple[tuple[str, ...], ...] = (
    ("time",),
    (*PLACES, *(f"{place}.uncompared" for place in PLACES)),
    ("too_early", "uncompared", "shared", "cleared", "unclear", "worse"),
)
# And these go with them.
WITH: tuple[tuple[str, ...], ...] = (
    (
        "soon",
        "later",
        *(f"soon.{each}" for each in (*PLACES, *(f"{p}.uncompared" for p in PLACES))),
    ),
    (),
    (),
)
ROUNDS = 60
# How common a kind is, beside the others: a canary that harms without one error of its own is rare,
# and if it were not, a canary as good as its control would clear nobody.
COMMON = {"wrong_value": 0.2}


@dataclass(frozen=True)
class Choice:
    """One look at one incident: the sizes of each option, "none" first, and which is true."""

    fault: str
    options: tuple[Sizes, ...]
    vetoed: tuple[bool, ...]
    truth: int


def choices(seed: int) -> list[Choice]:
    found = incident(seed)
    if found.twins:
        return []
    return [choice(case(found, look)) for look in LOOKS_S]


def choice(labelled: dict[str, object]) -> Choice:
    scene = scene_of(read_case(labelled))
    suspects = suspects_of(scene)
    ids = [suspect.change.id for suspect in suspects]
    truth = 0 if labelled["culprit"] is None else 1 + ids.index(str(labelled["culprit"]))
    none = sizes_of_none(scene, suspects)
    options = [{f"none:{k}": v for k, v in none.items()}, *(s.sizes for s in suspects)]
    # What only some of these vetoes say is in their size; the others are out of the question.
    vetoed = [False, *("veto" in s.sizes for s in suspects)]
    return Choice(str(labelled["fault"]), tuple(options), tuple(vetoed), truth)


def fit(all_choices: Sequence[Choice]) -> dict[str, float]:
    """Newton's method; concave, so that any start will do."""
    scales = sorted({s for c in all_choices for option in c.options for s in option if s != "veto"})
    place = {scale: i for i, scale in enumerate(scales)}
    tables = []
    for each in all_choices:
        if each.vetoed[each.truth]:
            continue
        x = np.zeros((len(each.options), len(scales)))
        for row, option in enumerate(each.options):
            for scale, size in option.items():
                if scale != "veto":
                    x[row, place[scale]] = size
        offset = np.where(each.vetoed, -10.0, 0.0)
        tables.append((x, offset, each.truth, COMMON.get(each.fault, 1.0)))
    w = np.zeros(len(scales))
    for _ in range(ROUNDS):
        gradient, curvature = -PRIOR * w, PRIOR * np.eye(len(scales))
        for x, offset, truth, common in tables:
            logits = x @ w + offset
            p = np.exp(logits - logits.max())
            p /= p.sum()
            mean = p @ x
            gradient += common * (x[truth] - mean)
            curvature += common * ((x * p[:, None]).T @ x - np.outer(mean, mean))
        step = np.linalg.solve(curvature, gradient)
        w += step / max(1.0, float(np.abs(step).max()))
        if np.abs(step).max() < 1e-6:
            break
    return centred(dict(zip(scales, w.tolist(), strict=True)), all_choices)


def centred(weights: dict[str, float], all_choices: Sequence[Choice]) -> dict[str, float]:
    """The same probabilities, read more easily: what is said of every change averages 0, and the
    constant is with "none of them".
    """
    changes = [o for c in all_choices for o in c.options[1:] if "veto" not in o]
    found = dict(weights)
    for one, more in zip(ONE_OF_EACH, WITH, strict=True):
        mean = sum(weights.get(s, 0.0) * o.get(s, 0.0) for o in changes for s in (*one, *more))
        mean /= len(changes)
        for scale in one:
            if scale in weights:
                found[scale] = weights[scale] - mean
        found["none:none"] -= mean
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=4000)
    parser.add_argument("first", type=int, nargs="?", default=1)
    parser.add_argument("--leave", choices=sorted(FAULTS))
    parser.add_argument("--workers", type=int, default=1)
    given = parser.parse_args()
    seeds = range(given.first, given.first + given.count)
    with ProcessPoolExecutor(given.workers) as pool:
        found = [each for some in pool.map(choices, seeds, chunksize=4) for each in some]
    weights = fit([each for each in found if each.fault != given.leave])
    for name, none in (("CHANGE", False), ("NONE", True)):
        print(f"{name}: dict[str, float] = {{")
        for scale, w in weights.items():
            if scale.startswith("none:") is none:
                print(f'    "{scale.removeprefix("none:")}": {w:.3f},')
        print("}")


if __name__ == "__main__":
    main()
