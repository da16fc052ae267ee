"""What Graygate does: rollouts, their stages, holds and placements, and the ledger of decisions."""

import uuid

from django.db import models

from rollout.machine import HoldKind, Phase, StageState, choices


class CarriedOut(models.Manager["Rollout"]):
    """What Graygate carries out itself: whatever acts or waits sees no others."""

    def get_queryset(self) -> models.QuerySet["Rollout"]:
        return super().get_queryset().filter(shadow=False)


class Rollout(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # The floor above owns the change; one executing rollout for each.
    change_id = models.UUIDField(db_index=True)
    # "service/kind/name": a newer version of the same artefact ends the older rollout first.
    artefact = models.CharField(max_length=200, db_index=True)
    environment = models.CharField(max_length=50)
    # plan.RolloutSpec as it was handed over: frozen at the start (invariant 9).
    spec = models.JSONField()
    phase = models.CharField(
        max_length=20, choices=choices(Phase), default=Phase.PENDING, db_index=True
    )
    # Compare-and-set for If-Match and for every intent.
    version = models.PositiveIntegerField(default=0)
    epoch = models.PositiveIntegerField(default=0)
    # Others carry it out (L0, L1): it is watched, and what enforcing would do is only written down.
    shadow = models.BooleanField(default=False, db_default=False)
    # Set for `undo`: the completed rollout whose old version this one brings back.
    undoes = models.ForeignKey(
        "self", null=True, on_delete=models.PROTECT, related_name="undone_by"
    )

    # Set for a second attempt: the rolled back rollout whose plan it carries out from stage one.
    retries = models.ForeignKey(
        "self", null=True, on_delete=models.PROTECT, related_name="retried_by"
    )

    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    halted_at = models.DateTimeField(null=True)
    undo_until = models.DateTimeField(null=True)
    rolling_back_since = models.DateTimeField(null=True)
    # Recovery of the metric is a field of its own: zero exposure does not prove it.
    recovered_at = models.DateTimeField(null=True)
    # It did not, in time: suspicion of the anomaly it was taken back for went to the next.
    in_vain_at = models.DateTimeField(null=True)
    taken_for = models.UUIDField(null=True)
    progressed_at = models.DateTimeField()
    # What was seen before a person answered (promote, retry) is not held against it again.
    evidence_since = models.DateTimeField(null=True)

    objects = CarriedOut()
    every: models.Manager["Rollout"] = models.Manager()

    class Meta:
        # A placement, a stage, a decision finds its rollout whatever that is.
        base_manager_name = "every"
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["phase", "environment"])]


class Stage(models.Model):
    rollout = models.ForeignKey(Rollout, on_delete=models.CASCADE, related_name="stages")
    index = models.PositiveSmallIntegerField()
    share = models.FloatField()
    state = models.CharField(max_length=20, choices=choices(StageState), default=StageState.PENDING)
    verdict = models.CharField(max_length=20, default="", blank=True)
    reason = models.CharField(max_length=200, default="", blank=True)
    epoch = models.PositiveIntegerField(default=0)
    baking_since = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["index"]
        constraints = [
            models.UniqueConstraint(fields=["rollout", "index"], name="stage_index_once")
        ]


class Hold(models.Model):
    """A reason why exposure may not grow. Released, never deleted."""

    rollout = models.ForeignKey(Rollout, on_delete=models.CASCADE, related_name="holds")
    kind = models.CharField(max_length=20, choices=choices(HoldKind))
    actor = models.CharField(max_length=100)
    reason = models.TextField()
    since = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    released_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["since"]
        constraints = [
            models.UniqueConstraint(
                fields=["rollout", "kind"],
                condition=models.Q(released_at__isnull=True),
                name="hold_open_once",
            )
        ]


class Storm(models.Model):
    """Several rollouts of an environment failed together (storms.py): nothing grows there."""

    environment = models.CharField(max_length=50)
    # Its first halt, and its newest.
    since = models.DateTimeField()
    last_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["since"]
        constraints = [
            models.UniqueConstraint(
                fields=["environment"],
                condition=models.Q(ended_at__isnull=True),
                name="storm_open_once",
            )
        ]


