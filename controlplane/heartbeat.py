"""A sign of life for somebody outside, who pages when it stays away.

Posted each minute to the `heartbeat` of the operator's file, and only while the loop is well: bells
are answered and nothing is overdue. Whatever goes wrong here (no worker, no beat, no database, no
way out) is the same to the outside: silence. For healthchecks.io and the like, or a dead man's
switch that listens to a webhook.
"""

import logging
from datetime import timedelta
from typing import Any

from django.conf import settings

from attribution.bounded_http import ExchangeError, exchange
from attribution.clock import database_now
from controlplane.health import LATE_S, overdue_seconds
from controlplane.models import BellRecord

log = logging.getLogger(__name__)
TIMEOUT_S = 10.0
# The bells whose silence means that no change is watched, or that nobody would hear of it.
VITAL = ("reconcile", "audit", "collect", "changes", "deliver")
UNANSWERED = timedelta(seconds=60)
# An answer is written down once an interval.
UNANSWERED_INTERVALS = 3


def beat() -> bool:
    """Whether it was heard."""
    url = settings.OPERATOR.heartbeat.get("url")
    if not url:
        return False
    if troubles := unwell():
        log.warning("no heartbeat is sent: %s", "; ".join(troubles))
        return False
    try:
        status = exchange("POST", str(url), timeout_s=TIMEOUT_S, most_bytes=0)[0]
    except (ExchangeError, ValueError) as error:
        # Its text may hold the address, and that is a secret: the kind is enough.
        log.warning("the heartbeat was not heard: %s", type(error).__name__)
        return False
    if not 200 <= status < 300:
        log.warning("the heartbeat was not taken: HTTP %d", status)
    return 200 <= status < 300


def unwell() -> list[str]:
    late = overdue_seconds()
    longest = UNANSWERED_INTERVALS * timedelta(seconds=settings.GRAYGATE_INTERVAL_S)
    since = database_now() - max(UNANSWERED, longest)
    lively = set(BellRecord.objects.filter(answered_at__gte=since).values_list("name", flat=True))
    silent = [name for name in VITAL if name not in lively]
    troubles = [f"a placement waits for {late:.0f} s"] if late >= LATE_S else []
    return troubles + [f"the bell {name} was not answered" for name in silent]


def problem_of(given: Any) -> str:
    """What is wrong with the operator's `heartbeat`; empty: nothing. Never repeats the address."""
    url = given.get("url") if isinstance(given, dict) else None
    if given and (not isinstance(url, str) or not url.startswith(("https://", "http://"))):
        return "`heartbeat` has no `url` that begins with https:// or http://"
    return ""
