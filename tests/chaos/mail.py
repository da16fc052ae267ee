"""No alert is lost: each message reaches the receiver, and none twice but for a killed sender."""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from rollout.models import Delivery
from tests.chaos import rows
from tests.chaos.faults import Struck
from tests.chaos.findings import Findings
from tests.chaos.production import Production

# A delivery of a sender that was killed is free again after a minute, and its endpoint with it.
PATIENCE_S = 100.0
# What may come between an answer and its being written down.
MAY_FORGET = frozenset({"worker_killed", "postgres_crashed"})
ABOUT_S = 3.0


@dataclass
class Mail:
    production: Production
    findings: Findings
    settled: set[str] = field(default_factory=set)
    struck: list[Struck] = field(default_factory=list)
    patience_s: float = PATIENCE_S

    def look(self, seed: int) -> int:
        """Settle what has arrived; how many have not yet."""
        waiting = 0
        for message in rows.messages(self.settled):
            delivery = message.delivery
            if delivery is None or not (delivery["delivered_at"] or delivery["gave_up_at"]):
                waiting += 1
                continue
            self.settled.add(message.id)
            self.findings.look("alerts", seed, self._problem(message))
        return waiting

    def end(self, seed: int) -> None:
        """Nobody goes before the last one has arrived; what waits for hours is brought forward."""
        until = time.monotonic() + self.patience_s
        while self.look(seed) and time.monotonic() < until:
            self._bring_forward()
            time.sleep(1)
        for message in rows.messages(self.settled):
            why = "has no delivery" if message.delivery is None else message.delivery["last_error"]
            self.findings.look("alerts", seed, f"{message.type} was never delivered: {why}")
        for message in sorted(self.settled):
            self.findings.look("doubles", seed, self._doubled(message))

    def _problem(self, message: rows.Message) -> str:
        if message.delivery and message.delivery["gave_up_at"]:
            return f"{message.type} was given up: {message.delivery['last_error']}"
        if not self.production.receiver.taken(message.id):
            return f"{message.type} counts as delivered, and the receiver never took it"
        return ""

    def _doubled(self, message: str) -> str:
        taken = self.production.receiver.taken(message)
        if len(taken) < 2:
            return ""
        self.findings.counted["messages doubled by a lost sender or database"] += 1
        for at in taken[:-1]:
            if not any(
                one.kind in MAY_FORGET and one.began - ABOUT_S <= at <= one.ended + ABOUT_S
                for one in self.struck
            ):
                return f"message {message} was sent again although its answer was heard"
        return ""

    def _bring_forward(self) -> None:
        """By the plan of the retries the third attempt comes after five minutes."""
        soon = datetime.now(UTC) + timedelta(seconds=10)
        late = Delivery.objects.filter(delivered_at=None, gave_up_at=None, due_at__gt=soon)
        moved = rows.patiently(lambda: late.update(due_at=datetime.now(UTC)))
        self.findings.counted["deliveries brought forward at the end"] += moved
