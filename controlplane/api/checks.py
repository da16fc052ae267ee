"""Results of the checks that a policy asks for, told by a pipeline or a scanner."""

import uuid
from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers as s
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane import quality_gates
from controlplane.access import Scope
from controlplane.api.answers import Answer
from controlplane.api.base import ApiView, actor_of, body_of
from controlplane.api.fields import Body, Text, validated
from controlplane.api.permissions import check_services
from controlplane.models import Change
from controlplane.reading_changes import checks_json
from rollout.services import NotAllowedError


class CheckBody(Body):
    name = Text(max_length=100)
    passed = s.BooleanField()
    url = s.URLField(max_length=500, required=False, default="", allow_blank=True)
    detail = Text(max_length=500, required=False, default="", allow_blank=True)


class CheckAnswer(Answer):
    name = s.CharField()
    state = s.ChoiceField(["missing", "failed", "passed"])
    actor = s.CharField(allow_null=True)
    at = s.DateTimeField(allow_null=True)
    url = s.CharField()
    detail = s.CharField()


class ChecksAnswer(Answer):
    checks = CheckAnswer(many=True)


class ChecksView(ApiView):
    scopes: ClassVar = {"POST": Scope.SUBMIT}
    minds_services = True

    @extend_schema(operation_id="changes_check", request=CheckBody, responses={201: ChecksAnswer})
    def post(self, request: Request, change_id: uuid.UUID) -> Response:
        """The newest result of a name counts. It is kept with who told it."""
        result = validated(CheckBody, body_of(request))
        check_services(request, Change.objects.get(pk=change_id).targets)
        try:
            quality_gates.record(change_id, actor_of(request), result)
        except NotAllowedError as refused:
            raise PermissionDenied(f"This is refused: {refused}.") from None
        change = Change.objects.get(pk=change_id)
        return Response({"checks": checks_json(change, change.assessments.latest())}, status=201)
