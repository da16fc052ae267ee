"""Shapes of the answers, for the schema only: the rows are read by controlplane.reading.

A member that has the name of something in a serializer itself is added in get_fields.
"""

from collections.abc import Iterable
from typing import Any

from drf_spectacular.utils import OpenApiParameter, inline_serializer
from rest_framework import serializers as s

from controlplane.models import ChangeClass, RiskLevel
from rollout.machine import ChangeState

Field = s.Field[Any, Any, Any, Any]


class Answer(s.Serializer[Any]):
    pass


def one_of(words: Iterable[str]) -> s.ChoiceField:
    return s.ChoiceField([(str(word), str(word)) for word in words])


PAGE_PARAMETERS = (
    OpenApiParameter("cursor", description="`next` of the page before"),
    OpenApiParameter("limit", type=int, description="1 to 200"),
)


def words(known: Iterable[str]) -> str:
    return ", ".join(str(word) for word in known)


def page(row: type[Answer]) -> s.Serializer[Any]:
    """One page of rows, and the cursor of the next one."""
    name = row.__name__.removesuffix("Answer") + "Page"
    return inline_serializer(
        name, {"results": row(many=True), "next": s.CharField(allow_null=True)}
    )


class ErrorAnswer(Answer):
    detail = s.CharField()
    pointer = s.CharField()


class ProblemAnswer(Answer):
    type = s.CharField()
    title = s.CharField()
    status = s.IntegerField()
    detail = s.CharField()
    instance = s.CharField()

    def get_fields(self) -> dict[str, Field]:
        return {**super().get_fields(), "errors": ErrorAnswer(many=True)}


class DecisionAnswer(Answer):
    change = s.UUIDField()
    state = s.CharField()
    decision = s.CharField()
    level = s.CharField(allow_null=True)
    reasons = s.ListField(child=s.CharField())
    rollout = s.UUIDField(allow_null=True)
    url = s.CharField()


class DryRunAnswer(Answer):
    """The decision that would be taken, and the assessment behind it. Nothing has an id yet."""

    change = s.CharField(allow_null=True)
    state = s.CharField()
    decision = s.CharField()
    level = s.CharField()
    reasons = s.ListField(child=s.CharField())
    rollout = s.CharField(allow_null=True)
    control_level = s.CharField()
    stages = s.JSONField()
    assessment = s.JSONField()
    dry_run = s.BooleanField()


class ChangeSummaryAnswer(Answer):
    id = s.UUIDField()
    title = s.CharField()
    kind = s.CharField()
    environment = s.CharField()
    services = s.ListField(child=s.CharField())
    author = s.CharField()
    state = s.CharField(help_text=words(ChangeState))
    rollout = s.UUIDField(allow_null=True)
    created_at = s.DateTimeField()
    updated_at = s.DateTimeField()
    url = s.CharField()

    def get_fields(self) -> dict[str, Field]:
        return {**super().get_fields(), "class": s.ChoiceField(ChangeClass.choices)}


class SignalAnswer(Answer):
    id = s.CharField()
    aliases = s.ListField(child=s.CharField())
    severity = s.CharField(help_text=words(RiskLevel))
    summary = s.CharField()
    where = s.CharField(allow_blank=True)
    why = s.CharField(allow_blank=True)
    remedy = s.CharField(allow_blank=True)


class AssessmentAnswer(Answer):
    version = s.CharField()
    at = s.DateTimeField()
    level = s.CharField(help_text=words(RiskLevel))
    score = s.FloatField()
    reach = s.FloatField()
    hazard = s.FloatField()
    likelihood = s.FloatField()
    reversibility = s.CharField()
    policy = s.JSONField()
    signals = SignalAnswer(many=True)


class ApprovalAnswer(Answer):
    actor = s.CharField()
    answer = s.CharField()
    reason = s.CharField(allow_blank=True)
    at = s.DateTimeField()


class SimilarAnswer(Answer):
    change = s.UUIDField()
    title = s.CharField()
    result = s.CharField()
    similarity = s.FloatField()


