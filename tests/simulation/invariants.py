"""The invariants of the design, each a function of the rows before and after one commit."""

import re
from collections.abc import Iterator
from datetime import datetime

from tests.simulation.growth import (
    never_beyond_the_stage,
    no_growth_under_a_hold,
    units_are_disjoint,
    versions_one_by_one,
)
from tests.simulation.rows import RolloutRow, at, inputs_of, new_in
from tests.simulation.steps import NEAR, Check, Step, ViolationError, automatic, phases, told

NUMBER = re.compile(r"#(\d+)")
# How people are told of a hold; of the others the page tells.
TOLD_AS = {"halted": "halted", "paused": "paused", "drift": "hold", "source_lost": "hold"}
TURNED = {"rolling_back", "rolled_back", "rollback_failed", "written_off"}


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
        said = step.known.said.get(int(number[1])) if number else None
        if said is None or said[:2] != (stage.rollout, "pass"):
            yield f"stage {stage.index} passed on {evidence['verdict']}: {evidence['reason']!r}"
            continue
        if evidence["source_lost"]:
            yield f"stage {stage.index} passed without a source"
        yield from _silenced(step, stage.rollout, said[2])


def _silenced(step: Step, rollout: str, asked_at: datetime) -> Iterator[str]:
    watched = step.known.specs[rollout]["guardrails"]
    for silence in step.before.silences:
        begin, end = at(silence.starts_at), at(silence.ends_at)
        if not begin <= asked_at < end:
            continue
        for service, guardrails in watched.items():
            names = {g["name"] for g in guardrails}
            if silence.service in {"", service} and silence.guardrail in names:
                yield f"passed while its guardrail {silence.guardrail} is silenced"


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


def confirmed_by_its_own_call(step: Step) -> Iterator[str]:
    """7: a generation is confirmed by whoever holds the token, on seeing its own effect."""
    for key, new in step.after.placements.items():
        old = step.before.placements.get(key)
        if old is None or new.taken_over:
            continue
        if (new.confirmed, new.observed_at) == (old.confirmed, old.observed_at):
            continue
        token = step.known.tokens.get(step.actor, {}).get(key)
        if token != new.token:
            yield f"{new.target}: {step.actor} writes with token {token}, not {new.token}"
        if new.confirmed == old.confirmed:
            continue
        seen = step.known.answered.get((step.actor, key), (-1.0, -1))
        if new.executor == "sim" and seen[1] != new.generation:
            yield f"{new.target}: generation {new.generation} confirmed on seeing {seen[1]}"


def frozen_at_its_start(step: Step) -> Iterator[str]:
    """9: plan and policy are those of the start, in the row and in every decision."""
    for key, new in step.after.rollouts.items():
        old = step.before.rollouts.get(key)
        if old is not None and old.spec_hash != new.spec_hash:
            yield "the plan was changed under way"
    for decision, inputs in automatic(step):
        snapshot, spec = inputs["snapshot"], step.known.specs[decision.rollout]
        keys = ("control_level", "reversible", "own_eyes", "on_inconclusive", "alpha_rollback")
        differ = [k for k in keys if snapshot[k] != spec[k]]
        bakes = [(s["min_s"], s["max_s"], s["min_samples"]) for s in snapshot["stages"]]
        if differ or bakes != [(s["min_s"], s["max_s"], s["min_samples"]) for s in spec["stages"]]:
            yield f"{decision.decision} was decided by another policy: {differ or bakes}"


def a_lost_source_decides_nothing(step: Step) -> Iterator[str]:
    """5: without a source nothing is promoted, halted or rolled back."""
    for decision, inputs in automatic(step):
        lost = inputs["evidence"]["source_lost"]
        if lost and decision.decision in {"promote", "watch", "complete", "halt", "rollback"}:
            yield f"{decision.decision} although the source is lost: {lost}"


def not_on_its_own_eyes(step: Step) -> Iterator[str]:
    """6: what Graygate sees with it neither promotes nor rolls back by itself."""
    for decision, _ in automatic(step):
        own = step.known.specs[decision.rollout]["own_eyes"]
        if own and decision.decision in {"promote", "watch", "rollback"}:
            yield f"{decision.decision} of a change of the monitoring"


def news_with_the_fact(step: Step) -> Iterator[str]:
    """4: what people have to know is in the outbox in the transaction that makes it true."""
    for new, _old in phases(step):
        kind = "answered" if step.action == "retry" else new.phase
        known = {"rolling_back", "rolled_back", "rollback_failed", "completed"}
        if new.phase in known and not told(step, new.change_id, kind):
            yield f"{new.phase}, and no message says so"
    for hold in new_in(step.before.holds, step.after.holds):
        kind = TOLD_AS.get(hold.kind)
        rollout = step.after.rollouts[hold.rollout]
        if not kind or told(step, rollout.change_id, kind):
            continue
        if not by_the_storm(step, rollout, kind):
            yield f"held as {hold.kind}, and no message says so"


def by_the_storm(step: Step, rollout: RolloutRow, kind: str) -> bool:
    """A halt of a storm is in the storm's alert, which was sent at its beginning."""
    storms = {storm.environment for storm in step.after.storms.values() if storm.open}
    told_by_it = kind == "halted" and rollout.environment in storms
    return told_by_it and told(step, rollout.change_id, "halted_together")


def a_storm_is_told_once(step: Step) -> Iterator[str]:
    """4: people learn of a common cause in the transaction that opens it, and only then."""
    opened = len(list(new_in(step.before.storms, step.after.storms)))
    messages = list(new_in(step.before.messages, step.after.messages))
    held = sum(message.type == "storm.held" for message in messages)
    if held != opened:
        yield f"{opened} storms opened, {held} messages say so"
    ended = [s for s in step.before.storms.values() if s.open and not step.after.storms[s.id].open]
    over = sum(message.type == "storm.over" for message in messages)
    if over != len(ended):
        yield f"{len(ended)} storms ended, {over} messages say so"


def decisions_are_kept(step: Step) -> Iterator[str]:
    """8: the ledger only grows, and each entry follows the one before it."""
    gone = set(step.before.decisions) - set(step.after.decisions)
    if gone:
        yield f"{len(gone)} entries are gone"
    for rollout, sequence in step.after.decisions:
        if sequence > 1 and (rollout, sequence - 1) not in step.after.decisions:
            yield f"entry {sequence - 1} is missing"


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
    a_lost_source_decides_nothing,
    not_on_its_own_eyes,
    versions_one_by_one,
    units_are_disjoint,
    news_with_the_fact,
    a_storm_is_told_once,
    decisions_are_kept,
)


def check(step: Step) -> None:
    for each in EACH_STEP:
        for problem in each(step):
            number = (each.__doc__ or "").split(":", maxsplit=1)[0]
            raise ViolationError(f"invariant {number} ({each.__name__}): {problem}")
