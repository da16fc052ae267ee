"""May one model take another's place? Only if it is better on outcomes that neither has seen."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from controlplane.risk.learned import scores

Floats = npt.NDArray[np.float64]

LEAST_HELD_OUT = 20
# A ranking may be so much worse by chance while the probabilities are better.
AUC_SLACK = 0.02


@dataclass(frozen=True, slots=True)
class Comparison:
    better: bool
    reason: str
    figures: dict[str, Any]


def compare(candidate: Floats, present: Floats, true: Floats) -> Comparison:
    """Better: the log loss, a proper score, falls by more than its paired standard error, and the
    ranking is not worse.
    """
    figures = {
        "held_out": len(true),
        "held_out_bad": int(true.sum()),
        "candidate": _figures(candidate, true),
        "present": _figures(present, true),
    }
    reason = _objection(candidate, present, true)
    return Comparison(not reason, reason or "better on later outcomes", figures)


def _objection(candidate: Floats, present: Floats, true: Floats) -> str:
    if len(true) < LEAST_HELD_OUT or not 0 < true.sum() < len(true):
        return f"{LEAST_HELD_OUT} later outcomes are needed, good and bad ones among them"
    gain = scores.log_losses(present, true) - scores.log_losses(candidate, true)
    if gain.mean() <= gain.std(ddof=1) / np.sqrt(len(gain)):
        return "no better than the present one on later outcomes"
    if scores.auc(candidate, true) < scores.auc(present, true) - AUC_SLACK:
        return "its probabilities are better, but it ranks worse than the present one"
    return ""


def _figures(p: Floats, true: Floats) -> dict[str, float | None]:
    auc = scores.auc(p, true)
    return {
        "log_loss": round(float(scores.log_losses(p, true).mean()), 4) if len(true) else None,
        "auc": None if np.isnan(auc) else round(auc, 4),
        "caught_20": round(scores.caught(p, true, 0.2), 4) if len(true) else None,
        "mean": round(float(p.mean()), 4) if len(true) else None,
    }
