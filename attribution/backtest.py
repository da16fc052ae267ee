"""backtest(lines): how right judge and attribute would have been on labelled cases. PURE.

A line with "label": "good" | "bad" is a judge case, one with "culprit": id or null an attribute
case. A verdict `fail` is what would have been rolled back. Delay is from the first interval, or
from `bad_since` (an index) where the line tells when the fault began, in intervals and seconds.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from attribution.attribute import attribute
from attribution.errors import CaseError
from attribution.judge import judge


@dataclass
class Tally:
    """What was said against what was true."""

    true_fail: int = 0
    false_fail: int = 0
    missed: int = 0
    left_alone: int = 0
    passed_bad: int = 0
    passed_good: int = 0
    delays: list[float] = field(default_factory=list)
    delays_s: list[float] = field(default_factory=list)
    culprits: int = 0
    first: int = 0
    among_three: int = 0
    innocent: int = 0
    none_right: int = 0
    errors: list[dict[str, Any]] = field(default_factory=list)


def backtest(lines: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The contract's one object. A line that cannot be read is counted and named, not dropped."""
    tally = Tally()
    for place, line in enumerate(lines):
        try:
            _count(line, tally)
        except CaseError as problem:
            given = line.get("id") if isinstance(line, Mapping) else None
            tally.errors.append({"line": place + 1, "id": given, "error": problem.as_problem()})
    return _report(tally)


def _count(line: Mapping[str, Any], tally: Tally) -> None:
    if not isinstance(line, Mapping):
        raise CaseError("not an object", "each line is one case", "")
    if "unreadable" in line:
        raise CaseError("unreadable line", str(line["unreadable"]), "")
    if "label" in line:
        _count_verdict(line, tally)
    elif "culprit" in line:
        _count_attribution(line, tally)
    else:
        raise CaseError(
            "no label", "a line needs 'label' (judge) or 'culprit' (attribute)", "/label"
        )


def _count_verdict(line: Mapping[str, Any], tally: Tally) -> None:
    label = line["label"]
    if label not in {"good", "bad"}:
        raise CaseError("unknown label", "'label' is good or bad", "/label")
    answer = judge(line)
    failed, passed = answer["verdict"] == "fail", answer["verdict"] == "pass"
    if label == "good":
        tally.false_fail += failed
        tally.left_alone += not failed
        tally.passed_good += passed
        return
    tally.true_fail += failed
    tally.missed += not failed
    tally.passed_bad += passed
    if failed:
        delay = answer["decided_at"] + 1 - int(line.get("bad_since") or 0)
        tally.delays.append(delay)
        tally.delays_s.append(delay * float(line["interval_s"]))


def _count_attribution(line: Mapping[str, Any], tally: Tally) -> None:
    answer = attribute(line)
    culprit = line["culprit"]
    ranked = [suspect["change"] for suspect in answer["suspects"]]
    top = max((s["probability"] for s in answer["suspects"]), default=0.0)
    if culprit is None:
        tally.innocent += 1
        tally.none_right += answer["none_of_them"] >= top
        return
    tally.culprits += 1
    tally.first += ranked[:1] == [culprit] and top > answer["none_of_them"]
    tally.among_three += culprit in ranked[:3]


def _report(tally: Tally) -> dict[str, Any]:
    bad, good = tally.true_fail + tally.missed, tally.false_fail + tally.left_alone
    precision = _share(tally.true_fail, tally.true_fail + tally.false_fail)
    recall = _share(tally.true_fail, bad)
    return {
        "judge": {
            "cases": bad + good,
            "bad": bad,
            "good": good,
            "true_fail": tally.true_fail,
            "false_fail": tally.false_fail,
            "missed": tally.missed,
            "passed_bad": tally.passed_bad,
            "passed_good": tally.passed_good,
        },
        "precision": precision,
        "recall": recall,
        "f1": _f1(precision, recall),
        "false_rollback_rate": _share(tally.false_fail, good),
        "delay": {
            "median": _quantile(tally.delays, 0.5),
            "p90": _quantile(tally.delays, 0.9),
            "median_s": _quantile(tally.delays_s, 0.5),
            "p90_s": _quantile(tally.delays_s, 0.9),
        },
        "attribute": {
            "cases": tally.culprits + tally.innocent,
            "with_culprit": tally.culprits,
            "without": tally.innocent,
            "none_right": _share(tally.none_right, tally.innocent),
        },
        "hr_at_1": _share(tally.first, tally.culprits),
        "hr_at_3": _share(tally.among_three, tally.culprits),
        "errors": tally.errors,
    }


def _share(part: int, whole: int) -> float | None:
    """None, not 0 or 1, where there was nothing to be right about."""
    return part / whole if whole else None


def _f1(precision: float | None, recall: float | None) -> float | None:
    if precision is None or recall is None or precision + recall == 0:
        return None
    return 2 * precision * recall / (precision + recall)


def _quantile(values: list[float], at: float) -> float | None:
    return float(np.quantile(values, at)) if values else None
