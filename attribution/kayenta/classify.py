"""One metric: High, Low, Pass, Nodata, NodataFailMetric or Error, as Kayenta says. PURE."""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from attribution.kayenta.options import MEAN_INEQUALITY, Options
from attribution.stats.lines import Floats
from attribution.stats.mann_whitney import (
    AllTiedError,
    Shift,
    common_language,
    exact_shift,
    searched_shift,
)

HIGH, LOW, PASS = "High", "Low", "Pass"
NO_DATA, NO_DATA_FAILS, ERROR = "Nodata", "NodataFailMetric", "Error"
NOISE = 1e-5  # of the value, on each side of two constant series


@dataclass(frozen=True)
class Classified:
    label: str
    critical: bool  # it fails the whole canary
    effect_size: float = math.nan  # of the option's measure
    shift: Shift | None = None  # as Kayenta finds it
    exact: Shift | None = None  # without the tolerance of its root search
    exact_label: str = ""  # what `exact` says; empty where no test was made


def cleaned(values: Floats, options: Options) -> Floats:
    """Without NaN (or with 0 for it), and without outliers where that is asked for.

    Outlier: beyond Tukey's fences, widened to the 1st and 99th percentile (R-7).
    """
    missing = np.isnan(values)
    kept: Floats = np.where(missing, 0.0, values) if options.replace_nan else values[~missing]
    if not options.remove_outliers or not kept.size:
        return kept
    p1, q1, q3, p99 = np.percentile(kept, [1, 25, 75, 99])
    reach = options.outlier_factor * (q3 - q1)
    inside = (kept >= min(p1, q1 - reach)) & (kept <= max(p99, q3 + reach))
    return np.asarray(kept[inside], dtype=np.float64)


def classify(control: Floats, canary: Floats, options: Options) -> Classified:
    """Of two cleaned series."""
    if not control.size or not canary.size:
        return _without_data(options)
    if options.classifier == MEAN_INEQUALITY:
        return _by_means(control, canary, options)
    if np.array_equal(np.sort(control), np.sort(canary)):
        return Classified(PASS, critical=False, effect_size=1.0)
    if np.unique(np.concatenate([control, canary])).size == 1:
        return Classified(PASS, critical=False, effect_size=1.0)
    return _by_shift(control, canary, options)


def _without_data(options: Options) -> Classified:
    if options.replace_nan:
        return Classified(PASS, critical=False)
    if options.must_have_data and not options.critical:
        return Classified(NO_DATA_FAILS, critical=False)
    return Classified(NO_DATA, critical=options.critical)


def _by_means(control: Floats, canary: Floats, options: Options) -> Classified:
    """Kayenta's yardstick for other classifiers: any difference of the means counts."""
    more = float(canary.mean() - control.mean())
    label = _allowed_label(more > 0, more < 0, options)
    return Classified(
        label,
        critical=options.critical and label != PASS,
        effect_size=mean_ratio(control, canary),
    )


def _by_shift(control: Floats, canary: Floats, options: Options) -> Classified:
    size = effect_size(control, canary, options.measure)
    exact = exact_shift(canary, control, options.confidence)
    try:
        shift = searched_shift(*_told_apart(canary, control), options.confidence)
    except AllTiedError:
        return Classified(ERROR, critical=False, effect_size=size)
    label = _label(shift, size, options)
    return Classified(
        label,
        critical=options.critical and _is_critical(label, size, options),
        effect_size=size,
        shift=shift,
        exact=exact,
        exact_label=_label(exact, size, options),
    )


def _told_apart(canary: Floats, control: Floats) -> tuple[Floats, Floats]:
    """Two constant series get noise of 1e-5 of their value, so that they can be ranked.

    Kayenta draws it; here it is the normal scores, so that a verdict can be computed again.
    """
    if np.unique(canary).size > 1 or np.unique(control).size > 1:
        return canary, control
    return _with_noise(canary), _with_noise(control)


def _with_noise(constant: Floats) -> Floats:
    n, normal = constant.size, NormalDist()
    scores = np.array([normal.inv_cdf((place + 0.5) / n) for place in range(n)])
    return constant * (1.0 + NOISE * scores)


def _label(shift: Shift, size: float, options: Options) -> str:
    """A NaN effect (a mean of zero) is not asked: the shift alone decides."""
    band = options.tolerance * abs(shift.estimate)
    unknown = math.isnan(size)
    high = shift.lower > band and (unknown or size >= options.allowed.increase)
    low = shift.upper < -band and (unknown or size <= options.allowed.decrease)
    return _allowed_label(high, low, options)


def _allowed_label(high: bool, low: bool, options: Options) -> str:  # noqa: FBT001 - private
    if high and options.direction != "decrease":
        return HIGH
    return LOW if low and options.direction != "increase" else PASS


def _is_critical(label: str, size: float, options: Options) -> bool:
    if label == HIGH:
        return math.isnan(size) or size >= options.critically.increase
    return label == LOW and (math.isnan(size) or size <= options.critically.decrease)


def effect_size(control: Floats, canary: Floats, measure: str) -> float:
    if measure == "cles":
        return common_language(canary, control)
    return mean_ratio(control, canary)


def mean_ratio(control: Floats, canary: Floats) -> float:
    """canary/control of the means; NaN where one of them is zero."""
    below, above = float(control.mean()), float(canary.mean())
    return above / below if below and above else math.nan
