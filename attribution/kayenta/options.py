"""Kayenta's options by Kayenta's names: one metric's, and those of the score. PURE.

They stand under `params` of a metric, or of the case for all its metrics. A name may be written as
in a canary config (`effectSize: {"measure", …}`) or as in the classifier (`effectSizeMeasure`).
An unknown name is an error: a misspelt `mustHaveData` that does nothing would be a trap.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from attribution.errors import CaseError
from attribution.fields import mapping, number, optional_number
from attribution.pointers import pointer_step

MANN_WHITNEY, MEAN_INEQUALITY = "MannWhitneyClassifier", "MeanInequalityClassifier"
CLASSIFIERS = (MANN_WHITNEY, MEAN_INEQUALITY)
DIRECTIONS = ("increase", "decrease", "either")
NO_DIFFERENCE = {"meanRatio": 1.0, "cles": 0.5}
NESTED = {
    "effectSize": {"measure": "effectSizeMeasure"},
    "outliers": {"strategy": "outlierStrategy"},
}
SYNONYMS = {"confLevel": "confidence"}
SIZES = ("allowedIncrease", "allowedDecrease", "criticalIncrease", "criticalDecrease")
OF_A_METRIC = {
    *("classifier", "direction", "nanStrategy", "outlierStrategy", "outlierFactor", "critical"),
    *("effectSizeMeasure", *SIZES, "mustHaveData", "muted", "tolerance", "confidence", "groups"),
}
OF_THE_SCORE = {"groupWeights", "thresholds"}
DEFAULT_GROUP = "default"
PASS, MARGINAL = 95.0, 75.0  # where no thresholds are given; Kayenta asks for them

Given = dict[str, tuple[Any, str]]  # name → value and its JSON pointer


@dataclass(frozen=True)
class Limits:
    """Effect sizes from which a High (increase) or a Low (decrease) counts."""

    increase: float
    decrease: float


@dataclass(frozen=True)
class Options:
    classifier: str
    direction: str
    replace_nan: bool
    remove_outliers: bool
    outlier_factor: float
    measure: str
    allowed: Limits
    critically: Limits
    critical: bool
    must_have_data: bool
    muted: bool
    tolerance: float
    confidence: float
    groups: tuple[str, ...]


@dataclass(frozen=True)
class ScoreOptions:
    weights: Mapping[str, float]  # percent of the score, by group
    passes: float
    marginal: float


def given_options(source: Mapping[str, Any], at: str) -> Given:
    """The options under `params` of a metric or a case, by their flat names."""
    found: Given = {}
    given = source.get("params")
    params = {} if given is None else mapping(given, f"{at}/params")
    for key, value in params.items():
        pointer = f"{at}/params/{pointer_step(key)}"
        if key in NESTED:
            for inner, entry in mapping(value, pointer).items():
                name = NESTED[key].get(inner, inner)
                _take(found, name, entry, f"{pointer}/{pointer_step(inner)}")
        else:
            _take(found, SYNONYMS.get(key, key), value, pointer)
    return found


def check_options(source: Mapping[str, Any], at: str) -> None:
    """Raises CaseError unless the options under `params` can be judged by."""
    given = given_options(source, at)
    options = metric_options(given)
    weighed = given.get("groupWeights", ({}, ""))[0]
    elsewhere = set(weighed) if isinstance(weighed, Mapping) else set()
    score_options([given], {*options.groups, *elsewhere})


def contract_options(source: Mapping[str, Any], at: str) -> Given:
    """The two that the judge contract has itself; `params` of the metric come before them."""
    named = ("direction", "critical")
    return {k: (source[k], f"{at}/{k}") for k in named if source.get(k) is not None}


def _take(found: Given, name: str, value: Any, pointer: str) -> None:
    if name not in OF_A_METRIC | OF_THE_SCORE:
        raise CaseError("unknown option", f"'{name}' is no option of Kayenta's judge", pointer)
    if name in found:
        raise CaseError("option given twice", f"also at {found[name][1]}", pointer)
    if value is not None:
        found[name] = (value, pointer)


def metric_options(given: Given) -> Options:
    """What is not given is as Kayenta has it: its default direction is `either`."""
    return Options(
        classifier=_choice(given, "classifier", CLASSIFIERS, MANN_WHITNEY),
        direction=_choice(given, "direction", DIRECTIONS, "either"),
        replace_nan=_choice(given, "nanStrategy", ("remove", "replace"), "remove") == "replace",
        remove_outliers=_choice(given, "outlierStrategy", ("keep", "remove"), "keep") == "remove",
        outlier_factor=_number(given, "outlierFactor", 3.0, low=1e-9),
        measure=_measure(given),
        allowed=_limits(given, "allowed"),
        critically=_limits(given, "critical"),
        critical=_flag(given, "critical"),
        must_have_data=_flag(given, "mustHaveData"),
        muted=_flag(given, "muted"),
        tolerance=_number(given, "tolerance", 0.25),
        confidence=_number(given, "confidence", 0.98, low=0.01, high=0.999999),
        groups=_groups(given),
    )


def _measure(given: Given) -> str:
    return _choice(given, "effectSizeMeasure", tuple(NO_DIFFERENCE), "meanRatio")


def _limits(given: Given, which: str) -> Limits:
    default = NO_DIFFERENCE[_measure(given)]
    increase = _number(given, f"{which}Increase", default)
    return Limits(increase, _number(given, f"{which}Decrease", default))


def _choice(given: Given, name: str, allowed: tuple[str, ...], default: str) -> str:
    value, pointer = given.get(name, (default, ""))
    if value not in allowed:
        raise CaseError("unknown choice", f"must be one of {', '.join(allowed)}", pointer)
    return str(value)


def _number(given: Given, name: str, default: float, low: float = 0.0, high: float = 1e9) -> float:
    value, pointer = given.get(name, (default, ""))
    return number(value, pointer, low, high)


def _flag(given: Given, name: str) -> bool:
    value, pointer = given.get(name, (False, ""))
    if not isinstance(value, bool):
        raise CaseError("not a boolean", f"'{name}' must be true or false", pointer)
    return value


def _groups(given: Given) -> tuple[str, ...]:
    value, pointer = given.get("groups", ([], ""))
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(n, str) and n for n in names):
        raise CaseError("not a list of names", "'groups' is a list of names", pointer)
    return tuple(dict.fromkeys(names)) or (DEFAULT_GROUP,)


def score_options(givens: Sequence[Given], groups: set[str]) -> ScoreOptions:
    """From the case or any metric; two that differ are an error. `groups`: those of the metrics."""
    limits, at = _agreed(givens, "thresholds")
    passes = optional_number(limits, "pass", at, PASS, 0.0, 100.0)
    marginal = optional_number(limits, "marginal", at, min(MARGINAL, passes), 0.0, 100.0)
    if marginal > passes:
        detail = f"marginal {marginal:g} is above pass {passes:g}"
        raise CaseError("thresholds not in order", detail, f"{at}/marginal")
    return ScoreOptions(_weights(*_agreed(givens, "groupWeights"), groups), passes, marginal)


def _agreed(givens: Sequence[Given], name: str) -> tuple[Mapping[str, Any], str]:
    found = [given[name] for given in givens if name in given]
    for value, pointer in found[1:]:
        if value != found[0][0]:
            raise CaseError("contradicting options", f"'{name}' differs elsewhere", pointer)
    return (mapping(*found[0]), found[0][1]) if found else ({}, "")


def _weights(source: Mapping[str, Any], at: str, groups: set[str]) -> dict[str, float]:
    weights = {}
    for group, value in source.items():
        pointer = f"{at}/{pointer_step(group)}"
        if group not in groups:
            raise CaseError("unknown group", f"no metric is in the group '{group}'", pointer)
        weights[group] = number(value, pointer, 0.0, 100.0)
    if sum(weights.values()) > 100.0 + 1e-9:
        raise CaseError("weights above 100", "the weights of all groups share 100", at)
    return weights
