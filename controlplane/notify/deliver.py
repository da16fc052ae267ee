"""Due deliveries, each endpoint on a thread of its own: a dead one delays no other.

1. Claim one delivery of the endpoint (transaction: lease, SKIP LOCKED).
2. POST it, outside any transaction.
3. Settle (transaction): delivered, next attempt, or given up.

A crash between 2 and 3 lets the lease run out and the same message, with the same id, go again:
receivers drop what they have seen.
"""

import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet

from attribution.clock import database_now
from attribution.cut_off import CutOffError, is_bounded, within
from controlplane.decision import url_of, url_of_anomaly
from controlplane.notify.base import Endpoint, Sent, address_mark, endpoints, notifier
from controlplane.notify.dispatch import GONE
from controlplane.notify.messages import body_of
from controlplane.notify.schedule import delay_s
from controlplane.notify.threads import each_on_a_thread
from rollout.models import Delivery, OutboxMessage

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
# Of a notifier that does not end its own calls; below the lease, so that nobody else sends it too.
LONGEST_SEND_S = 30.0
# In one go for one endpoint; the rest comes with the next ring.
MOST_IN_A_ROW = 20
# How long the doorbell waits before it leaves the threads to themselves.
PATIENCE_S = 2.0
NOT_LISTED = "not in the operator's file"

_pool = ThreadPoolExecutor(max_workers=16, thread_name_prefix="deliver")


def deliver_due(patience_s: float = PATIENCE_S) -> int:
    """How many endpoints had something due."""
    names = list(_due(database_now()).order_by().values_list("endpoint", flat=True).distinct())
    each_on_a_thread(_pool, drain, names, patience_s)
    return len(names)


def _due(now: datetime) -> QuerySet[Delivery]:
    """One delivery at a time for each endpoint: the others of a busy one are not due."""
    open_ones = Delivery.objects.filter(delivered_at=None, gave_up_at=None)
    busy = open_ones.filter(lease_until__gt=now).values("endpoint")
    free = Q(lease_until=None) | Q(lease_until__lte=now)
    return open_ones.filter(free, due_at__lte=now).exclude(endpoint__in=busy)


def drain(name: str) -> None:
    """Deliver in order until one fails or nothing is due."""
    for _ in range(MOST_IN_A_ROW):
        delivery = claim(name)
        if delivery is None or not settle(delivery, attempt(delivery)):
            return


@transaction.atomic
def claim(name: str) -> Delivery | None:
    now = database_now()
    due = _due(now).filter(endpoint=name).order_by("due_at", "pk")
    delivery = due.select_for_update(skip_locked=True, of=("self",)).first()
    if delivery is not None:
        delivery.lease_until = now + LEASE
        delivery.attempts += 1
        delivery.save(update_fields=["lease_until", "attempts"])
    return delivery


def attempt(delivery: Delivery) -> Sent:
    endpoint = endpoints().get(delivery.endpoint)
    if endpoint is None:
        return Sent(error=NOT_LISTED)
    try:
        return _send(delivery, endpoint)
    except CutOffError as error:
        return Sent(error=f"the notifier was cut off: {error}")
    except Exception as error:
        # Else the delivery would stay leased, come first each time, and stop all behind it.
        log.exception("delivery %s could not be attempted", delivery.pk)
        return Sent(error=type(error).__name__)


def _send(delivery: Delivery, endpoint: Endpoint) -> Sent:
    message = delivery.message
    body = body_of(message.type, message.payload, message.at, page_of(message))
    timestamp = int(database_now().timestamp())
    sender = notifier(str(endpoint.get("notifier", "webhook")))
    # One call an endpoint: one that hangs takes no thread of the pool for each of its leases.
    sent: object = within(
        f"notifier of {delivery.endpoint}",
        LONGEST_SEND_S,
        is_bounded(sender),
        lambda: sender.send(endpoint, str(message.pk), body, timestamp),
    )
    if not isinstance(sent, Sent) or not isinstance(sent.error, str):
        return Sent(error=f"the notifier answered {type(sent).__name__}, not Sent")
    return sent


def page_of(message: OutboxMessage) -> str:
    """Where the evidence is: of an unmanaged change there is no page, but of its anomaly."""
    anomaly = message.payload.get("anomaly")
    return url_of_anomaly(anomaly) if anomaly else url_of(message.change_id)


@transaction.atomic
def settle(claimed: Delivery, sent: Sent) -> bool:
    """Whether it was delivered. Of one whose lease ran out meanwhile only that counts: how it
    failed is no news to whoever sends it now, or has sent it.
    """
    now = database_now()
    delivery = Delivery.objects.select_for_update().get(pk=claimed.pk)
    if not sent.error:
        delivery.delivered_at, delivery.last_error = delivery.delivered_at or now, ""
        delivery.gave_up_at = None
    elif delivery.delivered_at or delivery.attempts != claimed.attempts:
        return False
    elif sent.gone:
        _disable(delivery, endpoints()[delivery.endpoint], now)
    else:
        _again(delivery, sent, now)
    delivery.lease_until = None
    delivery.save()
    return not sent.error


def _again(delivery: Delivery, sent: Sent, now: datetime) -> None:
    delivery.last_error = sent.error
    wait_s = delay_s(delivery.attempts, str(delivery.pk), sent.retry_after_s)
    if wait_s is None:
        delivery.gave_up_at = now
        log.error("%s: gave up after %d attempts", delivery.endpoint, delivery.attempts)
        return
    delivery.due_at = now + timedelta(seconds=wait_s)
    log.warning("%s: %s; again in %.0f s", delivery.endpoint, sent.error, wait_s)


def _disable(delivery: Delivery, endpoint: Endpoint, now: datetime) -> None:
    """410: nothing more goes to this address, what waits for it included."""
    mark = GONE + address_mark(endpoint)
    delivery.gave_up_at, delivery.last_error = now, mark
    waiting = Delivery.objects.filter(
        endpoint=delivery.endpoint, delivered_at=None, gave_up_at=None
    )
    waiting.exclude(pk=delivery.pk).update(gave_up_at=now, last_error=mark)
    log.error("%s answered 410 and is disabled until its address changes", delivery.endpoint)
