"""After the last fault: every rollout ends, or waits for a person who was told. PROPERTIES, not
steps: what has to be true at the end of a schedule.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rollout import recompute
from rollout.executors.base import Observed
from rollout.models import Rollout
from tests.simulation.rows import PlacementRow, RolloutRow, Rows, at
from tests.simulation.steps import NEAR, ViolationError

if TYPE_CHECKING:
    from tests.simulation.schedule import Schedule

UNDER_WAY = {"running", "watching", "rolling_back", "rollback_failed"}
FINAL = {"completed", "rolled_back", "written_off", "canceled"}
# So often a person ends it all; else it goes on unattended.
ABORTED = 0.6
UNDONE = 0.2
# Steps after which whoever has not come to an end never will: some take 600.
PATIENCE = 1500
# What a person answers, with the action that does.
ANSWERS = {
    "halted": ("promote", "retry", "abort"),
    **dict.fromkeys(("paused", "drift", "common_cause"), ("resume",)),
}
NEWS = {"halted": "rollout.halted", "paused": "rollout.paused", "drift": "rollout.hold"}
# These are in the storm's alert, which is another change's message.
BY_STORM = {"halted", "common_cause"}


class End:
    def __init__(self, schedule: "Schedule") -> None:
        self.s = schedule
        self.answered = 0
        self.may_regret = True

    def come(self, steps: int) -> None:
        """No faults any more; whoever waits for a person gets an answer."""
        self.answer("lift", next(iter(self.rows.rollouts)))
        if self.s.rng.random() < ABORTED:
            for rollout in list(self.rows.rollouts):
                self.answer("abort", rollout)
        until = self.s.steps + steps * 2 + PATIENCE
        while self.s.steps < until and (not self.at_its_end() or self.regret()):
            self.tidy()
            waiting = None if self.busy() else self.waiting()
            if waiting:
                self.see_to(*waiting)
            self.s.step(faults=False)
        for problem in self.problems():
            raise ViolationError(problem)

    def at_its_end(self) -> bool:
        return self.quiet() and self.reached()

    def regret(self) -> bool:
        """Now and then something that was completed is undone, and has to come to its end too."""
        completed = [r.id for r in self.rows.rollouts.values() if r.phase == "completed"]
        if not (completed and self.may_regret):
            return False
        self.may_regret = False
        if self.s.rng.random() >= UNDONE:
            return False
        self.answer("undo", completed[0])
        return True

    def see_to(self, rollout: RolloutRow, why: str, action: str) -> None:
        if not self.was_told(rollout, why):
            raise ViolationError(f"liveness: {self.s.label(rollout.id)} waits, {why}: no alert")
        self.answered += 1
        self.answer(action, rollout.id)

    def answer(self, action: str, rollout: str) -> None:
        person = self.s.troupe.actors["person"]
        while not person.idle:
            self.s.step(faults=False)
        self.s.person_acts(action, rollout)

    def busy(self) -> bool:
        return any(not a.idle for a in self.s.troupe.actors.values())

    def quiet(self) -> bool:
        return not (self.busy() or self.s.news_due() or self.untried())

    def untried(self) -> bool:
        """Due at a time of a clock that was set back since: nobody has tried to send it yet."""
        return any(
            not (d.attempts or d.delivered or d.gave_up) for d in self.rows.deliveries.values()
        )

    @property
    def rows(self) -> Rows:
        return self.s.rows

    def reached(self) -> bool:
        quiet = not self.s.production.on_their_way
        return quiet and all(self.at_rest(r) for r in self.rows.rollouts.values())

    def at_rest(self, rollout: RolloutRow) -> bool:
        if rollout.phase == "rolled_back":
            return all(
                p.taken_over or abs(p.observed - self.s.production.at(p.place).share) <= NEAR
                for p in self.rows.placements_of(rollout.id)
            )
        return rollout.phase in FINAL

    def tidy(self) -> None:
        """A target that shows somebody's version is free once an operator has made it the stable
        one; a rollout that waits for that says so.
        """
        for rollout in self.rows.rollouts.values():
            for placement in self.rows.placements_of(rollout.id):
                if rollout.phase == "pending" and not self.owner(placement):
                    shown = self.s.production.at(placement.place)
                    if shown.share > NEAR and placement.executor == "sim_shared":
                        self.s.note(f"person: {placement.target} is the stable version now")
                        self.s.production.set(placement.place, Observed(0.0))

    def owner(self, placement: PlacementRow) -> bool:
        return any(
            p.place == placement.place and self.rows.rollouts[p.rollout].phase in UNDER_WAY
            for p in self.rows.placements.values()
        )

    def waiting(self) -> tuple[RolloutRow, str, str] | None:
        """A rollout that only a person can move, why, and what the person does."""
        for rollout in self.rows.rollouts.values():
            if rollout.phase == "rollback_failed":
                again = self.s.specs[rollout.id]["reversible"] and self.s.rng.random() < 0.5
                return rollout, "rollback_failed", "retry" if again else "accept"
            for hold in sorted(self.rows.holds_of(rollout.id) & ANSWERS.keys()):
                if rollout.phase in {"pending", "running", "watching"}:
                    return rollout, hold, self.answer_to(rollout, hold)
            if self.needs_promote(rollout):
                return rollout, "", "promote"
        return None

    def answer_to(self, rollout: RolloutRow, hold: str) -> str:
        # Of a halted watch there is no stage to promote.
        choices = ANSWERS[hold]
        if hold == "halted" and (rollout.phase == "watching" or self.answered > 4):
            choices = ("abort",)
        return self.s.rng.choice(choices)

    def needs_promote(self, rollout: RolloutRow) -> bool:
        level = self.s.specs[rollout.id]["control_level"]
        baking = any(s.state == "baking" for s in self.rows.stages_of(rollout.id))
        return rollout.phase == "running" and baking and level == "L2"

    def was_told(self, rollout: RolloutRow, why: str) -> bool:
        wanted = NEWS.get(why, f"rollout.{why}")
        of = self.rows.messages.values()
        if not why or any(m.change_id == rollout.change_id and m.type == wanted for m in of):
            return True
        return why in BY_STORM and any(m.type == "storm.held" for m in of)

    def problems(self) -> Iterator[str]:
        for rollout in self.rows.rollouts.values():
            if not self.at_rest(rollout):
                holds = sorted(self.rows.holds_of(rollout.id))
                yield f"liveness: {self.s.label(rollout.id)} is {rollout.phase} {holds}, and stays"
            yield from self._left_behind(rollout)
        yield from self._undelivered()
        for rollout in Rollout.objects.all():
            for problem in recompute.problems(rollout):
                yield f"invariant 8: {self.s.label(str(rollout.pk))}: {problem}"

    def _left_behind(self, rollout: RolloutRow) -> Iterator[str]:
        if rollout.phase not in {"rolled_back", "canceled"}:
            return
        for placement in self.rows.placements_of(rollout.id):
            share = self.s.production.at(placement.place).share
            if share > NEAR and placement.executor != "sim_shared":
                yield f"invariant 4: {rollout.phase}, and {placement.target} is at {share:.0%}"

    def _undelivered(self) -> Iterator[str]:
        for message in self.rows.messages.values():
            delivery = self.rows.deliveries.get((message.id, "oncall"))
            told = delivery and (delivery.delivered or delivery.gave_up)
            # One that was refused comes again, hours later at last.
            later = delivery and delivery.attempts and at(delivery.due_at) > self.s.clock()
            if not told and not later:
                yield f"outbox: {message.type} was never delivered"
