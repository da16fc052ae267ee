"""Policies, freezes and silences."""

from typing import Any, ClassVar

from django.db import transaction
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request

from attribution.clock import database_now
from controlplane import silencing
from controlplane.access import Scope
from controlplane.api import answers
from controlplane.api.base import actor_of
from controlplane.api.bodies import FreezeBody, PolicyBody, SilenceBody
from controlplane.api.named import NamedListView, NamedView
from controlplane.configuration.spans import (
    check_freeze_end,
    check_silence_end,
    parse_freeze,
    parse_silence,
)
from controlplane.models import Policy, Silence
from controlplane.reading import moment
from controlplane.risk.policy_rows import row_of
from rollout import gates
from rollout.models import Freeze


def policy_json(row: Policy) -> dict[str, Any]:
    shown = {"name": row.name, "version": row.version, "updated_at": moment(row.updated_at)}
    return {**row.spec, **shown}


def freeze_json(row: Freeze) -> dict[str, Any]:
    return {
        "name": row.name,
        "scope": row.scope,
        "reason": row.reason,
        "actor": row.actor,
        "starts_at": moment(row.starts_at),
        "ends_at": moment(row.ends_at),
    }


def silence_json(row: Silence) -> dict[str, Any]:
    return {
        "name": row.name,
        "scope": row.scope,
        "reason": row.reason,
        "actor": row.actor,
        "ends_at": moment(row.ends_at),
    }


@extend_schema_view(
    get=extend_schema(
        operation_id="policies_list",
        responses=answers.page(answers.PolicyAnswer),
        parameters=[*answers.PAGE_PARAMETERS],
    )
)
class PoliciesView(NamedListView):
    def rows(self, request: Request) -> QuerySet[Policy]:
        del request
        return Policy.objects.all()

    def shown(self, row: Policy) -> dict[str, Any]:
        return policy_json(row)


@extend_schema_view(
    get=extend_schema(operation_id="policies_read", responses=answers.PolicyAnswer),
    put=extend_schema(
        operation_id="policies_put",
        request=PolicyBody,
        responses={200: answers.PolicyAnswer, 201: answers.PolicyAnswer},
    ),
    delete=extend_schema(operation_id="policies_delete", responses={204: None}),
)
class PolicyView(NamedView):
    # Who writes policies decides what needs an approval: more than operating.
    scopes: ClassVar = {"GET": Scope.READ, "PUT": Scope.ADMIN, "DELETE": Scope.ADMIN}

    def row(self, request: Request, name: str) -> Policy:
        del request
        return Policy.objects.get(name=name)

    def put_row(self, request: Request, name: str, body: dict[str, Any]) -> tuple[Policy, bool]:
        del request
        spec = {key: value for key, value in body.items() if key != "name"}
        row_of(spec)
        row = Policy.objects.select_for_update().filter(name=name).first()
        if row is None:
            return Policy.objects.create(name=name, spec=spec), True
        row.spec, row.version = spec, row.version + 1
        row.save()
        return row, False

    def shown(self, row: Policy) -> dict[str, Any]:
        return policy_json(row)


@extend_schema_view(
    get=extend_schema(
        operation_id="freezes_list",
        responses=answers.page(answers.FreezeAnswer),
        parameters=[*answers.PAGE_PARAMETERS],
    )
)
class FreezesView(NamedListView):
    def rows(self, request: Request) -> QuerySet[Freeze]:
        del request
        return Freeze.objects.all()

    def shown(self, row: Freeze) -> dict[str, Any]:
        return freeze_json(row)


@extend_schema_view(
    get=extend_schema(operation_id="freezes_read", responses=answers.FreezeAnswer),
    put=extend_schema(
        operation_id="freezes_put",
        request=FreezeBody,
        responses={200: answers.FreezeAnswer, 201: answers.FreezeAnswer},
    ),
    delete=extend_schema(operation_id="freezes_delete", responses={204: None}),
)
class FreezeView(NamedView):
    """The freeze named `kill-switch`, with an empty scope, stops all growth at once."""

    def row(self, request: Request, name: str) -> Freeze:
        del request
        return Freeze.objects.get(name=name)

    def put_row(self, request: Request, name: str, body: dict[str, Any]) -> tuple[Freeze, bool]:
        given = parse_freeze(body, name)
        check_freeze_end(given, database_now())
        created = not Freeze.objects.filter(name=name).exists()
        return gates.set_freeze(name, actor=actor_of(request), **given), created

    def remove(self, row: Freeze) -> None:
        gates.lift_freeze(row.name)

    def shown(self, row: Freeze) -> dict[str, Any]:
        return freeze_json(row)


@extend_schema_view(
    get=extend_schema(
        operation_id="silences_list",
        responses=answers.page(answers.SilenceAnswer),
        parameters=[*answers.PAGE_PARAMETERS],
    )
)
class SilencesView(NamedListView):
    def rows(self, request: Request) -> QuerySet[Silence]:
        del request
        return Silence.objects.all()

    def shown(self, row: Silence) -> dict[str, Any]:
        return silence_json(row)


@extend_schema_view(
    get=extend_schema(operation_id="silences_read", responses=answers.SilenceAnswer),
    put=extend_schema(
        operation_id="silences_put",
        request=SilenceBody,
        responses={200: answers.SilenceAnswer, 201: answers.SilenceAnswer},
    ),
    delete=extend_schema(operation_id="silences_delete", responses={204: None}),
)
class SilenceView(NamedView):
    """Nobody is paged for what it fits while it lasts; what is decided does not change. With a
    `guardrail` in its scope: that one neither fails a change nor lets one pass.
    """

    def row(self, request: Request, name: str) -> Silence:
        del request
        return Silence.objects.get(name=name)

    def put_row(self, request: Request, name: str, body: dict[str, Any]) -> tuple[Silence, bool]:
        given = parse_silence(body)
        check_silence_end(given, database_now())
        return silencing.put(name, **given, actor=actor_of(request))

    @transaction.atomic
    def remove(self, row: Silence) -> None:
        silencing.lift([row.name])

    def shown(self, row: Silence) -> dict[str, Any]:
        return silence_json(row)
