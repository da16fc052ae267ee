"""Every automatic decision again, from its recorded inputs (invariant 8)."""

from collections.abc import Iterator
from math import isclose

from rollout import ledger
from rollout.decide import decide
from rollout.judging import judge_rollout
from rollout.models import Decision, Rollout
from rollout.snapshot import Evidence, Snapshot
from rollout.standing import Line, standing


def problems(rollout: Rollout) -> list[str]:
    return [*ledger.verify(rollout), *_differing(rollout)]


def _differing(rollout: Rollout) -> Iterator[str]:
    for entry in rollout.decisions.all():
        if "snapshot" not in entry.inputs:
            continue
        if not same_decision(entry):
            yield f"entry {entry.sequence}: {entry.decision} is not what its inputs give"
        if not same_verdict(entry):
            yield f"entry {entry.sequence}: the judge's case gives another verdict"
        if not same_standing(entry):
            yield f"entry {entry.sequence}: the suspects give it another probability"


def same_decision(entry: Decision) -> bool:
    again = decide(
        Snapshot.from_json(entry.inputs["snapshot"]),
        Evidence.from_json(entry.inputs["evidence"]),
        entry.inputs["now"],
    )
    return (again.do, list(again.reasons)) == (entry.decision, entry.reasons)


def same_verdict(entry: Decision) -> bool:
    case, evidence = entry.inputs["case"], entry.inputs["evidence"]
    if case is None:
        return True
    again = judge_rollout(case)
    return again["verdict"] == evidence["verdict"] and isclose(
        again["log_e_max"], evidence["log_e_max"], rel_tol=1e-9, abs_tol=1e-9
    )


def same_standing(entry: Decision) -> bool:
    line, evidence = entry.inputs.get("line"), entry.inputs["evidence"]
    if line is None:
        return True
    again = standing(Line.from_json(line), str(entry.change_id))
    told = (evidence["probability"], evidence["next_probability"])
    return again is not None and all(
        isclose(mine, theirs, rel_tol=1e-9, abs_tol=1e-9)
        for mine, theirs in zip((again.probability, again.next_probability), told, strict=True)
    )
