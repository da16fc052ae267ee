"""Request bodies. What other modules validate themselves stands here for the schema only."""

from rest_framework import serializers as s

from attribution.models import ControlLevel
from controlplane.api.answers import Field
from controlplane.api.fields import Body, Id, Moment, Text, Whole, texts
from controlplane.models import ChangeClass, Feedback
from rollout.telling_apart_orders import MOST_MINUTES


class ReasonBody(Body):
    reason = Text(max_length=1000, required=False, default="")


class RequiredReasonBody(Body):
    reason = Text(max_length=1000)


class PromoteBody(ReasonBody):
    stage = Whole(min_value=0, max_value=1000)


class FeedbackBody(Body):
    answer = s.ChoiceField(Feedback.Answer.choices)
    comment = Text(max_length=2000, required=False, default="", allow_blank=True)


class AnomalyFeedbackBody(Body):
    """`change` null: none of them did it."""

    change = Id(allow_null=True)
    note = Text(max_length=2000, required=False, default="", allow_blank=True)


class TellingApartBody(ReasonBody):
    """As proposed: the one that is held, the one that is stepped down."""

    hold = Id()
    step_down = Id()
    minutes = Whole(min_value=1, max_value=MOST_MINUTES, required=False, allow_null=True)


class CohortsBody(Body):
    canary = Text(max_length=1000)
    control = Text(max_length=1000)


class PluginBody(Body):
    """An executor or a source: a registered name and what it is told."""

    name = Text(max_length=50)
    config = s.DictField(required=False, default=dict)


class ServiceBody(Body):
    """For the schema; controlplane.configuration.services reads it."""

    name = Text(max_length=100, required=False)
    team = Text(max_length=100)
    environment = Text(max_length=50, required=False, default="production")
    tier = Whole(min_value=0, max_value=3, required=False, default=2)
    control_level = s.ChoiceField(ControlLevel.choices, required=False, default="L0")
    calls = texts(required=False, default=list, max_length=1000)
    units = texts(required=False, default=list, max_length=100_000)
    cohorts = CohortsBody(required=False, allow_null=True)
    executor = PluginBody(required=False, allow_null=True)
    telemetry = s.ListField(child=s.DictField(), required=False, default=list, max_length=200)

    def get_fields(self) -> dict[str, Field]:
        # `source` as a class attribute would hide rest_framework's own.
        own = PluginBody(required=False, allow_null=True)
        return {**super().get_fields(), "source": own}


class ScopeBody(Body):
    """What is named must fit; empty: everything."""

    service = Text(max_length=100, required=False)
    team = Text(max_length=100, required=False)
    environment = Text(max_length=50, required=False)
    kind = Text(max_length=50, required=False)


class SilenceScopeBody(ScopeBody):
    """With `guardrail`, beside at most `service`: that one is not listened to."""

    guardrail = Text(max_length=100, required=False)


class FreezeBody(Body):
    """For the schema; controlplane.configuration.spans reads it."""

    name = Text(max_length=100, required=False)
    scope = ScopeBody(required=False)
    reason = Text(max_length=1000)
    starts_at = Moment(required=False, allow_null=True)
    ends_at = Moment(required=False, allow_null=True)


class SilenceBody(Body):
    """For the schema; controlplane.configuration.spans reads it."""

    name = Text(max_length=100, required=False)
    scope = SilenceScopeBody(required=False)
    reason = Text(max_length=1000)
    ends_at = Moment()


class GuardrailBody(Body):
    """For the schema; attribution.guardrails reads it."""

    service = Text()
    name = Text(required=False)
    kind = s.ChoiceField(["value", "ratio", "distribution"], required=False)
    query = Text(required=False)
    events = Text(required=False)
    total = Text(required=False)
    direction = s.ChoiceField(["increase", "decrease", "either"], required=False)
    margin = s.FloatField(required=False)
    pass_margin = s.FloatField(required=False)
    margin_abs = s.FloatField(required=False)
    weight = s.FloatField(required=False)
    critical = s.BooleanField(required=False)
    min_samples = s.FloatField(required=False)
    settle_s = s.FloatField(required=False)
    params = s.DictField(required=False)

    def get_fields(self) -> dict[str, Field]:
        return {**super().get_fields(), "source": Text(required=False)}


class PolicyBody(Body):
    """For the schema; controlplane.risk.policy_rows reads it."""

    when = s.JSONField(required=False)
    then = s.JSONField(required=False)


class TargetBody(Body):
    service = Text()
    units = texts(required=False)


class StageBody(Body):
    share = s.FloatField(min_value=0, max_value=1)
    min_s = s.FloatField(required=False, min_value=0)
    max_s = s.FloatField(required=False, min_value=0)
    min_samples = s.FloatField(required=False, min_value=0)


class PlanBody(Body):
    stages = StageBody(many=True, required=False)
    on_inconclusive = s.ChoiceField(["hold", "rollback"], required=False)


class ChangeSourceBody(Body):
    repository = Text(required=False)
    revision = Text(required=False)
    pipeline_url = Text(required=False)
    path = Text(required=False)


class ChangeBody(Body):
    """For the schema; controlplane.submission reads it."""

    title = Text(max_length=200)
    kind = Text(max_length=50)
    environment = Text(max_length=50)
    targets = TargetBody(many=True)
    artefact = s.JSONField(required=False)
    before = s.JSONField(required=False)
    executor = PluginBody(required=False)
    plan = PlanBody(required=False)
    guardrails = GuardrailBody(many=True, required=False)
    scheduled_for = Moment(required=False)

    def get_fields(self) -> dict[str, Field]:
        return {
            **super().get_fields(),
            "class": s.ChoiceField(ChangeClass.choices, required=False),
            "source": ChangeSourceBody(required=False),
        }
