"""Rows of this floor that nobody asks for any more. Changes and how they ended stay."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q, QuerySet

from attribution.clock import database_now
from attribution.pruning import delete_in_batches
from controlplane.models import ApiToken, Event, IdempotencyKey, StandingAlert
from controlplane.notify.showing import kept
from controlplane.notify.standing import OUTLASTS

ANSWERS = timedelta(hours=24)
# Long after any sender repeats an event of which it had no answer.
EVENTS = timedelta(days=90)
# Of a job: whoever asks what it did finds the token for so long.
EXCHANGED_TOKENS = timedelta(days=7)
# Longer than any delivery is repeated: until then an older message may come late.
ENDED_ALERTS = timedelta(days=7)


def prune() -> int:
    now = database_now()
    rows = (
        IdempotencyKey.objects.filter(created_at__lt=now - ANSWERS),
        Event.objects.filter(received_at__lt=now - EVENTS),
        StandingAlert.objects.filter(due_at=None, told_at__lt=now - ENDED_ALERTS),
        ApiToken.objects.filter(expires_at__lt=now - EXCHANGED_TOKENS).exclude(issuer=""),
        abandoned(now),
    )
    return sum(delete_in_batches(each) for each in rows)


def abandoned(now: datetime) -> QuerySet[StandingAlert]:
    """Alerts of endpoints that the operator's file has not listed for so long that they have
    ended there by themselves. A file that cannot be read lists nothing, and means nothing.
    """
    if settings.OPERATOR.error:
        return StandingAlert.objects.none()
    long_ago = now - OUTLASTS
    last = Q(taken_at__lt=long_ago) | Q(taken_at=None, told_at__lt=long_ago)
    return StandingAlert.objects.filter(last).exclude(endpoint__in=kept())
