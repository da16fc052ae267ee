"""How well risky commits are told from harmless ones, later in time: `bench/classify_code.py`.

For each project the last fifth by date is ranked by

    lines      lines added, alone
    left out   weights fitted on the other projects, with this project's rate of bad changes
    own        the same, with trees added on this project's first four fifths: what an
               installation has after `train_risk`

top 20: the share of the bad changes among the riskiest fifth. error: of calibration, over 15 bins
of equal numbers, root mean square and debiased (ECE: mean of the absolute difference).
`--diff-only`: also what is left when nothing but the diff is known.
"""

import argparse

import code_cases as cases
import numpy as np
from incident_score import calibration_error

from controlplane.risk.learned import boosting, scores, training
from controlplane.risk.learned.model import Model
from controlplane.risk.learned.training import Outcomes

BINS = 15


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--diff-only", action="store_true")
    diff_only = parser.parse_args().diff_only
    parts, rows = cases.projects(), []
    print(f"{'':12}{'bad':>6} | {'lines':^13} | {'left out':^27} | {'own':^27}")
    print(f"{'':12}{'':>6} | {'AUC  top 20':>13} |" + f" {'AUC  top 20  error    ECE':>27} |" * 2)
    for name, (early, late) in parts.items():
        base = cases.without(parts, name)
        rows.append(project(base, early, late))
        show(name, rows[-1])
        if diff_only:
            print(f"{'':12}left out, only the diff known: {hidden(base, late)}")
    show("mean", np.mean(rows, axis=0))


def project(base: Model, early: Outcomes, late: Outcomes) -> list[float]:
    own = training.train("own", cases.NAMES, early, cases.OWN, base.forest)
    lines = cases.lines_added(late)
    rate = training.rates_of(early)[int(early.group[0])]
    return [
        float(late.true.mean()),
        *ranked(lines, late),
        *judged(base, late, rate),
        *judged(own, late, own.base_rate),
    ]


def ranked(margin: np.ndarray, late: Outcomes) -> tuple[float, float]:
    return scores.auc(margin, late.true), scores.caught(margin, late.true, 0.2)


def judged(model: Model, late: Outcomes, rate: float) -> tuple[float, ...]:
    margin = boosting.margins(model.forest, late.rows)
    p = np.array([model.probability(float(one), rate) for one in margin])
    error = calibration_error(p, late.true, BINS)
    return (*ranked(margin, late), error, absolute_error(p, late.true))


def absolute_error(p: np.ndarray, true: np.ndarray) -> float:
    bins = np.array_split(np.argsort(p, kind="stable"), BINS)
    return float(sum(len(b) * abs(p[b].mean() - true[b].mean()) for b in bins) / len(p))


def hidden(model: Model, late: Outcomes) -> str:
    margin = np.array([model.forest.margin(row) for row in cases.history_hidden(late)])
    auc, top = ranked(margin, late)
    return f"AUC {auc:.3f}, top 20 {top:.3f}"


def show(name: str, row: "np.ndarray | list[float]") -> None:
    bad, la, la_top, *rest = (f"{value:.3f}" for value in row)
    print(
        f"{name:12}{bad:>6} | {la} {la_top:>7} | {'  '.join(rest[:4]):>27} | "
        f"{'  '.join(rest[4:]):>27}",
        flush=True,
    )


if __name__ == "__main__":
    main()
