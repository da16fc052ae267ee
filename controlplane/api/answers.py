"""Shapes of the answers, for the schema only: the rows are read by controlplane.reading.

A member that has the name of something in a serializer itself is added in get_fields.
"""

from collections.abc import Iterable
from typing import Any

from drf_spectacular.utils import OpenApiParameter, inline_serializer
from rest_framework import serializers as s

from controlplane.models import ChangeClass, RiskLevel
from rollout.machine import ChangeState, HoldKind, Phase, StageState

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
    """What `classify` says, and the decision that would be taken."""

    level = s.CharField()


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


class ChangeAnswer(ChangeSummaryAnswer):
    targets = s.JSONField()
    plan = s.JSONField()
    reasons = s.JSONField()
    assessment = AssessmentAnswer(allow_null=True)
    approvals = ApprovalAnswer(many=True)
    scheduled_for = s.DateTimeField(allow_null=True)
    expires_at = s.DateTimeField(allow_null=True)
    review_due_at = s.DateTimeField(allow_null=True)

    def get_fields(self) -> dict[str, Field]:
        return {**super().get_fields(), "source": s.JSONField()}


class HoldAnswer(Answer):
    kind = one_of(HoldKind)
    actor = s.CharField()
    reason = s.CharField(allow_blank=True)
    since = s.DateTimeField()
    expires = s.DateTimeField(allow_null=True)


class StageAnswer(Answer):
    share = s.FloatField()
    state = s.CharField(help_text=words(StageState))
    verdict = s.CharField(allow_blank=True)
    reason = s.CharField(allow_blank=True)
    baking_since = s.DateTimeField(allow_null=True)
    ended_at = s.DateTimeField(allow_null=True)


class RolloutSummaryAnswer(Answer):
    id = s.UUIDField()
    change = s.UUIDField()
    title = s.CharField()
    environment = s.CharField()
    artefact = s.CharField()
    control_level = s.CharField()
    state = s.CharField()
    phase = one_of(Phase)
    version = s.IntegerField()
    holds = HoldAnswer(many=True)
    stage = s.IntegerField(allow_null=True)
    stages = StageAnswer(many=True)
    undoes = s.UUIDField(allow_null=True)
    created_at = s.DateTimeField()
    started_at = s.DateTimeField(allow_null=True)
    halted_at = s.DateTimeField(allow_null=True)
    rolling_back_since = s.DateTimeField(allow_null=True)
    ended_at = s.DateTimeField(allow_null=True)
    undo_until = s.DateTimeField(allow_null=True)
    recovered_at = s.DateTimeField(allow_null=True)


class PlacementAnswer(Answer):
    target = s.CharField()
    service = s.CharField()
    executor = s.CharField()
    desired = s.FloatField()
    desired_units = s.ListField(child=s.CharField())
    observed = s.FloatField()
    observed_units = s.ListField(child=s.CharField())
    observed_at = s.DateTimeField(allow_null=True)
    generation = s.IntegerField()
    confirmed_generation = s.IntegerField()
    failures = s.IntegerField()
    last_error = s.CharField(allow_blank=True)


class LedgerDecisionAnswer(Answer):
    id = s.UUIDField()
    at = s.DateTimeField()
    decision = s.CharField()
    reasons = s.ListField(child=s.CharField())
    actor = s.CharField()


class RolloutAnswer(RolloutSummaryAnswer):
    exposure = s.FloatField()
    desired_exposure = s.FloatField()
    placements = PlacementAnswer(many=True)
    decisions = LedgerDecisionAnswer(many=True)
    suspects = s.JSONField()
    none_of_them = s.FloatField(allow_null=True)
    finding = s.UUIDField(allow_null=True)


class LedgerAnswer(LedgerDecisionAnswer):
    rollout = s.UUIDField()
    change = s.UUIDField()
    sequence = s.IntegerField()
    inputs = s.JSONField()
    previous_hash = s.CharField(allow_blank=True)
    hash = s.CharField()


class FindingAnswer(Answer):
    id = s.UUIDField()
    at = s.DateTimeField()
    suspects = s.JSONField()
    none_of_them = s.FloatField()
    localized = s.JSONField()


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


class MarkAnswer(Answer):
    at = s.FloatField()

    def get_fields(self) -> dict[str, Field]:
        return {**super().get_fields(), "label": s.CharField()}


class MetricSeriesAnswer(Answer):
    name = s.CharField()
    kind = s.CharField()
    direction = s.CharField()
    t = s.ListField(child=s.FloatField())
    canary = s.JSONField()
    control = s.JSONField()


class ServiceSeriesAnswer(Answer):
    service = s.CharField()
    metrics = MetricSeriesAnswer(many=True)
    exposure = s.ListField(child=s.ListField(child=s.FloatField()))


class SeriesAnswer(Answer):
    """Times in seconds since 1970; one value a time, null: nothing reported."""

    rollout = s.UUIDField()
    until = s.FloatField()
    interval_s = s.FloatField()
    services = ServiceSeriesAnswer(many=True)
    marks = MarkAnswer(many=True)

    def get_fields(self) -> dict[str, Field]:
        return {**super().get_fields(), "from": s.FloatField()}


class ServiceAnswer(Answer):
    name = s.CharField()
    team = s.CharField()
    environment = s.CharField()
    tier = s.IntegerField()
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
