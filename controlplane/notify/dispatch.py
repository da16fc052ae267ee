"""Outbox → one delivery for each endpoint that wants the message."""

import logging
from typing import Any

from django.db import transaction

from attribution.clock import database_now
from controlplane.models import Silence
from controlplane.notify.base import Endpoint, address_mark, endpoints, keeper
from controlplane.notify.messages import PAGING, RESOLVES, silenced, wants
from rollout.models import Delivery, OutboxMessage

log = logging.getLogger(__name__)
BATCH = 100
GONE = "HTTP 410, disabled address "


@transaction.atomic
def dispatch() -> int:
    """Fan out what the floor below has published. Exactly once: the message is marked in the
    transaction that makes its deliveries.
    """
    now = database_now()
    messages = list(
        OutboxMessage.objects.select_for_update(skip_locked=True)
        .filter(dispatched_at=None)
        .order_by("at")[:BATCH]
    )
    scopes = list(Silence.objects.filter(ends_at__gt=now).values_list("scope", flat=True))
    receivers = [(name, one) for name, one in endpoints().items() if not is_disabled(name, one)]
    Delivery.objects.bulk_create(
        Delivery(message=message, endpoint=name, due_at=now)
        for message in messages
        for name, endpoint in receivers
        if is_for(endpoint, message, scopes)
    )
    OutboxMessage.objects.filter(pk__in=[message.pk for message in messages]).update(
        dispatched_at=now
    )
    return len(messages)


def is_for(endpoint: Endpoint, message: OutboxMessage, scopes: list[dict[str, Any]]) -> bool:
    hidden = silenced(message.type, message.payload, scopes)
    if keeper(endpoint) is None:
        return not hidden and wants(endpoint.get("types"), message.type)
    # An alert that stands has to hear of its end, whatever is silenced, and of what replaces it,
    # whatever is wanted.
    return message.type in RESOLVES or (not hidden and message.type in PAGING)


def is_disabled(name: str, endpoint: Endpoint) -> bool:
    """It answered 410 at the address that it still has; another address enables it again."""
    mark = GONE + address_mark(endpoint)
    found = Delivery.objects.filter(endpoint=name, last_error=mark).exists()
    if found:
        log.warning("endpoint %s is disabled: it answered 410; give it a new address", name)
    return found
