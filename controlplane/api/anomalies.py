"""What was noticed, who is suspected, and people's word on it."""

import uuid
from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter as Parameter
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from attribution.models import Anomaly
from controlplane import feedback
from controlplane.access import Scope
from controlplane.anomalies import known_of, newest_findings
from controlplane.api import answers, bodies
from controlplane.api.anomaly_answers import (
    AnomalyFeedbackAnswer,
    TellingApartAnswer,
    WholeAnomalyAnswer,
)
from controlplane.api.base import ApiView, PagedView, actor_of, body_of, flag, parameter
from controlplane.api.fields import validated
from controlplane.api.idempotency import HEADER, Answer, once
from controlplane.reading import anomaly_json
from controlplane.reading_anomalies import feedback_json, known_json, under_way_json
from rollout.telling_apart_orders import Order, start


class AnomaliesView(PagedView):
    scopes: ClassVar = {"GET": Scope.READ}
    cursor_fields: ClassVar = ("-detected_at", "-id")

    @extend_schema(
        operation_id="anomalies_list",
        responses=answers.page(answers.AnomalyAnswer),
        parameters=[
            *answers.PAGE_PARAMETERS,
            Parameter("service"),
            Parameter("open", enum=["0", "1", "true", "false"]),
        ],
    )
    def get(self, request: Request) -> Response:
        """`open=1`: those that go on; `open=0`: those that have ended."""
        pages = self.pages
        rows = pages.paginate_queryset(_filtered(request), request, self)
        findings = newest_findings(rows)
        return pages.get_paginated_response(
            [anomaly_json(row, findings.get(row.pk)) for row in rows]
        )


def _filtered(request: Request) -> QuerySet[Anomaly]:
    rows = Anomaly.objects.select_related("service")
    if service := parameter(request, "service"):
        rows = rows.filter(service__name=service)
    if parameter(request, "open"):
        rows = rows.filter(ended_at__isnull=flag(request, "open"))
    return rows


class AnomalyView(ApiView):
    scopes: ClassVar = {"GET": Scope.READ}

    @extend_schema(operation_id="anomalies_read", responses=WholeAnomalyAnswer)
    def get(self, request: Request, anomaly_id: uuid.UUID) -> Response:
        """With its newest finding whole, the earlier ones in short, and what was done."""
        del request
        row = Anomaly.objects.select_related("service").get(pk=anomaly_id)
        return Response(known_json(known_of(row)))


class AnomalyFeedbackView(ApiView):
    scopes: ClassVar = {"POST": Scope.OPERATE}

    @extend_schema(
        operation_id="anomalies_feedback",
        request=bodies.AnomalyFeedbackBody,
        responses={201: AnomalyFeedbackAnswer},
        parameters=[Parameter(HEADER, location=Parameter.HEADER)],
    )
    def post(self, request: Request, anomaly_id: uuid.UUID) -> Response:
        """Which change it was; null: none of them. The newest word counts, the older ones stay."""
        given = validated(bodies.AnomalyFeedbackBody, body_of(request))
        author = actor_of(request)
        return once(request, lambda: _said(anomaly_id, given, author))


def _said(anomaly_id: uuid.UUID, given: dict[str, Any], author: str) -> Answer:
    row = feedback.give(anomaly_id, given["change"], given["note"], author)
    return Answer(201, feedback_json(row))


class TellingApartView(ApiView):
    scopes: ClassVar = {"POST": Scope.OPERATE}

    @extend_schema(
        operation_id="anomalies_tell_apart",
        request=bodies.TellingApartBody,
        responses={201: TellingApartAnswer},
        parameters=[Parameter(HEADER, location=Parameter.HEADER)],
    )
    def post(self, request: Request, anomaly_id: uuid.UUID) -> Response:
        """Hold one of two tied suspects and step the other down, as proposed; 409 when it is not.

        Sent again while it goes on: the same answer, and nothing more happens.
        """
        given = validated(bodies.TellingApartBody, body_of(request))
        author = actor_of(request)
        return once(request, lambda: _told_apart(anomaly_id, given, author))


def _told_apart(anomaly_id: uuid.UUID, given: dict[str, Any], author: str) -> Answer:
    going_on = start(anomaly_id, Order(actor=author, **given))
    return Answer(201, under_way_json(going_on))
