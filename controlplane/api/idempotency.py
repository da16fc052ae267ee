"""`Idempotency-Key`: a request that comes again gets the answer of the first, and no second effect.

The key is claimed in a transaction of its own, so that whoever comes meanwhile sees it. The effect
and the answer are then stored in one transaction, which commits only while the claim is still
ours: a process that dies leaves a claim that runs out, never half an effect. An error is not
remembered: nothing happened, and a corrected request may use the key again.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from attribution.clock import database_now
from controlplane.api.base import actor_of, body_of
from controlplane.api.errors import ProblemError
from controlplane.models import IdempotencyKey

HEADER = "Idempotency-Key"
LEASE = timedelta(seconds=60)
KEPT = timedelta(hours=24)
LONGEST = 255


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)

    def response(self) -> Response:
        return Response(self.body, status=self.status, headers=self.headers)


def once(request: Request, act: Callable[[], Answer]) -> Response:
    """Run `act`, or give the answer it gave before. Without the header it simply runs."""
    key = request.headers.get(HEADER)
    if key is None:
        return act().response()
    claim = _claim(actor_of(request), _checked(key), _fingerprint(request), database_now())
    if claim.status is not None:
        headers = {**claim.headers, "Idempotent-Replayed": "true"}
        return Answer(claim.status, claim.body, headers).response()
    return _run(claim, act).response()


def _run(claim: IdempotencyKey, act: Callable[[], Answer]) -> Answer:
    mine = IdempotencyKey.objects.filter(
        pk=claim.pk, created_at=claim.created_at, status__isnull=True
    )
    try:
        with transaction.atomic():
            answer = act()
            _remember(mine, answer)
    except Exception:
        mine.delete()
        raise
    return answer


def _remember(mine: QuerySet[IdempotencyKey], answer: Answer) -> None:
    """Raises, and so undoes the effect, when another request has taken the claim over."""
    if not mine.update(status=answer.status, body=answer.body, headers=answer.headers):
        raise _in_flight(LEASE)


@transaction.atomic
def _claim(actor: str, key: str, fingerprint: str, now: datetime) -> IdempotencyKey:
    """The row: finished, or ours to run. Raises ProblemError 409 or 422."""
    IdempotencyKey.objects.filter(created_at__lt=now - KEPT).delete()
    row, created = IdempotencyKey.objects.select_for_update().get_or_create(
        actor=actor, key=key, defaults={"fingerprint": fingerprint}
    )
    if created:
        return row
    if row.fingerprint != fingerprint:
        detail = f"This {HEADER} was used for another request: take a new one."
        raise ProblemError(422, "idempotency-key-reused", detail)
    if row.status is None:
        left = row.created_at + LEASE - now
        if left > timedelta(0):
            raise _in_flight(left)
        row.created_at = now
        row.save(update_fields=["created_at"])
    return row


def _in_flight(left: timedelta) -> ProblemError:
    detail = f"A request with this {HEADER} is being worked on: send it again later."
    wait = max(1, int(left.total_seconds()))
    return ProblemError(
        409, "idempotency-key-in-flight", detail, headers={"Retry-After": str(min(wait, 5))}
    )


def _checked(key: str) -> str:
    """Both `abc` and the quoted string of the draft."""
    bare = key.strip().strip('"')
    if not bare or len(bare) > LONGEST or not bare.isprintable():
        detail = f"{HEADER} must be 1 to {LONGEST} printable letters."
        raise ProblemError(400, "invalid-idempotency-key", detail)
    return bare


def _fingerprint(request: Request) -> str:
    asked = [request.method, request.path, sorted(request.query_params.items()), body_of(request)]
    canonical = json.dumps(asked, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
