import uuid
from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter as Parameter
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane import second_attempts
from controlplane.access import Scope
from controlplane.api import answers, bodies
from controlplane.api.base import ApiView, PagedView, actor_of, body_of, parameter
from controlplane.api.errors import ProblemError
from controlplane.api.fields import Body, validated
from controlplane.api.rollout_answers import RolloutAnswer, RolloutSummaryAnswer, SeriesAnswer
from controlplane.reading import rollout_json, rollout_summary, series_json
from rollout import services
from rollout.machine import Phase
from rollout.models import Rollout

IF_MATCH = Parameter("If-Match", location=Parameter.HEADER, description="The ETag of your read")


class RolloutsView(PagedView):
    scopes: ClassVar = {"GET": Scope.READ}

    @extend_schema(
        operation_id="rollouts_list",
        responses=answers.page(RolloutSummaryAnswer),
        parameters=[
            *answers.PAGE_PARAMETERS,
            Parameter("phase", enum=list(Phase)),
            Parameter("environment"),
            Parameter("service"),
        ],
    )
    def get(self, request: Request) -> Response:
        pages = self.pages
        rows = pages.paginate_queryset(_filtered(request), request, self)
        return pages.get_paginated_response([rollout_summary(row) for row in rows])


def _filtered(request: Request) -> QuerySet[Rollout]:
    rows = Rollout.objects.prefetch_related("holds", "stages")
    if phase := parameter(request, "phase", tuple(Phase)):
        rows = rows.filter(phase=phase)
    if environment := parameter(request, "environment"):
        rows = rows.filter(environment=environment)
    if service := parameter(request, "service"):
        rows = rows.filter(placements__service=service).distinct()
    return rows


class RolloutView(ApiView):
    scopes: ClassVar = {"GET": Scope.READ}

    @extend_schema(operation_id="rollouts_read", responses=RolloutAnswer)
    def get(self, request: Request, rollout_id: uuid.UUID) -> Response:
        del request
        return _answer(Rollout.every.get(pk=rollout_id))


class SeriesView(ApiView):
    scopes: ClassVar = {"GET": Scope.READ}

    @extend_schema(operation_id="rollouts_series", responses=SeriesAnswer)
    def get(self, request: Request, rollout_id: uuid.UUID) -> Response:
        """What the charts draw: each guarded metric, canary beside control."""
        del request
        return Response(series_json(Rollout.every.get(pk=rollout_id)))


class _ActionView(ApiView):
    """`POST rollouts/{id}/<action>`, by the function of that name in rollout.services."""

    scopes: ClassVar = {"POST": Scope.OPERATE}
    action: ClassVar[str]
    body: ClassVar[type[Body]] = bodies.ReasonBody

    def post(self, request: Request, rollout_id: uuid.UUID) -> Response:
        given = validated(self.body, body_of(request))
        act = getattr(services, self.action)
        act(rollout_id, actor_of(request), version=if_match(request), **given)
        return _answer(Rollout.every.get(pk=rollout_id))


def action_view(name: str, body: type[Body]) -> type[_ActionView]:
    view = type(f"{name.title()}View", (_ActionView,), {"action": name, "body": body})
    described = extend_schema(
        operation_id=f"rollouts_{name}",
        request=body,
        responses=RolloutAnswer,
        parameters=[IF_MATCH],
    )
    return extend_schema_view(post=described)(view)


class RetryView(ApiView):
    scopes: ClassVar = {"POST": Scope.OPERATE}

    @extend_schema(
        operation_id="rollouts_retry",
        request=bodies.ReasonBody,
        responses={200: RolloutAnswer, 201: RolloutAnswer},
        parameters=[IF_MATCH],
    )
    def post(self, request: Request, rollout_id: uuid.UUID) -> Response:
        """Judge again, or try the rollback again. One that is rolled back is carried out again, for
        a `reason`, as a new rollout from stage one; that one is answered, with 201.
        """
        reason = validated(bodies.ReasonBody, body_of(request))["reason"]
        if Rollout.every.get(pk=rollout_id).phase == Phase.ROLLED_BACK:
            reason = validated(bodies.RequiredReasonBody, body_of(request))["reason"]
            new = second_attempts.start(rollout_id, actor_of(request), reason, if_match(request))
            return _created(new)
        services.retry(rollout_id, actor_of(request), reason, version=if_match(request))
        return _answer(Rollout.every.get(pk=rollout_id))


ACTION_VIEWS = {
    "pause": action_view("pause", bodies.RequiredReasonBody),
    "resume": action_view("resume", bodies.ReasonBody),
    "promote": action_view("promote", bodies.PromoteBody),
    "abort": action_view("abort", bodies.RequiredReasonBody),
    "retry": RetryView,
    "accept": action_view("accept", bodies.RequiredReasonBody),
}


class UndoView(ApiView):
    scopes: ClassVar = {"POST": Scope.OPERATE}

    @extend_schema(
        operation_id="rollouts_undo",
        request=bodies.RequiredReasonBody,
        responses={201: RolloutAnswer},
    )
    def post(self, request: Request, rollout_id: uuid.UUID) -> Response:
        """A completed change is undone by a new rollout of the old version; it is answered."""
        reason = validated(bodies.RequiredReasonBody, body_of(request))["reason"]
        back = services.undo(rollout_id, actor_of(request), reason)
        return _created(back)


def if_match(request: Request) -> int | None:
    """The version that the client saw. None: it does not say, or says `*`."""
    tag = request.headers.get("If-Match", "*").strip()
    if tag == "*":
        return None
    bare = tag.strip('"')
    if not (bare.isascii() and bare.isdigit() and len(bare) < 10):
        detail = "If-Match must be the ETag of the rollout as you read it."
        raise ProblemError(412, "version-mismatch", detail)
    return int(bare)


def _created(rollout: Rollout) -> Response:
    location = f"/api/v1/rollouts/{rollout.pk}"
    return _answer(Rollout.objects.get(pk=rollout.pk), status=201, Location=location)


def _answer(rollout: Rollout, status: int = 200, **headers: Any) -> Response:
    tag = {"ETag": f'"{rollout.version}"'}
    return Response(rollout_json(rollout), status=status, headers=tag | headers)
