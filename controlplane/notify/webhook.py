"""A signed webhook (Standard Webhooks) to an endpoint of the operator's file."""

from datetime import UTC, datetime
from http import HTTPStatus

from attribution.bounded_http import Answer, ExchangeError, exchange
from controlplane.notify.base import Endpoint, Sent
from controlplane.notify.schedule import retry_after_s
from rollout import signing


class WebhookNotifier:
    timeout_s = 15.0
    bounded = True

    def send(self, endpoint: Endpoint, message_id: str, body: bytes, timestamp: int) -> Sent:
        """The answer's body is neither read nor logged, and no redirect is followed."""
        try:
            headers = signing.sign(str(endpoint["secret"]), message_id, timestamp, body)
            answer = exchange(
                "POST",
                str(endpoint["url"]),
                body=body,
                headers={**headers, "content-type": "application/json"},
                timeout_s=self.timeout_s,
                most_bytes=0,
            )
        except ExchangeError as error:
            return Sent(error=str(error))
        except (ValueError, KeyError) as error:
            # The text of the exception may hold the address with its token: the kind is enough.
            return Sent(error=type(error).__name__)
        return _judged(answer)


def _judged(answer: Answer) -> Sent:
    status = answer[0]
    if HTTPStatus(200) <= status < HTTPStatus(300):
        return Sent()
    return Sent(
        error=f"HTTP {status}",
        gone=status == HTTPStatus.GONE,
        retry_after_s=retry_after_s(answer.headers.get("retry-after"), datetime.now(UTC)),
    )
