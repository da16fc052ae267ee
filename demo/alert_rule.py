"""The shop's own alerting: a rule on the instances' metrics, told as Alertmanager does.

It knows nothing of changes; Graygate has to find out which one it was.
"""

import hashlib
import re
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from demo.fleet.layout import TRACKS
from demo.meter import SLOW_BUCKET
from demo.production import Production

WINDOW_S = 8.0
FIRES_ABOVE, ENDS_BELOW = 0.03, 0.015
FEWEST_REQUESTS = 100
NEVER = "0001-01-01T00:00:00Z"
SERVED = re.compile(r'^http_server_requests_total\{code="(\d+)"[^}]*\} (\S+)$', re.MULTILINE)
TIMED = re.compile(
    r'^http_server_request_duration_seconds_bucket\{le="([^"]+)"[^}]*\} (\S+)$', re.MULTILINE
)


def errors_of(text: str) -> tuple[float, float]:
    """(errors, requests) of one instance."""
    found = [(code, float(value)) for code, value in SERVED.findall(text)]
    failed = sum(value for code, value in found if code.startswith("5"))
    return failed, sum(value for _, value in found)


def slow_of(text: str) -> tuple[float, float]:
    """(answers over a second, answers) of one instance."""
    found = [(bound, float(value)) for bound, value in TIMED.findall(text)]
    total = sum(value for bound, value in found if bound == "+Inf")
    return total - sum(value for bound, value in found if bound == SLOW_BUCKET), total


@dataclass(frozen=True)
class Trouble:
    """What a rule looks for."""

    alert: str
    words: str
    # Text of an instance's metrics -> (bad, all), counted since its start.
    count: Callable[[str], tuple[float, float]]


ERRORS = Trouble("ErrorShareHigh", "are errors", errors_of)
SLOW = Trouble("SlowShareHigh", "take longer than a second", slow_of)


@dataclass(frozen=True)
class Reading:
    at: float
    bad: float
    requests: float


@dataclass
class AlertRule:
    production: Production
    service: str
    trouble: Trouble = ERRORS
    readings: deque[Reading] = field(default_factory=deque)
    firing_since: float | None = None
    share: float = 0.0

    def evaluate(self) -> dict[str, Any] | None:
        """The webhook to send when the alert begins or ends; nothing in between."""
        self._read()
        first, last = self.readings[0], self.readings[-1]
        requests = last.requests - first.requests
        if requests < FEWEST_REQUESTS:
            return None
        self.share = (last.bad - first.bad) / requests
        if self.firing_since is None and self.share > FIRES_ABOVE:
            self.firing_since = last.at
            return self._webhook("firing")
        if self.firing_since is not None and self.share < ENDS_BELOW:
            told = self._webhook("resolved", ended=last.at)
            self.firing_since = None
            return told
        return None

    def _read(self) -> None:
        texts = [text for track in TRACKS for text in self.production.metrics(self.service, track)]
        found = [self.trouble.count(text) for text in texts]
        bad, served = (sum(each[place] for each in found) for place in (0, 1))
        self.readings.append(Reading(time.time(), bad, served))
        while self.readings[-1].at - self.readings[0].at > WINDOW_S:
            self.readings.popleft()

    def _webhook(self, status: str, ended: float | None = None) -> dict[str, Any]:
        labels = {"alertname": self.trouble.alert, "service": self.service, "severity": "page"}
        alert = {
            "status": status,
            "labels": labels,
            "annotations": {
                "summary": f"{self.share:.1%} of {self.service}'s answers {self.trouble.words}"
            },
            "startsAt": _moment(self.firing_since or time.time()),
            "endsAt": _moment(ended) if ended else NEVER,
            "generatorURL": self.production.state["router"],
            "fingerprint": hashlib.sha256(str(sorted(labels.items())).encode()).hexdigest()[:16],
        }
        return {
            "version": "4",
            "status": status,
            "receiver": "graygate",
            "groupKey": f"{{}}:{{service={self.service}}}",
            "groupLabels": {"service": self.service},
            "commonLabels": labels,
            "commonAnnotations": {},
            "externalURL": self.production.state["router"],
            "truncatedAlerts": 0,
            "alerts": [alert],
        }


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
