# ruff: noqa: ARG002 - a plugin takes what it is given
"""Third parties' plugins that go wrong, each in a way of its own; named by settings."""

import threading
from types import SimpleNamespace

from attribution.sources.base import Reading
from controlplane.notify.base import Sent
from rollout.executors.base import Observed

# Whoever hangs comes back when a test ends, and not before.
free = threading.Event()


def hang(*_args, **_more):
    free.wait(120)


def leave(*_args, **_more):
    raise SystemExit(3)


def break_down(*_args, **_more):
    raise ZeroDivisionError("a secret of the plugin")


def eat(*_args, **_more):
    raise MemoryError


class Executor:
    fencing, repeat, rollback = "target", "safe", "revert"
    timeout_s, grain, exclusive = 0.2, 0.0, False
    answer = staticmethod(lambda _config, _key: Observed(0.0))
    sent: list

    def __init__(self):
        self.sent = []

    def validate(self, config):
        return []

    def observe(self, config, key):
        return type(self).answer(config, key)

    def apply(self, config, desired, key):
        self.sent.append(desired.share)


def executor_that(answer):
    return type("Bad", (Executor,), {"answer": staticmethod(answer)})()


def says(share, units=(), generation=0):
    return lambda _config, _key: Observed(share, units, generation)


NONSENSE = {
    "nan": says(float("nan")),
    "a share of 2": says(2),
    "a negative share": says(-0.1),
    "a text": says("0.5"),
    "a boolean": says(True),
    "nothing": lambda _config, _key: None,
    "another type": lambda _config, _key: SimpleNamespace(share=0.0),
    "units of numbers": says(0.0, (1, 2)),
    "units that are no list": says(0.0, 5),
    "a million units": says(0.0, ("u",) * 1_000_000),
    "a generation of text": says(0.0, (), "7"),
    "a generation out of bounds": says(0.0, (), 10**30),
    "an error": break_down,
    "an exit": leave,
    "too much memory": eat,
}


class Source:
    answer = staticmethod(hang)

    def validate(self, config, pointer):
        pass

    def read(self, config, queries, state):
        return type(self).answer()


class Hanging(Source):
    pass


class Leaving(Source):
    answer = staticmethod(leave)


class Breaking(Source):
    answer = staticmethod(break_down)


class Nothing(Source):
    answer = staticmethod(lambda: None)


class NotANumber(Source):
    def read(self, config, queries, state):
        return Reading(dict.fromkeys(queries, 1.0), {"kept": float("nan")})


class Texts(Source):
    def read(self, config, queries, state):
        return Reading(dict.fromkeys(queries, "many"), {})


class Good(Source):
    def read(self, config, queries, state):
        return Reading(dict.fromkeys(queries, 1.0), {})


class Notifier:
    timeout_s = 1.0
    answer = staticmethod(Sent)

    def send(self, endpoint, message_id, body, timestamp):
        return type(self).answer()


class HangingNotifier(Notifier):
    answer = staticmethod(hang)


class LeavingNotifier(Notifier):
    answer = staticmethod(leave)


class NoneNotifier(Notifier):
    answer = staticmethod(lambda: None)


class RaisingNotifier(Notifier):
    answer = staticmethod(break_down)
