"""A production that others change: what it reports, and the loop that only watches it."""

from datetime import timedelta

import pytest

from attribution.clock import database_now
from attribution.models import Sample
from controlplane import intake
from rollout.executors.base import executor
from rollout.models import Rollout
from rollout.reconcile import World, reconcile_due

STEP = 5.0


class Production:
    """What `cart` reports, an interval a read, with the clock turned by hand."""

    def __init__(self, service):
        self.service, self.now = service, database_now()
        service.control_level = "L0"
        service.save()

    def submit(self, body):
        self.change = intake.submit(body, "ci")
        intake.advance_changes()
        return self.reload()

    def reload(self):
        self.change.refresh_from_db()
        return self.change

    @property
    def rollout(self):
        return Rollout.every.get(pk=self.reload().rollout_id)

    def run(self, reads, canary=None, control=(2, 200)):
        """`canary`, `control`: [events, total] an interval; None: nobody of that version."""
        both = {"canary": list(canary) if canary else None}
        both["control"] = list(control) if control else None
        self.read(reads, both)

    def read(self, reads, cohorts):
        for _ in range(reads):
            self.now += timedelta(seconds=STEP)
            Sample.objects.create(service=self.service, at=self.now, values={"errors": cohorts})
            self.look()
        intake.advance_changes()

    def look(self):
        world = World(executor, now=lambda: self.now, reach=lambda _name: None, lease_s=20)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("rollout.executors.watched.database_now", lambda: self.now)
            reconcile_due(world)

    def said(self):
        return list(self.rollout.decisions.order_by("sequence").values_list("decision", flat=True))
