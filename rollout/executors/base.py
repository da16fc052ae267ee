"""What an executor is: it turns a desired exposure into the world, and reads the world back."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, Protocol, cast

from django.conf import settings
from django.utils.module_loading import import_string


@dataclass(frozen=True)
class Key:
    """One key, one effect. `generation` grows with every intent of one placement."""

    epoch: int
    rollout: str
    target: str
    generation: int

    def __str__(self) -> str:
        return f"{self.epoch}/{self.rollout}/{self.target}/{self.generation}"


@dataclass(frozen=True)
class Desired:
    """A declaration ("be at 0.05 on these units"), never a step ("add 0.05")."""

    share: float
    units: tuple[str, ...] = ()
    version: str = ""


@dataclass(frozen=True)
class Observed:
    share: float
    units: tuple[str, ...] = ()
    # Of the effect that is in force, as far as the target knows; 0: it knows none.
    generation: int = 0


class ExecutorError(Exception):
    """The target did not do it, or did not say so. `permanent`: repeating cannot help."""

    def __init__(self, message: str, *, permanent: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent


class Executor(Protocol):
    # target: it refuses a call older than the newest one it has seen. none: it cannot.
    fencing: Literal["target", "none"]
    # safe: the same call twice is the same world.
    repeat: Literal["safe", "unsafe"]
    # revert: zero brings the old version back. forward: only a new version does. none: nothing.
    rollback: Literal["revert", "forward", "none"]
    # Longest time one call may take, in seconds; it is cut off there.
    timeout_s: float
    # Largest difference between a share that is declared and the one that the target can reach.
    # 0: it takes any share. Zero is always reached exactly.
    grain: float
    # The target has one share and knows neither rollouts nor units: one rollout may have it at
    # a time, and what it shows before that rollout's first call belongs to something else.
    exclusive: bool

    def validate(self, config: Mapping[str, Any]) -> list[str]:
        """What is wrong with this configuration; empty: nothing. Sends nothing."""
        ...

    def apply(self, config: Mapping[str, Any], desired: Desired, key: Key) -> None:
        """Make it so, or raise ExecutorError."""
        ...

    def observe(self, config: Mapping[str, Any], key: Key) -> Observed:
        """Read back, or raise ExecutorError. Never answer from memory."""
        ...


class Unavailable:
    """Stands in for an executor that could not be made: it observes nothing, and says why."""

    bounded = True
    fencing: Literal["target", "none"] = "none"
    repeat: Literal["safe", "unsafe"] = "safe"
    rollback: Literal["revert", "forward", "none"] = "revert"
    timeout_s = 0.0
    grain = 0.0
    exclusive = False

    def __init__(self, why: str) -> None:
        self.why = why

    def validate(self, config: Mapping[str, Any]) -> list[str]:
        del config
        return [self.why]

    def apply(self, config: Mapping[str, Any], desired: Desired, key: Key) -> None:
        del config, desired, key
        raise ExecutorError(self.why)

    def observe(self, config: Mapping[str, Any], key: Key) -> Observed:
        del config, key
        raise ExecutorError(self.why)


def on_target(made: Executor, config: Mapping[str, Any]) -> Executor:
    """The executor with what is declared of this one target, where targets differ in that
    (it has a method `on`); else itself.
    """
    on = getattr(made, "on", None)
    return made if on is None else cast("Executor", on(config))


@cache
def executor(name: str) -> Executor:
    known = settings.GRAYGATE_EXECUTORS
    if name not in known:
        raise LookupError(f"no executor {name!r}; registered are {', '.join(sorted(known))}")
    made: Executor = import_string(known[name])()
    return made
