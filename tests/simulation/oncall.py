"""Who is told: a receiver that may be down, and may take a message whose answer is lost."""

from collections.abc import Callable, Mapping
from typing import Any

from controlplane.notify.base import Sent

ENDPOINT = {"name": "oncall", "url": "https://oncall.example/", "notifier": "sim", "types": ["*"]}
NOTIFIERS = {"sim": "tests.simulation.oncall.OnCall"}


class Line:
    """What the schedule does with each message; set while one runs."""

    send: Callable[[str], Sent]


LINE = Line()


class OnCall:
    # As the targets: in the thread whose turn it is.
    bounded = True
    timeout_s = 5.0

    def send(
        self, endpoint: Mapping[str, Any], message_id: str, body: bytes, timestamp: int
    ) -> Sent:
        return LINE.send(message_id)