class Placement(models.Model):
    """One target of one rollout: the unit of the loop's work.

    generation > confirmed_generation: an intent was written whose effect nobody has seen yet.
    """

    rollout = models.ForeignKey(Rollout, on_delete=models.CASCADE, related_name="placements")
    target = models.CharField(max_length=100)
    service = models.CharField(max_length=100)
    executor = models.CharField(max_length=50)
    config = models.JSONField(default=dict)
    # The executor's, as they were at the creation.
    grain = models.FloatField(default=0.0, db_default=0.0)
    exclusive = models.BooleanField(default=False, db_default=False)
    # A later rollout has the exclusive target now: what is seen there is not this one's.
    taken_over = models.BooleanField(default=False, db_default=False)

    desired = models.FloatField(default=0.0)
    desired_units = models.JSONField(default=list)
    observed = models.FloatField(default=0.0)
    observed_units = models.JSONField(default=list)
    observed_at = models.DateTimeField(null=True)
    # An effect for which no call can still be alive: needed before zero counts with fencing none.
    calls_until = models.DateTimeField(null=True)
    generation = models.PositiveIntegerField(default=0)
    confirmed_generation = models.PositiveIntegerField(default=0)

    token = models.PositiveBigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    # null: nothing is due for it any more.
    due_at = models.DateTimeField(null=True, db_index=True)
    failures = models.PositiveIntegerField(default=0)
    last_error = models.TextField(default="", blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["rollout", "target"], name="placement_once")]

    @property
    def own_share(self) -> float:
        """Of what is observed that which this rollout has done: a target that knows no rollouts
        shows what was there before the first call, and what a later rollout does.
        """
        foreign = self.taken_over or (self.exclusive and self.generation == 0)
        return 0.0 if foreign else self.observed


class Freeze(models.Model):
    """No exposure grows in its scope while it is in force. Reversals go on.

    The kill switch is the freeze of that name with an empty scope: everything.
    """

    name = models.CharField(max_length=100, unique=True)
    # Any of {"service", "team", "environment", "kind"}; empty: everything.
    scope = models.JSONField(default=dict)
    reason = models.TextField()
    actor = models.CharField(max_length=100)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-starts_at"]


class GuardrailSilence(models.Model):
    """A guardrail that is not listened to for a while: it neither fails a change nor passes one.

    Kept when it is over: what was read meanwhile is no evidence afterwards either.
    """

    name = models.CharField(max_length=100, db_index=True)
    guardrail = models.CharField(max_length=100)
    # Empty: of every service.
    service = models.CharField(max_length=100, default="", blank=True)
    reason = models.TextField()
    actor = models.CharField(max_length=100)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(db_index=True)

    class Meta:
        ordering = ["starts_at", "id"]


class Decision(models.Model):
    """One entry of the ledger: append-only (a trigger refuses UPDATE and DELETE), hash-chained.

    hash = SHA-256 over the canonical JSON of everything in the row and of `previous_hash`.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    rollout = models.ForeignKey(Rollout, on_delete=models.PROTECT, related_name="decisions")
    change_id = models.UUIDField(db_index=True)
    sequence = models.PositiveIntegerField()
    at = models.DateTimeField()
    decision = models.CharField(max_length=30)
    reasons = models.JSONField(default=list)
    actor = models.CharField(max_length=100)
    # Snapshot, evidence and code version: enough to compute the decision again.
    inputs = models.JSONField(default=dict)
    previous_hash = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64)

    class Meta:
        ordering = ["at", "sequence"]
        constraints = [
            models.UniqueConstraint(fields=["rollout", "sequence"], name="decision_chain")
        ]
        indexes = [
            # Few of many: what guardrails are measured by.
            models.Index(
                fields=["-at"],
                condition=models.Q(
                    decision__in=("halt", "rollback", "would_halt", "would_rollback")
                ),
                name="decision_stops",
            ),
        ]


class OutboxMessage(models.Model):
    """News for the world, written in the transaction that made it true."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    type = models.CharField(max_length=100)
    change_id = models.UUIDField(db_index=True)
    at = models.DateTimeField()
    payload = models.JSONField()
    # Fanned out into deliveries by the floor above.
    dispatched_at = models.DateTimeField(null=True, db_index=True)

    class Meta:
        ordering = ["at"]
        indexes = [models.Index(fields=["type", "-at"], name="outbox_type_at")]


class Delivery(models.Model):
    message = models.ForeignKey(OutboxMessage, on_delete=models.CASCADE, related_name="deliveries")
    endpoint = models.CharField(max_length=100)
    attempts = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField(db_index=True)
    lease_until = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)
    # Why the last attempt failed, and whether there will be another.
    last_error = models.TextField(default="", blank=True)
    gave_up_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(fields=["message", "endpoint"], name="delivery_once")
        ]


class AllowedTransition(models.Model):
    """machine.TRANSITIONS as rows: the database trigger refuses any other change of state."""

    machine = models.CharField(max_length=20)
    source = models.CharField(max_length=30)
    target = models.CharField(max_length=30)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["machine", "source", "target"], name="transition_once")
        ]


class WaterMark(models.Model):
    """One row: how far this database has come. Workers keep a copy outside it (water_mark.py)."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    # Made with the row: a copy of another database's mark says nothing about this one.
    database = models.UUIDField()
    number = models.PositiveBigIntegerField(default=0)


class Vigil(models.Model):
    """One row: since when the auditor has been looking without a gap (vigil.py)."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    since = models.DateTimeField()
    last_at = models.DateTimeField()


class DryRunTarget(models.Model):
    """The world of the `dryrun` executor."""

    rollout_id = models.UUIDField()
    target = models.CharField(max_length=100)
    share = models.FloatField(default=0.0)
    units = models.JSONField(default=list)
    generation = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["rollout_id", "target"], name="dryrun_target_once")
        ]