class ChangeAnswer(ChangeSummaryAnswer):
    targets = s.JSONField()
    plan = s.JSONField()
    reasons = s.JSONField()
    assessment = AssessmentAnswer(allow_null=True)
    similar = SimilarAnswer(
        many=True, help_text="Past changes that did harm and are like it, when it was assessed"
    )
    approvals = ApprovalAnswer(many=True)
    checks = s.JSONField(help_text="What its policy asks for, each missing, failed or passed")
    scheduled_for = s.DateTimeField(allow_null=True)
    expires_at = s.DateTimeField(allow_null=True)
    review_due_at = s.DateTimeField(allow_null=True)
    stages = s.JSONField(
        allow_null=True,
        help_text="As a dry run would tell them now; null once it has started, or is not staged",
    )

    def get_fields(self) -> dict[str, Field]:
        return {**super().get_fields(), "source": s.JSONField()}


class LedgerDecisionAnswer(Answer):
    id = s.UUIDField()
    at = s.DateTimeField()
    decision = s.CharField()
    reasons = s.ListField(child=s.CharField())
    actor = s.CharField()


class LedgerAnswer(LedgerDecisionAnswer):
    rollout = s.UUIDField()
    change = s.UUIDField()
    sequence = s.IntegerField()
    inputs = s.JSONField()
    previous_hash = s.CharField(allow_blank=True)
    hash = s.CharField()


class DifferenceAnswer(Answer):
    field = s.CharField()
    recorded = s.JSONField(allow_null=True)
    again = s.JSONField(allow_null=True)


class ExplanationAnswer(Answer):
    text = s.CharField()
    same = s.BooleanField(allow_null=True, help_text="null: a person ordered it")
    differences = DifferenceAnswer(many=True)
    altered = s.ListField(child=s.CharField(), help_text="What is wrong with the entry itself")


class FindingAnswer(Answer):
    id = s.UUIDField()
    at = s.DateTimeField()
    suspects = s.JSONField()
    none_of_them = s.FloatField()
    none_reasons = s.JSONField(help_text="What it may have been instead")
    localized = s.JSONField()
    incomplete = s.ListField(child=s.CharField())


class AnomalyAnswer(Answer):
    id = s.UUIDField()
    service = s.CharField()
    metric = s.CharField(allow_blank=True)
    origin = s.CharField()
    started_at = s.DateTimeField()
    detected_at = s.DateTimeField()
    ended_at = s.DateTimeField(allow_null=True)
    finding = FindingAnswer(allow_null=True)


class FeedbackAnswer(Answer):
    decision = s.UUIDField()
    change = s.UUIDField()
    answer = s.CharField()
    comment = s.CharField(allow_blank=True)
    actor = s.CharField()
    at = s.DateTimeField()


class AcceptedAnswer(Answer):
    accepted = s.IntegerField()


class ServiceAnswer(Answer):
    name = s.CharField()
    team = s.CharField()
    environment = s.CharField()
    tier = s.IntegerField()
    control_level = s.CharField()
    calls = s.ListField(child=s.CharField())
    units = s.ListField(child=s.CharField())
    cohorts = s.JSONField()
    executor = s.JSONField()
    telemetry = s.JSONField()

    def get_fields(self) -> dict[str, Field]:
        return {**super().get_fields(), "source": s.JSONField()}


class GuardrailAnswer(Answer):
    """The contract's guardrail with its defaults, and the service it guards."""

    name = s.CharField()
    service = s.CharField()
    kind = s.CharField()
    direction = s.CharField()


class PolicyAnswer(Answer):
    name = s.CharField()
    version = s.IntegerField()
    updated_at = s.DateTimeField()


class FreezeAnswer(Answer):
    name = s.CharField()
    scope = s.JSONField()
    reason = s.CharField()
    actor = s.CharField()
    starts_at = s.DateTimeField()
    ends_at = s.DateTimeField(allow_null=True)


class SilenceAnswer(Answer):
    name = s.CharField()
    scope = s.JSONField()
    reason = s.CharField()
    actor = s.CharField()
    ends_at = s.DateTimeField()
