"""One schedule: rollouts, workers, people and faults, all drawn from one seed."""

import hashlib
from collections import Counter
from contextlib import ExitStack
from datetime import timedelta
from random import Random

from attribution.models import Service
from controlplane.notify.deliver import drain
from controlplane.notify.dispatch import dispatch
from rollout import audit, services
from rollout.executors.base import Desired, ExecutorError, Key, Observed, executor
from rollout.reconcile import World, reconcile_due
from tests.simulation import rows
from tests.simulation.actors import Actor, DiedError, Troupe
from tests.simulation.clock import Clock, virtual
from tests.simulation.drawing import SERVICES, draw_spec
from tests.simulation.ending import End
from tests.simulation.faults import Faults
from tests.simulation.invariants import check
from tests.simulation.oncall import ENDPOINT, LINE
from tests.simulation.people import ACTIONS, REFUSALS, Person
from tests.simulation.source import Source
from tests.simulation.steps import Step, ViolationError
from tests.simulation.targets import STAGE, Production

WORKERS = ("worker A", "worker B")
CAST = (*WORKERS, "person", "clerk")
LEASE_S = 20.0
# How often an actor stops at a failpoint that it comes to.
STOPS = 0.6


class Schedule:
    """`favoured`: kinds of faults and acts of people that come often; none: as the seed has it."""

    def __init__(self, seed: int | str, troupe: Troupe, favoured: tuple[str, ...] = ()) -> None:
        self.seed, self.troupe, self.favoured = seed, troupe, favoured
        self.rng = Random(f"graygate/{seed}")
        self.clock = Clock()
        self.production = Production(self.clock)
        self.source = Source(self.rng)
        self.person = Person(self.rng, self.clock)
        self.faults = Faults(self)
        self.trace: list[str] = []
        self.steps = 0
        self.counted: Counter[str] = Counter()
        self.violation: ViolationError | None = None
        # What the invariants are told.
        self.said = self.source.said
        self.specs: dict[str, dict] = {}
        self.answered: dict[tuple[str, int], tuple[float, int]] = {}
        self.tokens: dict[str, dict[int, int]] = {name: {} for name in CAST}
        self.aborted: set[str] = set()
        self.asked: dict[str, Desired] = {}
        self.labels: dict[str, str] = {}
        self.world = World(executor, self.source.gather, self.clock, self.reach, LEASE_S)

    # --- the run -----------------------------------------------------------------------------

    def run(self, steps: int) -> None:
        with ExitStack() as stack:
            stack.enter_context(virtual(self.clock, Random(f"names/{self.seed}")))
            STAGE.apply, STAGE.observe = self.apply, self.observe
            LINE.send = self.faults.send
            self.troupe.committed = self.committed
            try:
                self.set_up()
                while self.steps < steps:
                    self.step(faults=True)
                self.faults.end()
                End(self).come(steps)
            except ViolationError as violation:
                self.note(f"VIOLATION {violation}")
                self.violation = violation
            finally:
                self.troupe.committed = lambda _actor: None
                self.troupe.clear()

    def set_up(self) -> None:
        rows.clear()
        for name in SERVICES:
            as_ever = {"team": "shop", "control_level": "L4", "counters": {}}
            Service.objects.update_or_create(name=name, defaults=as_ever)
        for n in range(self.rng.choice((2, 2, 3))):
            services.create(draw_spec(self.rng, n))
        self.rows = rows.read()
        self.learn()

    def step(self, *, faults: bool) -> None:
        self.steps += 1
        if faults and self.faults.strike():
            self.raise_violation()
            return
        busy = self.runnable()
        due = self.due()
        if busy and (self.rng.random() < 0.8 or not due):
            self.go_on(self.rng.choice(busy))
        elif not self.begin(due=due, faults=faults) and not busy and not due:
            self.wait()
        self.raise_violation()

    def raise_violation(self) -> None:
        if self.violation:
            raise self.violation

    def runnable(self) -> list[Actor]:
        return [
            a
            for a in self.troupe.actors.values()
            if not a.idle and not a.blocked and not self.faults.is_stalled(a)
        ]

    def go_on(self, actor: Actor) -> None:
        point = actor.at
        if self.rng.random() < 0.15:
            actor.stop_in = self.rng.randrange(25)
        self.troupe.step(actor)
        self.note(f"{actor.name}: {actor.what}, {point} → {actor.at}{self._error(actor)}")
        self.counted[f"point {actor.at}"] += 1

    def _error(self, actor: Actor) -> str:
        error, actor.error = actor.error, None
        return f" ({type(error).__name__}: {str(error)[:90]})".replace("\n", " ") if error else ""

    def due(self) -> bool:
        now = self.clock()
        return any(
            rows.at(p.due_at) <= now and self.free(p)
            for p in self.rows.placements.values()
            if p.due_at
        )

    def news_due(self) -> bool:
        now = self.clock()
        return any(not m.dispatched for m in self.rows.messages.values()) or any(
            not (d.delivered or d.gave_up) and rows.at(d.due_at) <= now
            for d in self.rows.deliveries.values()
        )

    def free(self, p: rows.PlacementRow) -> bool:
        return p.lease_until is None or rows.at(p.lease_until) < self.clock()

    def begin(self, *, due: bool, faults: bool) -> bool:
        """A bell is answered, a person acts, or the clerk does the rounds."""
        draw = self.rng.random()
        actors = self.troupe.actors
        if draw < 0.12 and faults and actors["person"].idle:
            acts = [act for act in ACTIONS if act in self.favoured] * 8
            return self.person_acts(self.rng.choice([*ACTIONS, *acts]))
        if draw < (0.14 if faults else 0.01) and actors["clerk"].idle:
            self.start(actors["clerk"], "audit", audit.audit)
            return True
        if draw < 0.3 and actors["clerk"].idle and self.news_due():
            self.start(actors["clerk"], "notify", notify)
            return True
        idle = [actors[name] for name in WORKERS if actors[name].idle]
        if not due or not idle:
            return False
        for actor in self.faults.bells(idle):
            self.start(actor, "loop", lambda: reconcile_due(self.world, limit=4))
        return True

    def person_acts(self, action: str, rollout: str = "") -> bool:
        rollout = rollout or self.rng.choice(list(self.rows.rollouts))
        stages = [s.index for s in self.rows.stages_of(rollout) if s.state in CURRENT]
        act = self.person.act(action, rollout, stages[0] if stages else 0)
        self.start(self.troupe.actors["person"], action, lambda: self.politely(act))
        self.note(f"person: {action} {self.label(rollout)}")
        return True

    def politely(self, act) -> None:
        action = self.troupe.me.what
        try:
            act()
            self.counted[f"person {action}"] += 1
        except REFUSALS:
            self.counted[f"refused {action}"] += 1

    def start(self, actor: Actor, what: str, job) -> None:
        self.faults.hit.discard(actor.name)
        self.troupe.begin(actor, what, job)

    def wait(self) -> None:
        """Nobody has anything to do: on to the next moment at which somebody has."""
        now = self.clock()
        moments = [m for p in self.rows.placements.values() if (m := self.next_look(p))]
        moments += [call.lands_at for call in self.production.on_their_way]
        moments += self.faults.moments()
        moments += [rows.at(d.due_at) for d in self.rows.deliveries.values() if not d.delivered]
        moments += [rows.at(d.lease_until) for d in self.rows.deliveries.values() if d.lease_until]
        later = [m for m in moments if m > now]
        nearest = min(later, default=now + timedelta(seconds=5))
        self.clock.turn(min((nearest - now).total_seconds() + 0.001, 30.0))
        self.note("time passes")
        self.land_due()

    def next_look(self, p: rows.PlacementRow):
        due, lease = rows.at(p.due_at), rows.at(p.lease_until)
        return max(due, lease) if due and lease else due

    def land_due(self) -> None:
        for call in self.production.due_calls():
            self.production.on_their_way.remove(call)
            try:
                self.production.land(call.executor, call.key, call.desired)
                self.note(
                    f"late call lands: {self.label(call.key.rollout)} {call.desired.share:.0%}"
                )
                self.counted["fault late_call_landed"] += 1
            except ExecutorError:
                self.note("late call refused")

    # --- what the product calls --------------------------------------------------------------

    def reach(self, point: str) -> None:
        """A point that is passed without a stop leaves more steps for what comes after it."""
        if self.rng.random() < STOPS:
            self.troupe.me.park(point)

    def apply(self, name: str, desired: Desired, key: Key) -> None:
        self.check_call(desired, key)
        self.faults.call(name, desired, key)

    def check_call(self, desired: Desired, key: Key) -> None:
        placement = self.placement(key)
        if placement is None or key.generation > placement.generation:
            self.violate(f"invariant 7: {key.target} is called before the intent {key} committed")
        first = self.asked.setdefault(str((key.rollout, key.target, key.generation)), desired)
        if first != desired:
            self.violate(f"invariant 7: one key, two effects: {key.target} {first} and {desired}")
        if key.generation == placement.generation and abs(placement.desired - desired.share) > 1e-6:
            self.violate(f"invariant 7: {key.target} is sent {desired.share}, intended is another")

    def placement(self, key: Key) -> rows.PlacementRow | None:
        of = self.rows.placements.values()
        return next((p for p in of if (p.rollout, p.target) == (key.rollout, key.target)), None)

    def observe(self, name: str, key: Key) -> Observed:
        seen = self.faults.look(name, key)
        placement = self.placement(key)
        if placement:
            self.answered[self.troupe.me.name, placement.id] = (seen.share, seen.generation)
        return seen

    def committed(self, actor: Actor) -> None:
        before, after = self.rows, rows.read()
        self.rows = after
        self.learn()
        for key, p in after.placements.items():
            if key in before.placements and p.token > before.placements[key].token:
                self.tokens[actor.name][key] = p.token
        try:
            check(Step(before, after, actor.name, actor.what, self.clock(), self))
        except ViolationError as violation:
            self.violate(str(violation))
        self.note_decisions(before, after, actor)

    def violate(self, text: str) -> None:
        self.violation = self.violation or ViolationError(text)
        raise DiedError(text)

    def learn(self) -> None:
        for key, rollout in self.rows.rollouts.items():
            if key not in self.specs:
                self.specs[key] = rows.spec_of(key)
                self.labels[key] = f"rollout {len(self.labels) + 1}"
                self.source.moods[key] = self.rng.choice(("good", "good", "good", "bad", "unclear"))
                del rollout

    # --- the trace ---------------------------------------------------------------------------

    def label(self, rollout: str) -> str:
        return self.labels.get(rollout, "a new rollout")

    def note(self, text: str) -> None:
        self.trace.append(f"{self.steps:4} {self.clock.shown:>9} {text}")

    def note_decisions(self, before: rows.Rows, after: rows.Rows, actor: Actor) -> None:
        for d in rows.new_in(before.decisions, after.decisions):
            phase = after.rollouts[d.rollout].phase
            self.note(f"  {actor.name} decided {d.decision} of {self.label(d.rollout)}: {phase}")
            self.counted[f"decision {d.decision}"] += 1

    @property
    def trace_hash(self) -> str:
        return hashlib.sha256("\n".join(self.trace).encode()).hexdigest()


def notify() -> None:
    """As the bell for deliveries does, without its threads."""
    dispatch()
    drain(ENDPOINT["name"])


CURRENT = {"pre_check", "applying", "baking", "failed"}
