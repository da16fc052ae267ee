"""What `classify.py` asks of Kubernetes manifests and IAM policies.

A case is answered when a signal carries the peer's name of the finding among its aliases. A fix
is a pair of the same manifests the other way round: it may not be rated above what it repairs.
"""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from controlplane.risk.classify import classify
from controlplane.risk.signals import rank

Case = dict[str, Any]


def lines_of(measured: dict[str, Any]) -> Iterator[str]:
    """Shares as they are, lists by their length and what is in them."""
    for name, found in measured.items():
        if isinstance(found, dict):
            share = "–" if found["recall"] is None else f"{found['recall']:.3f}"
            missed = f", missed: {', '.join(found['missed'])}" if found["missed"] else ""
            yield f"{name}: {share} of {found['cases']}{missed}"
        else:
            yield f"{name}: {len(found)}{': ' if found else ''}{', '.join(found)}"


def kubernetes(cases: list[Case]) -> dict[str, Any]:
    answers = {case["id"]: classify(_question(case)) for case in cases}
    broken = [case for case in cases if "finding" in case["expect"]]
    danger = [case for case in broken if _dangerous(case)]
    fixes = [case for case in cases if "not_finding" in case["expect"]]
    return {
        "danger": _share(_missed(danger, answers), danger),
        "danger_rated_too_low": [
            case["id"] for case in danger if _below(case, answers[case["id"]])
        ],
        "all": _share(_missed(broken, answers), broken),
        "unsafe_not_flagged": [c["id"] for c in broken if not _flagged(answers[c["id"]])],
        "fix_above_break": [c["id"] for c in fixes if _worse_than_its_break(c, answers)],
        "fix_above_bound": [c["id"] for c in fixes if _above(c, answers[c["id"]])],
        "fix_keeps_finding": [
            c["id"] for c in fixes if c["expect"]["not_finding"] in named(answers[c["id"]])
        ],
    }


def iam(cases: list[Case]) -> dict[str, Any]:
    """Findings named, and names given to policies in which the peer found nothing of the kind."""
    wanted = [(c, name) for c in cases for name in c["expect"]["findings"]]
    answers = {case["id"]: classify(_question(case)) for case in cases}
    missed = [f"{c['id']} {name}" for c, name in wanted if name not in named(answers[c["id"]])]
    return {
        "findings": _share(missed, wanted),
        "unasked": [
            f"{case['id']} {sorted(extra)}"
            for case in cases
            if (extra := named(answers[case["id"]]) - set(case["expect"]["findings"]))
        ],
        "clean_but_flagged": [
            case["id"]
            for case in cases
            if not case["expect"]["findings"] and _flagged(answers[case["id"]])
        ],
    }


def _question(case: Case) -> Case:
    return {key: value for key, value in case.items() if key not in ("expect", "origin")}


def _dangerous(case: Case) -> bool:
    return case["expect"].get("min_level") in ("high", "critical")


def named(answer: Case) -> set[str]:
    """The peers' names, without the peers."""
    aliases = [alias for one in answer["signals"] for alias in one.get("aliases", ())]
    return {alias.partition(":")[2] for alias in aliases}


def _missed(cases: Iterable[Case], answers: dict[str, Case]) -> list[str]:
    return [c["id"] for c in cases if c["expect"]["finding"] not in named(answers[c["id"]])]


def _flagged(answer: Case) -> bool:
    return any(rank(one["severity"]) >= rank("medium") for one in answer["signals"])


def _below(case: Case, answer: Case) -> bool:
    return rank(answer["level"]) < rank(case["expect"].get("min_level", "low"))


def _above(case: Case, answer: Case) -> bool:
    return rank(answer["level"]) > rank(case["expect"].get("max_level", "critical"))


def _worse_than_its_break(case: Case, answers: dict[str, Case]) -> bool:
    broken = answers.get(case["id"].removesuffix(":reversed"))
    return broken is not None and rank(answers[case["id"]]["level"]) > rank(broken["level"])


def _share(missed: list[str], of: list[Any]) -> dict[str, Any]:
    share = 1 - len(missed) / len(of) if of else None
    return {"cases": len(of), "recall": share, "missed": missed}
