"""The score of a canary from the classifications of its metrics, as Kayenta reckons it. PURE."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from attribution.kayenta.classify import HIGH, LOW, NO_DATA, NO_DATA_FAILS, PASS
from attribution.kayenta.options import ScoreOptions

MOST_NO_DATA = 0.5  # of the metrics; from there on the score is 0
PASSES, MARGINAL, FAILS = "Pass", "Marginal", "Fail"


@dataclass(frozen=True)
class Scored:
    """One metric that is not muted."""

    label: str
    critical: bool
    groups: tuple[str, ...]


@dataclass(frozen=True)
class Group:
    name: str
    score: float | None  # None: no metric of it could be compared; it counts as 100
    weight: float


@dataclass(frozen=True)
class Score:
    value: float
    label: str
    groups: tuple[Group, ...]


def score(metrics: Sequence[Scored], options: ScoreOptions) -> Score:
    groups = _groups(metrics, options)
    value = 0.0 if _failed_at_once(metrics) else _summary(groups)
    label = PASSES if value >= options.passes else MARGINAL if value >= options.marginal else FAILS
    return Score(value, label, groups)


def _failed_at_once(metrics: Sequence[Scored]) -> bool:
    missing = sum(metric.label == NO_DATA for metric in metrics)
    critical = any(metric.critical and metric.label != PASS for metric in metrics)
    return critical or missing >= MOST_NO_DATA * len(metrics)


def _groups(metrics: Sequence[Scored], options: ScoreOptions) -> tuple[Group, ...]:
    """What the weights leave of 100 is shared by the groups that have none."""
    names = dict.fromkeys(group for metric in metrics for group in metric.groups)
    unweighted = sum(name not in options.weights for name in names)
    share = (100.0 - sum(options.weights.values())) / unweighted if unweighted else 0.0
    return tuple(
        Group(
            name,
            _group_score([metric.label for metric in metrics if name in metric.groups]),
            options.weights.get(name, share),
        )
        for name in names
    )


def _group_score(labels: list[str]) -> float | None:
    compared = [label for label in labels if label in (PASS, HIGH, LOW, NO_DATA_FAILS)]
    return 100.0 * compared.count(PASS) / len(compared) if compared else None


def _summary(groups: Sequence[Group]) -> float:
    total = sum((100.0 if g.score is None else g.score) * g.weight / 100.0 for g in groups)
    return float(Decimal(repr(total)).quantize(Decimal("0.01"), ROUND_HALF_UP))
