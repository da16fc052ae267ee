"""Past changes that did harm and are like a new one, as they were known when it was assessed."""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.db.models import Case, Func, IntegerField, QuerySet, TextField, Value, When
from django.db.models.functions import Cast, Left
from django.db.models.lookups import LessThanOrEqual

from controlplane.ended import HARMFUL, HARMLESS
from controlplane.models import Outcome, Signal
from controlplane.risk.similar import ARTEFACT_CHARACTERS, Past, Told, similar
from controlplane.submission import Submission

MOST_PAST = 5_000
# As it lies in the database. To take the beginning of a larger one the server has to unpack it all.
MOST_BYTES = 20_000


def similar_to(submission: Submission, signals: Iterable[str]) -> list[dict[str, Any]]:
    """`[{"change", "title", "result", "similarity"}]`, the likest first."""
    ended = Outcome.objects.filter(result__in=(*HARMFUL, *HARMLESS)).order_by("-ended_at", "-pk")
    if not ended.filter(result__in=HARMFUL).exists():
        return []
    rows = list(
        ended.annotate(begins=_beginning()).values_list(
            *("change_id", "result", "change__title", "change__kind", "change__targets", "begins")
        )[:MOST_PAST]
    )
    found = _signals(ended)
    past = [
        Past(
            Told(title, kind, _services(targets), tuple(found[change]), begins),
            harmful=result in HARMFUL,
        )
        for change, result, title, kind, targets, begins in rows
    ]
    return [
        {
            "change": str(rows[place][0]),
            "title": rows[place][2],
            "result": rows[place][1],
            "similarity": round(cosine, 2),
        }
        for place, cosine in similar(_told(submission, signals), past)
    ]


def _told(submission: Submission, signals: Iterable[str]) -> Told:
    artefact = submission.artefact
    return Told(
        submission.title,
        submission.kind,
        tuple(target.service for target in submission.targets),
        tuple(signals),
        "" if artefact is None else json.dumps(artefact)[:ARTEFACT_CHARACTERS],
    )


def _beginning() -> Case:
    size = Func("change__artefact", function="pg_column_size", output_field=IntegerField())
    text = Left(Cast("change__artefact", TextField()), ARTEFACT_CHARACTERS)
    return Case(
        When(LessThanOrEqual(size, MOST_BYTES), then=text),
        default=Value(""),
        output_field=TextField(),
    )


def _services(targets: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    return tuple(target["service"] for target in targets)


def _signals(ended: QuerySet[Outcome]) -> dict[UUID, list[str]]:
    found: dict[UUID, list[str]] = defaultdict(list)
    changes = ended.values("change_id")[:MOST_PAST]
    rows = Signal.objects.filter(assessment__change_id__in=changes)
    for change, name in rows.values_list("assessment__change_id", "signal_id").distinct():
        found[change].append(name)
    return found
