"""Faults, drawn from the seed. Each schedule has its own few kinds, so that all meet in time."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from controlplane.notify.base import Sent
from rollout.executors.base import Desired, ExecutorError, Key, Observed
from tests.simulation.actors import Actor, DiedError
from tests.simulation.source import STATES
from tests.simulation.targets import Call, place_of

if TYPE_CHECKING:
    from tests.simulation.schedule import Schedule

STRIKES = (
    "worker_dies",
    "worker_stalls",
    "connection_dropped",
    "source_changes",
    "mood_changes",
    "clock_forward",
    "clock_back",
    "set_by_hand",
)
CALLS = (
    "call_fails",
    "call_raises",
    "call_times_out_after_its_effect",
    "call_lands_late",
    "call_is_slow",
    "call_dies_on_the_way",
)
LOOKS = ("stale_exposure", "look_fails", "look_answers_nonsense")
BELLS = ("bell_lost", "bell_doubled")
MESSAGES = ("message_refused", "message_taken_but_answer_lost")
KINDS = (*STRIKES, *CALLS, *LOOKS, *BELLS, *MESSAGES)
RATE = 0.07


class Faults:
    def __init__(self, schedule: "Schedule") -> None:
        self.s = schedule
        rng = schedule.rng
        favoured = {kind for kind in KINDS if kind in schedule.favoured}
        self.active = favoured or set(rng.sample(KINDS, rng.randint(4, 9)))
        self.stalled: dict[str, datetime] = {}
        self.over = False
        # Messages that were sent and answered, by whom; those that may be sent again.
        self.sent: dict[str, str] = {}
        self.excused: set[str] = set()
        self.hit: set[str] = set()

    def draws(self, kind: str, rate: float) -> bool:
        often = 3 if kind in self.s.favoured else 1
        return (
            not self.over and kind in self.active and self.s.rng.random() < min(rate * often, 0.5)
        )

    def count(self, kind: str, text: str = "") -> None:
        self.s.counted[f"fault {kind}"] += 1
        self.s.note(f"FAULT {kind} {text}")

    def end(self) -> None:
        self.over = True
        self.stalled.clear()
        self.s.source.state = "up"

    # --- between steps -----------------------------------------------------------------------

    def strike(self) -> bool:
        for kind in STRIKES:
            if self.draws(kind, RATE / 2):
                return getattr(self, kind)()
        return False

    def victim(self) -> Actor | None:
        """Workers and clerk: people do not die."""
        busy = [a for a in self.s.runnable() if a.name != "person" and a.at != "begin"]
        return self.s.rng.choice(busy) if busy else None

    def worker_dies(self) -> bool:
        actor = self.victim()
        if actor is None:
            return False
        self.count("worker_dies", f"{actor.name} at {actor.at}")
        self.excuse(actor)
        actor.dies = True
        self.s.troupe.step(actor)
        return True

    def worker_stalls(self) -> bool:
        actor = self.victim()
        if actor is None:
            return False
        # The server ends a transaction that stands still for a minute (celery.py).
        longest = 3 if actor.at == "in_transaction" else 4
        seconds = self.s.rng.choice((3, 15, 30, 90)[:longest])
        self.excuse(actor)
        self.stalled[actor.name] = self.s.clock() + timedelta(seconds=seconds)
        self.count("worker_stalls", f"{actor.name} at {actor.at} for {seconds} s")
        return True

    def excuse(self, actor: Actor) -> None:
        """From here on to the end of its task it may not be able to say what it has sent."""
        self.hit.add(actor.name)
        self.excused |= {message for message, who in self.sent.items() if who == actor.name}

    def is_stalled(self, actor: Actor) -> bool:
        until = self.stalled.get(actor.name)
        if until is None or until <= self.s.clock():
            self.stalled.pop(actor.name, None)
            return False
        return True

    def moments(self) -> list[datetime]:
        return list(self.stalled.values())

    def connection_dropped(self) -> bool:
        actor = self.victim()
        if actor is None:
            return False
        self.count("connection_dropped", f"{actor.name} at {actor.at}")
        self.excuse(actor)
        self.s.troupe.drop_connection(actor)
        return True

    def source_changes(self) -> bool:
        state = self.s.rng.choice([*STATES, *(s for s in STATES if s in self.s.favoured)])
        self.s.source.state = state
        self.count(f"source_{state}")
        return True

    def mood_changes(self) -> bool:
        rollout = self.s.rng.choice(list(self.s.specs))
        mood = self.s.rng.choice(("good", "unclear", "bad", "doubtful", "silent"))
        self.s.source.moods[rollout] = mood
        self.count(f"change_turns_{mood}", self.s.label(rollout))
        return True

    def clock_forward(self) -> bool:
        seconds = self.s.rng.choice((4, 25, 120))
        self.s.clock.turn(seconds)
        self.count("clock_forward", f"{seconds} s")
        return True

    def clock_back(self) -> bool:
        seconds = self.s.rng.choice((1, 4, 25))
        self.s.clock.turn(-seconds)
        self.count("clock_back", f"{seconds} s")
        return True

    def set_by_hand(self) -> bool:
        shown = sorted(self.s.production.shown)
        if not shown:
            return False
        place = self.s.rng.choice(shown)
        was = self.s.production.at(place)
        share = self.s.rng.choice((0.0, was.share / 2, 0.9))
        units = was.units[: round(share * 12)] if was.units else ()
        self.s.production.set(place, Observed(share, units, was.generation))
        self.count("set_by_hand", f"{place[1]} to {share:.0%}")
        return True

    # --- calls -------------------------------------------------------------------------------

    def call(self, name: str, desired: Desired, key: Key) -> None:
        for kind in CALLS:
            if self.draws(kind, 0.2):
                self.count(kind, f"{key.target} {desired.share:.0%}")
                getattr(self, kind)(name, desired, key)
                return
        self.plain(name, desired, key)

    def plain(self, name: str, desired: Desired, key: Key) -> None:
        self.s.troupe.me.park("before_call")
        self.s.production.land(name, key, desired)
        self.s.troupe.me.park("after_call")

    def call_fails(self, _name: str, _desired: Desired, key: Key) -> None:
        raise ExecutorError(f"{key.target}: HTTP 503")

    def call_raises(self, _name: str, _desired: Desired, _key: Key) -> None:
        raise ValueError("a plugin's own mistake")

    def call_times_out_after_its_effect(self, name: str, desired: Desired, key: Key) -> None:
        self.s.troupe.me.park("before_call")
        self.s.production.land(name, key, desired)
        raise ExecutorError(f"{key.target}: ReadTimeout")

    def call_lands_late(self, name: str, desired: Desired, key: Key) -> None:
        self.on_its_way(name, desired, key, (1, 4))
        raise ExecutorError(f"{key.target}: ReadTimeout")

    def call_is_slow(self, name: str, desired: Desired, key: Key) -> None:
        self.s.clock.turn(4)
        self.plain(name, desired, key)

    def call_dies_on_the_way(self, name: str, desired: Desired, key: Key) -> None:
        """The worker is gone; its call is not, and comes when nobody expects it any more."""
        self.on_its_way(name, desired, key, (2, 30, 70))
        raise DiedError(key.target)

    def on_its_way(self, name: str, desired: Desired, key: Key, after: tuple[int, ...]) -> None:
        lands_at = self.s.clock() + timedelta(seconds=self.s.rng.choice(after))
        self.s.production.on_their_way.append(Call(name, key, desired, lands_at))

    # --- looks -------------------------------------------------------------------------------

    def look(self, name: str, key: Key) -> Observed:
        place = place_of(name, key)
        if self.draws("look_fails", 0.1):
            self.count("look_fails", key.target)
            raise ExecutorError(f"{key.target}: ConnectTimeout")
        if self.draws("stale_exposure", 0.1) and place in self.s.production.before:
            self.count("stale_exposure", key.target)
            return self.s.production.before[place]
        if self.draws("look_answers_nonsense", 0.1):
            self.count("look_answers_nonsense", key.target)
            return Observed(self.s.rng.choice((float("nan"), -1.0, 7.0)))
        return self.s.production.at(place)

    # --- messages ----------------------------------------------------------------------------

    def send(self, message: str) -> Sent:
        me = self.s.troupe.me
        if message in self.sent and message not in self.excused:
            self.s.violate("outbox: a message that was sent and answered is sent again")
        me.park("before_send")
        if self.draws("message_refused", 0.3):
            self.count("message_refused")
            return Sent(error="HTTP 503")
        self.sent[message] = me.name
        if self.draws("message_taken_but_answer_lost", 0.3):
            self.count("message_taken_but_answer_lost")
            self.excused.add(message)
            return Sent(error="ReadTimeout")
        (self.excused.add if me.name in self.hit else self.excused.discard)(message)
        me.park("after_send")
        return Sent()

    # --- bells -------------------------------------------------------------------------------

    def bells(self, idle: list[Actor]) -> list[Actor]:
        if self.draws("bell_lost", 0.2):
            self.count("bell_lost")
            self.s.clock.turn(1)
            return []
        if len(idle) > 1 and self.draws("bell_doubled", 0.4):
            self.count("bell_doubled")
            return idle
        return [self.s.rng.choice(idle)]
