"""A signed webhook (Standard Webhooks) to an endpoint of the operator's file."""

from datetime import UTC, datetime
from http import HTTPStatus

import requests

from controlplane.notify.base import Endpoint, Sent
from controlplane.notify.schedule import retry_after_s
from rollout import signing

CONNECT_S = 5.0


class WebhookNotifier:
    timeout_s = 15.0

    def send(self, endpoint: Endpoint, message_id: str, body: bytes, timestamp: int) -> Sent:
        """The answer's body is neither read nor logged, and no redirect is followed."""
        try:
            headers = signing.sign(str(endpoint["secret"]), message_id, timestamp, body)
            with requests.post(
                str(endpoint["url"]),
                data=body,
                headers={**headers, "content-type": "application/json"},
                timeout=(CONNECT_S, self.timeout_s),
                allow_redirects=False,
                stream=True,
            ) as response:
                return _judged(response)
        except (requests.RequestException, ValueError, KeyError) as error:
            # The text of the exception may hold the address with its token: the kind is enough.
            return Sent(error=type(error).__name__)


def _judged(response: requests.Response) -> Sent:
    if HTTPStatus(200) <= response.status_code < HTTPStatus(300):
        return Sent()
    return Sent(
        error=f"HTTP {response.status_code}",
        gone=response.status_code == HTTPStatus.GONE,
        retry_after_s=retry_after_s(response.headers.get("retry-after"), datetime.now(UTC)),
    )
