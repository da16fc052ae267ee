"""A world whose clock is turned by hand and whose evidence is said by the test.

Rows, locks, triggers and the dryrun executor are the real ones.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from attribution.clock import database_now
from attribution.models import Service
from rollout import services
from rollout.evidence import Gathered
from rollout.executors.base import executor
from rollout.models import Rollout
from rollout.reconcile import World, reconcile_due
from rollout.snapshot import Evidence
from rollout.spec import RolloutSpec, StageSpec, TargetSpec

PASS = Evidence(verdict="pass", reason="passed", samples=10_000, fresh=True)
FAIL = Evidence(verdict="fail", reason="errors", log_e=9.0, log_e_max=9.0, samples=10_000)
UNITS = tuple(str(n) for n in range(100))


@dataclass
class Stagehand:
    """Turns the clock and speaks the evidence."""

    evidence: Evidence = PASS
    offset: timedelta = timedelta()
    # None: the clock goes on by itself, beside being turned.
    base: datetime | None = None
    executor: Callable = executor
    reach: Callable[[str], None] = lambda _name: None

    def now(self) -> datetime:
        return (self.base or database_now()) + self.offset

    def gather(self, _rollout: Rollout, _now: datetime) -> Gathered:
        return Gathered(self.evidence)

    def world(self) -> World:
        return World(self.executor, self.gather, self.now, self.reach, lease_s=20)

    def tick(self, seconds: float = 0, times: int = 1) -> None:
        for _ in range(times):
            self.offset += timedelta(seconds=seconds)
            reconcile_due(self.world())


@pytest.fixture
def stagehand(monkeypatch):
    hand = Stagehand()
    # People act in the same time as the loop.
    monkeypatch.setattr(services, "database_now", hand.now)
    return hand


@pytest.fixture
def clock_stands(stagehand, db):
    """Only the test turns the clock: for what must not depend on how fast the machine is."""
    stagehand.base = database_now()


@pytest.fixture
def make_rollout(db):
    def make(service="edge", **given):
        Service.objects.get_or_create(name=service, defaults={"team": "shop"})
        facts = {
            "change_id": str(uuid.uuid4()),
            "title": "A deploy",
            "kind": "deploy",
            "artefact": f"{service}/deploy/{service}",
            "environment": "production",
            "team": "shop",
            "level": "low",
            "control_level": "L4",
            "stages": (
                StageSpec(0.25, min_s=10, max_s=100, min_samples=100),
                StageSpec(1.0, min_s=10, max_s=100),
            ),
            "targets": (TargetSpec(service, "dryrun", {"target": service}, UNITS),),
            "guardrails": {service: [{"name": "errors"}]},
            "version": "v2",
            "previous_version": "v1",
            "interval_s": 1.0,
            "undo_s": 60.0,
        }
        return services.create(RolloutSpec(**{**facts, **given}))

    return make
