"""One rollout on a real receiver: before, while and after the database's disk is full."""

import logging
import threading
import time
from collections import Counter
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError, connection

from attribution.models import Service
from controlplane import health, heartbeat
from controlplane.environment import OperatorFile
from controlplane.heartbeat import VITAL, unwell
from controlplane.models import BellRecord
from rollout import restored, services
from rollout.ledger import verify
from rollout.models import Placement, Rollout
from rollout.reconcile import reconcile_due
from rollout.snapshot import Evidence
from rollout.spec import RolloutSpec, StageSpec, TargetSpec
from tests.integration.rollout.conftest import PASS, Stagehand
from tests.integration.rollout.test_http_executor import SECRET, Receiver

LOST = Evidence(reason="source_error", source_lost="the source is gone")
# So many rounds find a page that has to be added to some table, and cannot be.
MOST_ROUNDS = 1500
# A server that had to recover needs a while: a guard, not a measure.
PATIENCE_S = 120.0


class Story:
    def __init__(self, change: str) -> None:
        self.change = change
        self.seen: dict[str, Any] = {}
        logging.getLogger("rollout.reconcile").addFilter(self.count_logged)
        self.hand = Stagehand()
        self.refused_at: datetime | None = None
        heartbeat.database_now = health.database_now = self.hand.now
        self.receiver = Receiver()
        self.errors: Counter[str] = Counter()
        self.generations: list[tuple[int, int]] = []

    def begin(self) -> None:
        threading.Thread(target=self.receiver.serve_forever, daemon=True).start()
        target = {"url": self.receiver.url, "secret": SECRET}
        settings.OPERATOR = OperatorFile(targets={"edge": target})
        Service.objects.create(name="edge", team="shop")
        self.rollout = services.create(spec(self.change))
        for name in VITAL:
            BellRecord.objects.create(name=name)
        self.rounds(3)
        self.seen["before"] = self.receiver.state["exposure"]

    def full(self) -> None:
        """Holds come and go, so that there is something to write at each round."""
        for number in range(MOST_ROUNDS):
            self.hand.evidence = LOST if number % 2 == 0 else PASS
            self.round()
            self.seen["unwell"] = self.asked(unwell)
            if self.seen["unwell"]:
                break
        self.seen["silent_after_s"] = self.since_refused()
        self.seen["errors"] = dict(self.errors)
        self.seen["zero"] = self.zero()
        self.seen["zeroed"] = self.receiver.state["exposure"]
        self.hand.evidence = PASS
        self.rounds(5)
        self.seen["while_full"] = self.receiver.state["exposure"]

    def room_again(self) -> None:
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until and not self.well():
            time.sleep(0.5)
        self.rounds(10)
        self.seen["afterwards"] = self.receiver.state["exposure"]
        self.seen["holds"] = sorted(
            self.rollout.holds.filter(released_at=None).values_list("kind", flat=True)
        )
        services.resume(self.rollout.pk, "sre", "there is room again")
        self.rounds(10)
        self.seen["resumed"] = self.receiver.state["exposure"]
        self.seen["chain"] = verify(Rollout.objects.get(pk=self.rollout.pk))
        self.seen["ahead"] = [pair for pair in self.generations if pair[0] > pair[1]]
        self.seen["well"] = unwell()

    # --- steps --------------------------------------------------------------------------------

    def rounds(self, times: int) -> None:
        for _ in range(times):
            self.round()

    def round(self) -> None:
        """As a worker does it, bell and all; what goes wrong is counted."""
        self.hand.offset += timedelta(seconds=11)
        try:
            restored.notice()
            reconcile_due(self.hand.world())
            now = self.hand.now()
            BellRecord.objects.update(answered_at=now, rung_at=now)
        except DatabaseError as error:
            self.count(error)
            connection.close()
        self.compare()

    def count_logged(self, record: logging.LogRecord) -> bool:
        """The loop goes on after an error of one placement, and logs it."""
        if record.exc_info and isinstance(record.exc_info[1], DatabaseError):
            self.count(record.exc_info[1])
        return False

    def count(self, error: DatabaseError) -> None:
        state = getattr(error.__cause__, "sqlstate", None)
        self.errors[state or type(error).__name__] += 1
        self.refused_at = self.refused_at or self.hand.now()

    def compare(self) -> None:
        """The newest call that the target has seen, and the newest that is written down."""
        sent = int(self.receiver.state["generation"])
        try:
            written = Placement.objects.values_list("generation", flat=True).get()
        except DatabaseError:
            connection.close()
            return
        self.generations.append((sent, written))

    def since_refused(self) -> float:
        refused = self.refused_at or self.hand.now()
        return (self.hand.now() - refused).total_seconds()

    def zero(self) -> str:
        said = StringIO()
        try:
            call_command("zero", "--rollout", str(self.rollout.pk), stderr=said)
        except CommandError as error:
            return str(error)
        return said.getvalue()

    def asked(self, question: Any) -> list[str]:
        try:
            return question()
        except DatabaseError as error:
            connection.close()
            return [type(error).__name__]

    def well(self) -> bool:
        try:
            Placement.objects.update(last_error="")
        except DatabaseError:
            connection.close()
            return False
        return True


def spec(change: str) -> RolloutSpec:
    return RolloutSpec(
        change_id=change,
        title="A deploy",
        kind="deploy",
        artefact="edge/deploy/edge",
        environment="production",
        team="shop",
        level="low",
        control_level="L4",
        stages=(
            StageSpec(0.25, min_s=1e6, max_s=1e7, min_samples=100),
            StageSpec(1.0, min_s=10, max_s=100),
        ),
        targets=(TargetSpec("edge", "http", {"target": "edge"}),),
        guardrails={"edge": [{"name": "errors"}]},
        version="v2",
        previous_version="v1",
        interval_s=1.0,
        undo_s=60.0,
    )
