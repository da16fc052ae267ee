import uuid
from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter as Parameter
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane import intake, planned
from controlplane.access import Scope
from controlplane.api import answers, bodies
from controlplane.api.base import ApiView, PagedView, actor_of, body_of, flag, parameter
from controlplane.api.errors import ProblemError
from controlplane.api.fields import Body, validated
from controlplane.api.idempotency import HEADER, Answer, once
from controlplane.api.permissions import check_services, scopes_for, services_for
from controlplane.api.waiting import LONGEST_S, etag_of, wait_for_decision
from controlplane.decision import decision_of
from controlplane.models import Change
from controlplane.reading_changes import change_json, change_summary
from rollout.machine import ChangeState
from rollout.services import NotAllowedError


class ChangesView(PagedView):
    scopes: ClassVar = {"GET": Scope.READ, "POST": Scope.SUBMIT}
    minds_services = True

    @extend_schema(
        operation_id="changes_list",
        responses=answers.page(answers.ChangeSummaryAnswer),
        parameters=[
            *answers.PAGE_PARAMETERS,
            Parameter("state", enum=list(ChangeState)),
            Parameter("service"),
            Parameter("environment"),
        ],
    )
    def get(self, request: Request) -> Response:
        pages = self.pages
        rows = pages.paginate_queryset(_filtered(request), request, self)
        return pages.get_paginated_response([change_summary(row) for row in rows])

    @extend_schema(
        operation_id="changes_submit",
        request=bodies.ChangeBody,
        responses={201: answers.DecisionAnswer, 200: answers.DryRunAnswer},
        parameters=[
            Parameter("dry_run", enum=["0", "1", "true", "false"]),
            Parameter(HEADER, location=Parameter.HEADER),
        ],
    )
    def post(self, request: Request) -> Response:
        """With `dry_run=1` nothing is stored: the answer says what would be decided."""
        body, author = body_of(request), actor_of(request)
        check_services(request, body.get("targets"))
        if "executor" in body and services_for(request) is not None:
            # It names a target of the operator's file, of whatever service.
            raise PermissionDenied("This token is for named services: leave `executor` out.")
        if flag(request, "dry_run"):
            return Response(intake.submit(body, author, dry_run=True))
        return once(request, lambda: _submit(body, author))


def _submit(body: dict[str, Any], author: str) -> Answer:
    change = intake.submit(body, author)
    if not isinstance(change, Change):
        raise TypeError("a submission that is no dry run gives a change")
    address = f"/api/v1/changes/{change.pk}"
    return Answer(201, decision_of(change), {"Location": address})


def _filtered(request: Request) -> QuerySet[Change]:
    rows = Change.objects.all()
    if state := parameter(request, "state", tuple(ChangeState)):
        rows = rows.filter(state=state)
    if environment := parameter(request, "environment"):
        rows = rows.filter(environment=environment)
    if service := parameter(request, "service"):
        rows = rows.filter(targets__contains=[{"service": service}])
    return rows


class ChangeView(ApiView):
    scopes: ClassVar = {"GET": Scope.READ}

    @extend_schema(operation_id="changes_read", responses=answers.ChangeAnswer)
    def get(self, request: Request, change_id: uuid.UUID) -> Response:
        del request
        change = Change.objects.get(pk=change_id)
        return Response(change_json(change) | {"stages": planned.of_change(change)})


class DecisionView(ApiView):
    scopes: ClassVar = {"GET": Scope.READ}

    @extend_schema(
        operation_id="changes_decision",
        responses=answers.DecisionAnswer,
        parameters=[
            Parameter("wait", type=float, description="Seconds to wait for another answer, ≤ 30"),
            Parameter("If-None-Match", location=Parameter.HEADER),
        ],
    )
    def get(self, request: Request, change_id: uuid.UUID) -> Response:
        """Answers when the decision is another one than that of `If-None-Match` (without it: than
        it is now), when it is settled, or after `wait` seconds.
        """
        known = request.headers.get("If-None-Match")
        decision, busy = wait_for_decision(change_id, known, _seconds(request))
        headers = {"ETag": etag_of(decision)} | ({"Retry-After": "2"} if busy else {})
        return Response(decision, headers=headers)


def _seconds(request: Request) -> float:
    text = parameter(request, "wait") or "0"
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= LONGEST_S:
        raise ProblemError(422, "invalid-query", f"wait must be 0 to {LONGEST_S:g} seconds.")
    return seconds


class _AnswerView(ApiView):
    """A person's word on a change that waits for it. That an author may not approve is decided
    where the word is taken, not here.
    """

    scopes: ClassVar = {"POST": Scope.APPROVE}
    answer: ClassVar[str]
    body: ClassVar[type[Body]] = bodies.ReasonBody

    def post(self, request: Request, change_id: uuid.UUID) -> Response:
        reason = validated(self.body, body_of(request))["reason"]
        try:
            intake.decide_change(change_id, actor_of(request), self.answer, reason)
        except NotAllowedError as refused:
            raise PermissionDenied(f"This is refused: {refused}.") from None
        return Response(decision_of(Change.objects.get(pk=change_id)))


@extend_schema_view(
    post=extend_schema(
        operation_id="changes_approve", request=bodies.ReasonBody, responses=answers.DecisionAnswer
    )
)
class ApproveView(_AnswerView):
    answer = "approve"


@extend_schema_view(
    post=extend_schema(
        operation_id="changes_reject",
        request=bodies.RequiredReasonBody,
        responses=answers.DecisionAnswer,
    )
)
class RejectView(_AnswerView):
    answer = "reject"
    body = bodies.RequiredReasonBody


class CancelView(ApiView):
    scopes: ClassVar = {"POST": Scope.SUBMIT}
    minds_services = True

    @extend_schema(
        operation_id="changes_cancel", request=bodies.ReasonBody, responses=answers.DecisionAnswer
    )
    def post(self, request: Request, change_id: uuid.UUID) -> Response:
        """By its author, or by whoever may operate."""
        reason = validated(bodies.ReasonBody, body_of(request))["reason"]
        change, actor = Change.objects.get(pk=change_id), actor_of(request)
        check_services(request, change.targets)
        if change.author != actor and Scope.OPERATE not in scopes_for(request):
            raise PermissionDenied("Only its author or an operator cancels a change.")
        intake.cancel(change_id, actor, reason)
        return Response(decision_of(Change.objects.get(pk=change_id)))
