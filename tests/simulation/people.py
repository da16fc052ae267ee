"""What a person may do at any moment; what is refused then is no fault."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from random import Random

from attribution.models import Service
from controlplane.models import Policy
from rollout import gates, services, silences
from rollout.machine import IllegalTransitionError
from rollout.models import Rollout
from rollout.spec import RolloutSpec

REFUSALS = (
    IllegalTransitionError,
    services.StageMismatchError,
    services.VersionMismatchError,
    services.NotAllowedError,
    Rollout.DoesNotExist,
)
NAMES = ("ann", "ben")
Act = Callable[[], object]


class Person:
    """`rollout` is drawn before the act, as somebody who looks at a page has it."""

    def __init__(self, rng: Random, clock: Callable[[], object]) -> None:
        self.rng, self.clock = rng, clock

    def act(self, action: str, rollout: str, stage: int) -> Act:
        who = self.rng.choice(NAMES)
        return {
            "pause": lambda: services.pause(rollout, who, "lunch"),
            "resume": lambda: services.resume(rollout, who, "back"),
            "abort": lambda: services.abort(rollout, who, "wrong build"),
            "promote": lambda: services.promote(rollout, who, "known noise", stage),
            "retry": lambda: services.retry(rollout, who, "again"),
            "accept": lambda: services.accept(rollout, who, "fixed forward"),
            "undo": lambda: services.undo(rollout, who, "customers complain"),
            "freeze": lambda: gates.set_freeze(
                "fair", {"service": self.rng.choice(("s0", "s1"))}, "fair", who
            ),
            "kill_switch": lambda: gates.set_freeze(gates.KILL_SWITCH, {}, "incident", who),
            "lift": lambda: (gates.lift_freeze("fair"), gates.lift_freeze(gates.KILL_SWITCH)),
            "silence": lambda: silences.set_silence(
                "noisy", "errors", "", "noisy", who, self.clock() + timedelta(seconds=40)
            ),
            "unsilence": lambda: silences.lift_silence("noisy"),
            "newer_version": lambda: newer(rollout),
            "policy": lambda: edit_policy(self.rng.choice(("L2", "L3", "L4"))),
        }[action]


ACTIONS = (
    *("pause", "resume", "abort", "promote", "retry", "accept", "undo", "freeze", "kill_switch"),
    *("lift", "silence", "unsilence", "newer_version", "policy"),
)


def newer(rollout: str) -> object:
    spec = RolloutSpec.from_json(Rollout.objects.get(pk=rollout).spec)
    return services.create(
        replace(
            spec,
            change_id=str(uuid.uuid4()),
            version=f"{spec.version}+1",
            previous_version=spec.version,
        )
    )


def edit_policy(level: str) -> None:
    """As the floor above does: the table, and what the services are trusted with."""
    Policy.objects.update_or_create(name="all", defaults={"spec": {"then": {"level": level}}})
    Service.objects.update(control_level=level)
