"""The invariants of the design, each a function of the rows before and after one commit.

`what` tells whose step it was and what production and the source really said.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from tests.simulation.rows import PlacementRow, Rows, at, inputs_of, new_in

NEAR = 1e-6
NUMBER = re.compile(r"#(\d+)")
DONE = {"passed", "waived", "skipped"}
TURNED = {"rolling_back", "rolled_back", "rollback_failed", "written_off"}


class ViolationError(AssertionError):
    pass


class Known(Protocol):
    """What only the schedule knows."""

    said: dict[int, tuple[str, str]]
    specs: dict[str, Any]
    # Share and generation that the executor last answered an actor for a placement.
    answered: dict[tuple[str, int], tuple[float, int]]
    # Of each actor: the token it holds of a placement.
    tokens: dict[str, dict[int, int]]
    aborted: set[str]


@dataclass
class Step:
    before: Rows
    after: Rows
    actor: str
    action: str
    now: datetime
    known: Known


Check = Callable[[Step], Iterator[str]]


def passed_only_on_a_pass(step: Step) -> Iterator[str]:
    """1: nothing but a verdict `pass` that was really given leads to `passed`."""
    for key, stage in step.after.stages.items():
        old = step.before.stages.get(key)
        if stage.state != "passed" or old is None or old.state == "passed":
            continue
        found = [
            d
            for d in new_in(step.before.decisions, step.after.decisions)
            if d.rollout == stage.rollout and d.decision in {"promote", "watch"}
        ]
        if not found or found[0].actor != "graygate":
            yield f"stage {stage.index} passed without a decision of the loop"
            continue
        evidence = inputs_of(found[0].rollout, found[0].sequence)["evidence"]
        number = NUMBER.search(evidence["reason"])
        if number is None or step.known.said.get(int(number[1])) != (stage.rollout, "pass"):
            yield f"stage {stage.index} passed on {evidence['verdict']}: {evidence['reason']!r}"
        if evidence["source_lost"]:
            yield f"stage {stage.index} passed without a source"
        yield from _silenced(step, stage.rollout)


def _silenced(step: Step, rollout: str) -> Iterator[str]:
    watched = step.known.specs[rollout]["guardrails"]
    for silence in step.before.silences:
        begin, end = at(silence.starts_at), at(silence.ends_at)
        if not begin <= step.now < end:
            continue
        for service, guardrails in watched.items():
            names = {g["name"] for g in guardrails}
            if silence.service in {"", service} and silence.guardrail in names:
                yield f"passed while its guardrail {silence.guardrail} is silenced"


def never_beyond_the_stage(step: Step) -> Iterator[str]:
    """2: desired exposure stays within the stage after the last passed or waived one."""
    for new, _ in grown(step):
        stages = step.after.stages_of(new.rollout)
        allowed = 0.0
        for stage in stages:
            allowed = stage.share
            if stage.state not in DONE:
                break
        units = len(step.known.specs[new.rollout]["targets"][0]["units"])
        allowed = max(allowed, 1 / units if units else 0.0)
        if new.desired > allowed + NEAR:
            yield f"{new.target} desired at {new.desired:.0%}, allowed are {allowed:.0%}"


def no_growth_under_a_hold(step: Step) -> Iterator[str]:
    """2: no intent to grow commits under a hold, a freeze, or in another phase than running."""
    for new, old in grown(step):
        rollout = step.before.rollouts[new.rollout]
        holds = step.before.holds_of(new.rollout) & step.after.holds_of(new.rollout)
        if holds:
            yield f"{new.target} grew from {old.desired:.0%} to {new.desired:.0%} under {holds}"
        if step.after.rollouts[new.rollout].phase != "running":
            yield f"{new.target} grew while {rollout.phase}"
        for freeze in step.before.freezes.values():
            if in_force(freeze, step.now) and covers(freeze, step.known.specs[new.rollout]):
                yield f"{new.target} grew from {old.desired:.0%} under freeze {freeze.name}"


def in_force(freeze: Any, now: datetime) -> bool:
    ends = at(freeze.ends_at)
    return at(freeze.starts_at) <= now and (ends is None or ends > now)


def covers(freeze: Any, spec: Any) -> bool:
    facts = {
        "service": {t["service"] for t in spec["targets"]},
        "team": {spec["team"]},
        "environment": {spec["environment"]},
        "kind": {spec["kind"]},
    }
    return all(value in facts[key] for key, value in freeze.scope.items())


def grown(step: Step) -> Iterator[tuple[PlacementRow, PlacementRow]]:
    for key, new in step.after.placements.items():
        old = step.before.placements.get(key)
        if old is not None and new.desired > old.desired + NEAR:
            yield new, old


def pause_stays(step: Step) -> Iterator[str]:
    """3: a person's pause ends by a person's resume, or with the rollout."""
    for key, hold in step.before.holds.items():
        now = step.after.holds[key]
        if hold.kind != "paused" or not hold.open or now.open:
            continue
        ended = step.after.rollouts[hold.rollout].phase in {
            *("completed", "rolled_back", "written_off", "canceled"),
        }
        if step.action != "resume" and not ended:
            yield f"a pause by {hold.actor} was ended by {step.actor}: {step.action}"


def abort_wins(step: Step) -> Iterator[str]:
    """3: from the commit of an abort on exposure is on its way to zero, for good."""
    for decision in new_in(step.before.decisions, step.after.decisions):
        if decision.decision == "abort":
            step.known.aborted.add(decision.rollout)
    for rollout in step.known.aborted:
        phase = step.after.rollouts[rollout].phase
        if phase not in TURNED:
            yield f"aborted, and now {phase}"
        for placement in step.after.placements_of(rollout):
            if placement.desired > NEAR and not placement.taken_over:
                yield f"aborted, and {placement.target} is desired at {placement.desired:.0%}"


def rolled_back_is_zero(step: Step) -> Iterator[str]:
    """4: rolled back means that zero was seen on every placement; what fails pages."""
    for new, old in phases(step):
        if new.phase == "rollback_failed" and not told(step, new.change_id, "rollback_failed"):
            yield "the rollback failed and nobody is told"
        if new.phase != "rolled_back" or old.phase not in {"rolling_back", "rollback_failed"}:
            continue
        for placement in step.after.placements_of(new.id):
            if placement.taken_over:
                continue
            if placement.observed > NEAR:
                yield f"rolled back, and {placement.target} shows {placement.observed:.0%}"
            if placement.confirmed != placement.generation:
                yield f"rolled back, and {placement.target} is not confirmed"
            if placement.calls_until and at(placement.calls_until) > step.now:
                yield f"rolled back, and a call to {placement.target} may still be alive"


def observed_is_what_was_seen(step: Step) -> Iterator[str]:
    """4, 7: the rows show what the executor answered, never what was hoped for."""
    for key, new in step.after.placements.items():
        old = step.before.placements.get(key)
        if old is None or (new.observed, new.observed_at) == (old.observed, old.observed_at):
            continue
        seen = step.known.answered.get((step.actor, key))
        if seen is None or abs(seen[0] - new.observed) > NEAR:
            yield f"{new.target} is written down at {new.observed:.0%}; answered was {seen}"


def phases(step: Step) -> Iterator[tuple[Any, Any]]:
    for key, new in step.after.rollouts.items():
        old = step.before.rollouts.get(key)
        if old is not None and old.phase != new.phase:
            yield new, old


def told(step: Step, change: str, kind: str) -> bool:
    return any(
        m.change_id == change and m.type == f"rollout.{kind}"
        for m in new_in(step.before.messages, step.after.messages)
    )


def confirmed_by_its_own_call(step: Step) -> Iterator[str]:
    """7: a generation is confirmed by whoever holds the token, on seeing its own effect."""
    for key, new in step.after.placements.items():
        old = step.before.placements.get(key)
        if old is None or new.confirmed == old.confirmed or new.taken_over:
            continue
        token = step.known.tokens.get(step.actor, {}).get(key)
        if token != new.token:
            yield f"{new.target}: {step.actor} confirmed with token {token}, not {new.token}"
        seen = step.known.answered.get((step.actor, key), (-1.0, -1))
        if new.executor == "sim" and seen[1] != new.generation:
            yield f"{new.target}: generation {new.generation} confirmed on seeing {seen[1]}"


def frozen_at_its_start(step: Step) -> Iterator[str]:
    """9: plan and policy are those of the start, in the row and in every decision."""
    for key, new in step.after.rollouts.items():
        old = step.before.rollouts.get(key)
        if old is not None and old.spec_hash != new.spec_hash:
            yield "the plan was changed under way"
    for decision in new_in(step.before.decisions, step.after.decisions):
        if decision.actor != "graygate":
            continue
        snapshot = inputs_of(decision.rollout, decision.sequence).get("snapshot")
        spec = step.known.specs.get(decision.rollout)
        if snapshot is None or spec is None:
            continue
        keys = ("control_level", "reversible", "own_eyes", "on_inconclusive", "alpha_rollback")
        differ = [k for k in keys if snapshot[k] != spec[k]]
        bakes = [(s["min_s"], s["max_s"], s["min_samples"]) for s in snapshot["stages"]]
        if differ or bakes != [(s["min_s"], s["max_s"], s["min_samples"]) for s in spec["stages"]]:
            yield f"{decision.decision} was decided by another policy: {differ or bakes}"


EACH_STEP: tuple[Check, ...] = (
    passed_only_on_a_pass,
    never_beyond_the_stage,
    no_growth_under_a_hold,
    pause_stays,
    abort_wins,
    rolled_back_is_zero,
    observed_is_what_was_seen,
    confirmed_by_its_own_call,
    frozen_at_its_start,
)


def check(step: Step) -> None:
    for each in EACH_STEP:
        for problem in each(step):
            number = (each.__doc__ or "").split(":", maxsplit=1)[0]
            raise ViolationError(f"invariant {number} ({each.__name__}): {problem}")
