"""Every automatic decision again, from its recorded inputs (invariant 8), and who gave the others.

A difference is a field of the decision, and what is recorded of it beside what comes out now.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isclose
from typing import Any

from rollout import ledger
from rollout.code_version import code_version
from rollout.decide import decide
from rollout.judging import judge_rollout
from rollout.models import Decision, Rollout
from rollout.snapshot import Evidence, Snapshot
from rollout.standing import Line, standing


@dataclass(frozen=True)
class Difference:
    field: str
    recorded: Any
    again: Any

    def __str__(self) -> str:
        return f"{self.field}: recorded {self.recorded!r}, comes out {self.again!r}"


@dataclass(frozen=True)
class Explanation:
    """same None: nobody computed it, a person ordered it (or a rollout began)."""

    text: str
    same: bool | None
    differences: tuple[Difference, ...] = ()
    # What is wrong with the row itself.
    altered: tuple[str, ...] = ()


def explain(entry: Decision) -> Explanation:
    altered = () if entry.hash == ledger.entry_hash(entry) else ("the entry itself was altered",)
    said = f"{entry.decision} at {entry.at:%Y-%m-%d %H:%M:%S} UTC"
    why = "; ".join(map(str, entry.reasons))
    if "snapshot" not in entry.inputs:
        whose = "was written by" if entry.actor == ledger.SYSTEM else "was ordered by"
        text = f"{said} {whose} {entry.actor}: {why or 'no reason was given'}"
        return Explanation(text, None, altered=altered)
    found = tuple(differences(entry))
    end = "" if not found else _other_code(entry)
    return Explanation(f"{said}, by itself: {why}{end}", not found, found, altered)


def _other_code(entry: Decision) -> str:
    then = entry.inputs.get("code")
    if then == code_version():
        return ". The code is the same as then"
    return f". The code was {then or 'not recorded'} then and is {code_version()} now"


def problems(rollout: Rollout) -> list[str]:
    return [*ledger.verify(rollout), *_differing(rollout)]


def _differing(rollout: Rollout) -> Iterator[str]:
    for entry in rollout.decisions.all():
        for found in differences(entry):
            yield f"entry {entry.sequence}: {found}"


def differences(entry: Decision) -> Iterator[Difference]:
    """Of a person's order: none."""
    if "snapshot" not in entry.inputs:
        return
    try:
        yield from _of_decision(entry)
        yield from _of_verdict(entry)
        yield from _of_standing(entry)
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        yield Difference("inputs", "inputs", f"{type(error).__name__}: {error}"[:300])


def _of_decision(entry: Decision) -> Iterator[Difference]:
    again = decide(
        Snapshot.from_json(entry.inputs["snapshot"]),
        Evidence.from_json(entry.inputs["evidence"]),
        entry.inputs["now"],
    )
    noted = entry.inputs.get("decision", {})
    yield from _unequal("decision", entry.decision, again.do)
    yield from _unequal("reasons", entry.reasons, list(again.reasons))
    yield from _unequal("event", noted.get("event", ""), again.event)
    yield from _unequal("hold", noted.get("hold", ""), again.hold)
    if entry.inputs["now"] != entry.at.timestamp():
        yield Difference("at", entry.at.timestamp(), entry.inputs["now"])


def _of_verdict(entry: Decision) -> Iterator[Difference]:
    case, evidence = entry.inputs["case"], entry.inputs["evidence"]
    if case is None:
        return
    again = judge_rollout(case)
    yield from _unequal("verdict", evidence["verdict"], again["verdict"])
    yield from _apart("log_e_max", evidence["log_e_max"], again["log_e_max"])


def _of_standing(entry: Decision) -> Iterator[Difference]:
    line, evidence = entry.inputs.get("line"), entry.inputs["evidence"]
    if line is None:
        return
    again = standing(Line.from_json(line), str(entry.change_id))
    if again is None:
        yield Difference("probability", evidence["probability"], None)
        return
    yield from _apart("probability", evidence["probability"], again.probability)
    yield from _apart("next_probability", evidence["next_probability"], again.next_probability)


def _unequal(field: str, recorded: Any, again: Any) -> Iterator[Difference]:
    if recorded != again:
        yield Difference(field, recorded, str(again) if isinstance(again, str) else again)


def _apart(field: str, recorded: float, again: float) -> Iterator[Difference]:
    if not isclose(recorded, again, rel_tol=1e-9, abs_tol=1e-9):
        yield Difference(field, recorded, again)


def same_standing(entry: Decision) -> bool:
    return not list(_of_standing(entry))
