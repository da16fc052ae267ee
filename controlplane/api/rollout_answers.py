"""Shapes of a rollout's answers, for the schema only."""

from rest_framework import serializers as s

from controlplane.api.answers import Answer, Field, LedgerDecisionAnswer, one_of, words
from rollout.machine import HoldKind, Phase, StageState


class HoldAnswer(Answer):
    kind = one_of(HoldKind)
    actor = s.CharField()
    reason = s.CharField(allow_blank=True)
    since = s.DateTimeField()
    expires = s.DateTimeField(allow_null=True)


class MetricExpected(Answer):
    """Shares are the metric's own. `why` there is no `pass_in_s`: docs/planning.md."""

    metric = s.CharField()
    pass_in_s = s.FloatField(allow_null=True)
    why = s.CharField(allow_blank=True)
    base = s.FloatField(allow_null=True)
    requests_per_s = s.FloatField()
    excludes = s.FloatField(allow_null=True)


class DetectsAnswer(Answer):
    """A regression of `factor` times the bad events (null: there are none) is seen within so long;
    null: never.
    """

    metric = s.CharField()
    factor = s.FloatField(allow_null=True)
    share = s.FloatField()
    within_s = s.FloatField(allow_null=True)


class ExpectedAnswer(Answer):
    """Medians at the traffic of now; null: not known, or never."""

    pass_in_s = s.FloatField(allow_null=True)
    min_s_left = s.FloatField()
    max_s_left = s.FloatField()
    samples_left = s.IntegerField()
    metrics = MetricExpected(many=True)
    detects = DetectsAnswer(many=True)


class StageAnswer(Answer):
    share = s.FloatField()
    state = s.CharField(help_text=words(StageState))
    verdict = s.CharField(allow_blank=True)
    reason = s.CharField(allow_blank=True)
    baking_since = s.DateTimeField(allow_null=True)
    ended_at = s.DateTimeField(allow_null=True)
    expected = ExpectedAnswer(required=False, help_text="Of the stage that bakes; not in lists")


class RolloutSummaryAnswer(Answer):
    id = s.UUIDField()
    change = s.UUIDField()
    title = s.CharField()
    environment = s.CharField()
    artefact = s.CharField()
    control_level = s.CharField()
    state = s.CharField()
    shadow = s.BooleanField(help_text="Others carry it out; Graygate only watches.")
    phase = one_of(Phase)
    version = s.IntegerField()
    holds = HoldAnswer(many=True)
    stage = s.IntegerField(allow_null=True)
    stages = StageAnswer(many=True)
    undoes = s.UUIDField(allow_null=True)
    retries = s.UUIDField(allow_null=True, help_text="The rolled back one that this tries again.")
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


class RolloutAnswer(RolloutSummaryAnswer):
    exposure = s.FloatField()
    desired_exposure = s.FloatField()
    placements = PlacementAnswer(many=True)
    decisions = LedgerDecisionAnswer(many=True)
    suspects = s.JSONField()
    none_of_them = s.FloatField(allow_null=True)
    finding = s.UUIDField(allow_null=True)


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
