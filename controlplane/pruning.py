"""Rows of this floor that nobody asks for any more. Changes and how they ended stay."""

from datetime import timedelta

from attribution.clock import database_now
from attribution.pruning import delete_in_batches
from controlplane.models import Event, IdempotencyKey

ANSWERS = timedelta(hours=24)
# Long after any sender repeats an event of which it had no answer.
EVENTS = timedelta(days=90)


def prune() -> int:
    now = database_now()
    return delete_in_batches(
        IdempotencyKey.objects.filter(created_at__lt=now - ANSWERS)
    ) + delete_in_batches(Event.objects.filter(received_at__lt=now - EVENTS))
