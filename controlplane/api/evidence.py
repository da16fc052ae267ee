"""What was decided: the ledger, and people's word on it."""

import uuid
from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter as Parameter
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers as s
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.access import Scope
from controlplane.api import answers, bodies
from controlplane.api.base import ApiView, PagedView, actor_of, body_of, flag, parameter
from controlplane.api.errors import ProblemError
from controlplane.api.fields import validated
from controlplane.models import Feedback
from controlplane.reading import ledger_json, moment
from rollout.ledger import verify
from rollout.models import Decision, Rollout
from rollout.recompute import explain


class LedgerView(PagedView):
    scopes: ClassVar = {"GET": Scope.READ}
    cursor_fields: ClassVar = ("-at", "-id")

    @extend_schema(
        operation_id="ledger_list",
        responses=inline_serializer(
            "LedgerPage",
            {
                "results": answers.LedgerAnswer(many=True),
                "next": s.CharField(allow_null=True),
                "verification": s.JSONField(required=False),
            },
        ),
        parameters=[
            *answers.PAGE_PARAMETERS,
            Parameter("rollout"),
            Parameter("change"),
            Parameter("verify", enum=["0", "1", "true", "false"]),
        ],
    )
    def get(self, request: Request) -> Response:
        """With `verify=1` the whole hash chain of every rollout on the page is checked."""
        pages = self.pages
        rows = pages.paginate_queryset(_decisions(request), request, self)
        response = pages.get_paginated_response([ledger_json(row) for row in rows])
        if flag(request, "verify"):
            response.data["verification"] = _verified({row.rollout_id for row in rows})
        return response


def _decisions(request: Request) -> QuerySet[Decision]:
    rows = Decision.objects.all()
    for name, column in (("rollout", "rollout_id"), ("change", "change_id")):
        if value := parameter(request, name):
            rows = rows.filter(**{column: _uuid(value, name)})
    return rows


def _verified(rollouts: set[uuid.UUID]) -> dict[str, Any]:
    checked = {row.pk: verify(row) for row in Rollout.every.filter(pk__in=rollouts)}
    problems = {str(pk): found for pk, found in checked.items() if found}
    return {"ok": not problems, "rollouts": len(checked), "problems": problems}


def _uuid(value: str, name: str) -> uuid.UUID:
    try:
        return uuid.UUID(value)
    except ValueError:
        raise ProblemError(422, "invalid-query", f"{name} must be an id.") from None


class ExplainView(ApiView):
    scopes: ClassVar = {"GET": Scope.READ}

    @extend_schema(operation_id="decisions_explain", responses=answers.ExplanationAnswer)
    def get(self, request: Request, decision_id: uuid.UUID) -> Response:
        """The decision computed again from its stored inputs; `same` is null for an order."""
        del request
        found = explain(Decision.objects.get(pk=decision_id))
        differences = [
            {"field": each.field, "recorded": each.recorded, "again": each.again}
            for each in found.differences
        ]
        body = {"text": found.text, "same": found.same, "altered": list(found.altered)}
        return Response(body | {"differences": differences})


class FeedbackView(ApiView):
    scopes: ClassVar = {"POST": Scope.SUBMIT}

    @extend_schema(
        operation_id="decisions_feedback",
        request=bodies.FeedbackBody,
        responses={201: answers.FeedbackAnswer},
    )
    def post(self, request: Request, decision_id: uuid.UUID) -> Response:
        """Was this decision right, wrong, or is something missed? Precision is counted from it."""
        given = validated(bodies.FeedbackBody, body_of(request))
        decision = Decision.objects.get(pk=decision_id)
        row = Feedback.objects.create(
            decision_id=decision.pk,
            change_id=decision.change_id,
            actor=actor_of(request),
            **given,
        )
        body = {
            "decision": str(row.decision_id),
            "change": str(row.change_id),
            "answer": row.answer,
            "comment": row.comment,
            "actor": row.actor,
            "at": moment(row.at),
        }
        return Response(body, status=201)
