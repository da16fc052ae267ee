"""One schedule: people release and order, faults strike, then it is calm until all has ended."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from django.db import connection

from rollout.models import Rollout
from tests.chaos import rows
from tests.chaos.faults import Struck, strike
from tests.chaos.findings import Findings
from tests.chaos.people import NoAnswerError, Reply, insist, release, wish
from tests.chaos.plan import BAD, PAUSE, Actor, Plan, Strike
from tests.chaos.production import HALT_PATIENCE_S, Production

PATIENCE_S = 180.0
LOOK_EVERY_S = 0.3
FINAL = frozenset({"completed", "rolled_back", "written_off", "canceled"})
# What only a person ends, what the person does, and what tells the person.
WAITS = {
    "halted": ("abort", ("rollout.halted", "rollout.halted_together")),
    "paused": ("resume", ("rollout.paused",)),
    "drift": ("resume", ("rollout.hold",)),
    "unknown_outcome": ("abort", ("rollout.hold",)),
    "common_cause": ("resume", ("rollout.held_together",)),
}
# A halt becomes a rollback by itself when its evidence stands: the person waits for that.
LONG_ENOUGH_S = {"halted": HALT_PATIENCE_S + 4}


@dataclass
class Part:
    """An actor and what became of it."""

    actor: Actor
    title: str
    reply: Reply | None = None
    answered: set[str] = field(default_factory=set)
    phase: str = ""


@dataclass
class Schedule:
    plan: Plan
    production: Production
    findings: Findings
    began: float = 0.0
    struck: list[Struck] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    wishes: list[str] = field(default_factory=list)
    threads: list[threading.Thread] = field(default_factory=list)
    ended: float = 0.0

    def play(self) -> None:
        self.began = time.time()
        for actor in self.plan.actors:
            self.production.make_bad(actor.service, 1.0 if actor.fate == BAD else 0.0)
            self.parts.append(Part(actor, f"{actor.service} in schedule {self.plan.seed}"))
        faults = [self._later(each.at, self._strike, each) for each in self.plan.strikes]
        acts = [self._later(part.actor.at, self._release, part) for part in self.parts]
        for n, at in enumerate(self.plan.clients):
            self._later(at, self._wish, f"wish {n} in schedule {self.plan.seed}")
        for thread in (*faults, *acts):
            thread.join()
        self.settle()
        self.ended = time.time()

    def _later(self, at: float, act: Callable[..., object], *arguments: object) -> threading.Thread:
        def wait() -> None:
            time.sleep(max(0.0, self.began + at - time.time()))
            try:
                act(*arguments)
            except Exception as error:  # noqa: BLE001 - whatever it is: the schedule has not been played
                text = f"{type(error).__name__}: {error}"
                self.findings.look("played", self.plan.seed, text)
            finally:
                connection.close()

        thread = threading.Thread(target=wait, daemon=True)
        self.threads.append(thread)
        thread.start()
        return thread

    def _strike(self, what: Strike) -> None:
        title = f"wish of the web in schedule {self.plan.seed}"
        request = partial(self._later, 0.0, self._wish, title)
        self.struck.append(strike(self.production, what, request))

    def _wish(self, title: str) -> None:
        """Answered perhaps after the schedule: whoever asks goes on asking."""
        self.wishes.append(title)
        body = wish(self.parts[0].actor.service, title, self.plan)
        reply = insist(self.production, "changes", body, "submitter", key=title)
        right = reply.status == 201
        problem = "" if right else f"{title} was answered {reply.status}: {reply.body}"
        if self.findings.look("answered", self.plan.seed, problem):
            # Else each of them would be looked at every second, to the end of the run.
            path = f"changes/{reply.body['change']}/cancel"
            insist(self.production, path, {"reason": "it has been seen"}, "operator")

    def _release(self, part: Part) -> None:
        body = release(part.actor.service, part.title, self.plan)
        part.reply = insist(self.production, "changes", body, "submitter", key=part.title)
        right = part.reply.status == 201
        problem = "" if right else f"{part.title} was answered {part.reply.status}"
        if self.findings.look("answered", self.plan.seed, problem) and part.actor.order:
            self._order(part)

    def _order(self, part: Part) -> None:
        """One that comes too late is refused, which is an answer."""
        until = time.monotonic() + PATIENCE_S
        while (rollout := rows.rollout_of(part.title)) is None:
            if time.monotonic() > until:
                raise NoAnswerError(f"no rollout of {part.title}")
            time.sleep(LOOK_EVERY_S)
        time.sleep(part.actor.order_after)
        reply = self._say(rollout, part.actor.order)
        if part.actor.order == PAUSE and reply.status == 200:
            self.findings.counted["paused by a person"] += 1

    def _say(self, rollout: Rollout, order: str) -> Reply:
        path, body = f"rollouts/{rollout.pk}/{order}", {"reason": f"schedule {self.plan.seed}"}
        return insist(self.production, path, body, "operator")

    # --- when nothing strikes any more -----------------------------------------------------

    def settle(self) -> None:
        until = time.monotonic() + PATIENCE_S
        while not all(self._at_rest(part) for part in self.parts):
            if time.monotonic() > until:
                break
            time.sleep(LOOK_EVERY_S)
        for part in self.parts:
            over = part.phase in FINAL
            problem = "" if over else f"{part.title} is {self._where(part)}, and stays so"
            self.findings.look("ended", self.plan.seed, problem)

    def _at_rest(self, part: Part) -> bool:
        rollout = rows.rollout_of(part.title)
        if rollout is None:
            return False
        part.phase = rollout.phase
        if rollout.phase not in FINAL:
            self._answer(part, rollout)
        return rollout.phase in FINAL

    def _where(self, part: Part) -> str:
        rollout = rows.rollout_of(part.title)
        if rollout is None:
            change = rows.change_of(part.title)
            return f"without a rollout (change {change and change.state})"
        holds = ", ".join(kind for kind, _ in rows.open_holds(rollout))
        last = rows.entries_of(rollout)[-1].decision
        return f"{rollout.phase} on hold ({holds}) after {last}"

    def _answer(self, part: Part, rollout: Rollout) -> None:
        """It waits for a person: who was told, and answers."""
        if rollout.phase == "rollback_failed":
            self._as_told(part, rollout, "rollback_failed", "retry", ("rollout.rollback_failed",))
        if rollout.phase == "rolling_back":
            # On its way, whatever held it: its holds end with it.
            return
        for kind, stands_s in rows.open_holds(rollout):
            if kind in WAITS and stands_s > LONG_ENOUGH_S.get(kind, 0.0):
                order, types = WAITS[kind]
                self._as_told(part, rollout, kind, order, types)
                return

    def _as_told(
        self, part: Part, rollout: Rollout, why: str, order: str, types: tuple[str, ...]
    ) -> None:
        problem = (
            "" if rows.told(rollout, *types) else f"{part.title} waits, {why}: nobody was told"
        )
        self.findings.look("told", self.plan.seed, problem)
        self.findings.counted[f"a person answered {why}"] += 1
        part.answered.add(why)
        self._say(rollout, order)
