"""The invariants of growth: 2 and 10."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from tests.simulation.rows import PlacementRow, at
from tests.simulation.steps import NEAR, Step, phases

DONE = {"passed", "waived", "skipped"}


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
    """People freeze from now on: also when the clock is set back after that."""
    ends = at(freeze.ends_at)
    return ends is None or ends > now


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


def versions_one_by_one(step: Step) -> Iterator[str]:
    """10: two versions of one artefact are never under way together."""
    for new, old in phases(step):
        if (old.phase, new.phase) != ("pending", "running"):
            continue
        for other in step.after.rollouts.values():
            same = (other.artefact, other.environment) == (new.artefact, new.environment)
            if other.id == new.id or not same:
                continue
            stuck = other.phase == "rollback_failed" and step.known.specs[other.id]["reversible"]
            if stuck or other.phase in {"running", "watching", "rolling_back"}:
                yield f"started while another version is {other.phase}"


def units_are_disjoint(step: Step) -> Iterator[str]:
    """10: no unit is drawn that another change has, while there are others."""
    for key, new in step.after.placements.items():
        old = step.before.placements.get(key)
        if old is None or new.desired_units == old.desired_units:
            continue
        taken = set(_taken(step, new.rollout))
        drawn = set(new.desired_units) - set(old.desired_units)
        units = next(
            set(t["units"])
            for t in step.known.specs[new.rollout]["targets"]
            if t["service"] == new.service
        )
        free = units - taken - set(old.desired_units)
        if drawn & taken and len(free) >= len(drawn):
            yield f"{new.target} drew {sorted(drawn & taken)} though {len(free)} were free"


def _taken(step: Step, rollout: str) -> Iterator[str]:
    for other in step.before.placements.values():
        phase = step.before.rollouts[other.rollout].phase
        if other.rollout != rollout and phase in {"running", "rolling_back", "rollback_failed"}:
            yield from (*other.desired_units, *other.observed_units)
