"""Alertmanager, API v2: what is wrong now is shown there for as long as it is so.

A message is not posted but noted, in the row of its alert (standing.py); the row is posted again
and again, so that neither a dead Alertmanager nor one that lost its memory is a special case.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from http import HTTPStatus

from attribution.bounded_http import Answer, ExchangeError, exchange
from attribution.credentials import credentials
from controlplane.notify.base import Endpoint, Sent
from controlplane.notify.postable import Postable
from controlplane.notify.schedule import retry_after_s
from controlplane.notify.standing import note

ALERTS = "/api/v2/alerts"


class AlertmanagerNotifier:
    timeout_s = 10.0
    bounded = True

    def send(self, endpoint: Endpoint, message_id: str, body: bytes, timestamp: int) -> Sent:
        del message_id, timestamp  # a message that is noted twice changes nothing
        note(endpoint, json.loads(body))
        return Sent()

    def post(self, endpoint: Endpoint, alerts: Sequence[Postable]) -> Sent:
        """The answer's body is neither read nor logged, and no redirect is followed."""
        try:
            access = credentials(endpoint)
            answer = exchange(
                "POST",
                str(endpoint["url"]).rstrip("/") + ALERTS,
                body=json.dumps(list(alerts)).encode(),
                headers={**access.headers(), "content-type": "application/json"},
                timeout_s=self.timeout_s,
                most_bytes=0,
                tls=access.tls,
            )
        except ExchangeError as error:
            return Sent(error=str(error))
        except (ValueError, KeyError, OSError) as error:
            # The text of the exception may hold a secret: the kind is enough.
            return Sent(error=type(error).__name__)
        return _judged(answer)


def _judged(answer: Answer) -> Sent:
    status = answer[0]
    if HTTPStatus(200) <= status < HTTPStatus(300):
        return Sent()
    wait_s = retry_after_s(answer.headers.get("retry-after"), datetime.now(UTC))
    refused = status in {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE}
    return Sent(error=f"HTTP {status}", retry_after_s=wait_s, refused=refused)
