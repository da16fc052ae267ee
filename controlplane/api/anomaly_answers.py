"""Shapes of an anomaly's answers, for the schema only."""

from rest_framework import serializers as s

from controlplane.api.answers import (
    AnomalyAnswer,
    Answer,
    Field,
    FindingAnswer,
    LedgerDecisionAnswer,
)


class EvidenceAnswer(Answer):
    """`weight` in log-odds: above 0 it speaks for it, below 0 against."""

    kind = s.CharField()
    summary = s.CharField()
    weight = s.FloatField()


class ReasonAnswer(Answer):
    """What it may have been instead of any change."""

    kind = s.CharField()
    summary = s.CharField()
    probability = s.FloatField(required=False)


class SuspectAnswer(Answer):
    change = s.CharField()
    probability = s.FloatField()
    how = s.CharField(required=False, help_text="In what way it did the harm")
    evidence = EvidenceAnswer(many=True)
    vetoes = s.ListField(child=s.CharField())


class WholeFindingAnswer(FindingAnswer):
    def get_fields(self) -> dict[str, Field]:
        own = {"suspects": SuspectAnswer(many=True), "none_reasons": ReasonAnswer(many=True)}
        return {**super().get_fields(), **own}


class EarlierFindingAnswer(Answer):
    """`leader` null: there were no suspects."""

    id = s.UUIDField()
    at = s.DateTimeField()
    leader = s.CharField(allow_null=True)
    probability = s.FloatField(allow_null=True)
    none_of_them = s.FloatField()


class ReactionAnswer(Answer):
    rollout = s.UUIDField()
    change = s.UUIDField()
    title = s.CharField()
    state = s.CharField()
    recovered_at = s.DateTimeField(allow_null=True)
    decisions = LedgerDecisionAnswer(many=True)


class AnomalyFeedbackAnswer(Answer):
    id = s.IntegerField()
    anomaly = s.UUIDField()
    change = s.UUIDField(allow_null=True)
    note = s.CharField(allow_blank=True)
    author = s.CharField()
    at = s.DateTimeField()


class StandingAnswer(Answer):
    change = s.CharField()
    probability = s.FloatField()
    turn = s.ChoiceField(["", "under_way", "in_vain"], help_text="Of being taken back for this")


class StandingsAnswer(Answer):
    """The probabilities that the loop goes by: what was rolled back in vain counts less."""

    suspects = StandingAnswer(many=True)
    none_of_them = s.FloatField()


class ProposalAnswer(Answer):
    """Hold the one, step the other down: the trouble falls with the one that did it."""

    hold = s.CharField()
    step_down = s.CharField()
    from_share = s.FloatField()
    to_share = s.FloatField()
    minutes = s.IntegerField()
    why = s.CharField()


class TellingApartAnswer(Answer):
    hold = s.CharField()
    step_down = s.CharField()
    to_share = s.FloatField()
    since = s.DateTimeField()
    until = s.DateTimeField()
    actor = s.CharField()


class AttemptAnswer(Answer):
    """At most one of `proposal` and `under_way`; without both, `why_not` is a sentence."""

    proposal = ProposalAnswer(allow_null=True)
    under_way = TellingApartAnswer(allow_null=True)
    why_not = s.CharField(allow_blank=True)


class WholeAnomalyAnswer(AnomalyAnswer):
    finding = WholeFindingAnswer(allow_null=True)
    earlier = EarlierFindingAnswer(many=True)
    earlier_left_out = s.IntegerField()
    done = ReactionAnswer(many=True)
    feedback = AnomalyFeedbackAnswer(many=True)
    standing = StandingsAnswer(allow_null=True)
    telling_apart = AttemptAnswer()
