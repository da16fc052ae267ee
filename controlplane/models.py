"""What Graygate governs: changes, their assessment, approvals, policies, tokens and feedback."""

import uuid
from typing import Any

from django.conf import settings
from django.db import models

from rollout.machine import ChangeState, choices


class ChangeClass(models.TextChoices):
    STANDARD = "standard"
    NORMAL = "normal"
    EMERGENCY = "emergency"


class RiskLevel(models.TextChoices):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Change(models.Model):
    """One intended modification of production."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    title = models.CharField(max_length=200)
    kind = models.CharField(max_length=50)
    change_class = models.CharField(max_length=20, choices=ChangeClass, default=ChangeClass.NORMAL)
    environment = models.CharField(max_length=50, default="production")
    # [{"service", "units"?}], as validated at intake.
    targets = models.JSONField()
    # The submission as it was taken, validated.
    artefact = models.JSONField(null=True)
    before = models.JSONField(null=True)
    source = models.JSONField(default=dict)
    executor = models.JSONField(default=dict)
    plan = models.JSONField(default=dict)
    author = models.CharField(max_length=100)
    state = models.CharField(
        max_length=20, choices=choices(ChangeState), default=ChangeState.SUBMITTED, db_index=True
    )
    reasons = models.JSONField(default=list)
    # No key: the floor below is read by this id, and owns its rows.
    rollout_id = models.UUIDField(null=True, unique=True)
    scheduled_for = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    review_due_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return self.title


class Assessment(models.Model):
    """How risky, and why. The newest counts; the older ones stay."""

    change = models.ForeignKey(Change, on_delete=models.CASCADE, related_name="assessments")
    version = models.CharField(max_length=20)
    at = models.DateTimeField()
    level = models.CharField(max_length=10, choices=RiskLevel)
    score = models.FloatField()
    reach = models.FloatField()
    hazard = models.FloatField()
    likelihood = models.FloatField()
    reversibility = models.CharField(max_length=20)
    policy = models.JSONField()
    # The case given to classify(), so that the assessment can be computed again.
    case = models.JSONField()

    class Meta:
        ordering = ["-at", "-id"]
        get_latest_by = ["at", "id"]

    @property
    def explanation(self) -> dict[str, Any]:
        """Kept with the policy; an older assessment may lack parts of it."""
        return dict(self.policy.get("explanation", {}))


class Signal(models.Model):
    assessment = models.ForeignKey(Assessment, on_delete=models.CASCADE, related_name="signals")
    signal_id = models.CharField(max_length=100)
    severity = models.CharField(max_length=10, choices=RiskLevel)
    summary = models.TextField()
    where = models.CharField(max_length=300, blank=True)
    why = models.TextField(blank=True)
    remedy = models.TextField(blank=True)
    aliases = models.JSONField(default=list)


class Approval(models.Model):
    class Answer(models.TextChoices):
        APPROVE = "approve"
        REJECT = "reject"

    change = models.ForeignKey(Change, on_delete=models.CASCADE, related_name="approvals")
    actor = models.CharField(max_length=100)
    answer = models.CharField(max_length=10, choices=Answer)
    reason = models.TextField(blank=True)
    at = models.DateTimeField()

    class Meta:
        ordering = ["at"]
        constraints = [
            models.UniqueConstraint(fields=["change", "actor"], name="approval_once_a_person")
        ]


class QualityCheck(models.Model):
    """What a pipeline or a scanner said of a change before it started. Append-only: the newest of
    a name counts.
    """

    change = models.ForeignKey(Change, on_delete=models.CASCADE, related_name="checks")
    name = models.CharField(max_length=100)
    passed = models.BooleanField()
    url = models.URLField(max_length=500, blank=True)
    detail = models.CharField(max_length=500, blank=True)
    actor = models.CharField(max_length=100)
    at = models.DateTimeField()

    class Meta:
        ordering = ["at", "id"]


class Policy(models.Model):
    """One row of the policy table; the most specific match wins. Data, versioned."""

    name = models.CharField(max_length=100, unique=True)
    version = models.PositiveIntegerField(default=1)
    # risk.policy.PolicyRow as JSON: {"when": {...}, "then": {...}}.
    spec = models.JSONField()
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]


class Silence(models.Model):
    """On-call is not paged for matching messages while it lasts; deciding is not affected."""

    name = models.CharField(max_length=100, unique=True)
    scope = models.JSONField(default=dict)
    reason = models.TextField()
    actor = models.CharField(max_length=100)
    ends_at = models.DateTimeField()


class StandingAlert(models.Model):
    """What one endpoint shows about one alert key: the trouble there is now, or its end.

    One row a key, also when the trouble turns into another: messages are ordered by it.
    """

    endpoint = models.CharField(max_length=100)
    key = models.CharField(max_length=200)
    # When the newest message was written that counts here; an older one that comes late does not.
    told_at = models.DateTimeField()
    # The message's type that says what is wrong; empty: of this key only the end was heard.
    trouble = models.CharField(max_length=50, blank=True)
    # As they were when it began: all labels together are the alert's identity.
    labels = models.JSONField(default=dict)
    annotations = models.JSONField(default=dict)
    starts_at = models.DateTimeField(null=True)
    ends_at = models.DateTimeField(null=True)
    # Troubles of this key that turned into another one, as they are posted, with their ends.
    former = models.JSONField(default=list)
    rollout_id = models.UUIDField(null=True)

    # First taken by the endpoint as firing; last taken in whatever state.
    shown_at = models.DateTimeField(null=True)
    taken_at = models.DateTimeField(null=True)
    # null: there is nothing to post any more.
    due_at = models.DateTimeField(null=True, db_index=True)
    lease_until = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)
    last_error = models.TextField(default="", blank=True)

    class Meta:
        ordering = ["due_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["endpoint", "key"], name="standing_alert_once")
        ]


class ApiToken(models.Model):
    """`gg_<key>.<secret>`; only an HMAC of the secret is kept."""

    key = models.CharField(max_length=16, unique=True)
    digest = models.CharField(max_length=64)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens"
    )
    # Never more than the user's role allows; checked at each request.
    scopes = models.JSONField(default=list)
    # null: all. Names: nothing may be written but about these services.
    services = models.JSONField(null=True)
    # Who vouched for the identity that it was exchanged for; empty: a person made it.
    issuer = models.CharField(max_length=300, blank=True, default="")
    description = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)


class IdempotencyKey(models.Model):
    """The answer to a request that may come again. `status` null: still in flight."""

    actor = models.CharField(max_length=100)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    body = models.JSONField(null=True)
    headers = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["actor", "key"], name="idempotency_key_once")
        ]


class Event(models.Model):
    """A CloudEvent as it came in; (source, id) is its identity."""

    source = models.CharField(max_length=300)
    event_id = models.CharField(max_length=200)
    type = models.CharField(max_length=200)
    payload = models.JSONField()
    received_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "event_id"], name="event_once")]


class Feedback(models.Model):
    class Answer(models.TextChoices):
        RIGHT = "right"
        WRONG = "wrong"
        MISSED = "missed"

    decision_id = models.UUIDField(db_index=True)
    change_id = models.UUIDField(db_index=True)
    answer = models.CharField(max_length=10, choices=Answer)
    comment = models.TextField(blank=True)
    actor = models.CharField(max_length=100)
    at = models.DateTimeField(auto_now_add=True)


class Outcome(models.Model):
    """How a change ended: what classification and policy are measured against later."""

    change = models.OneToOneField(Change, on_delete=models.CASCADE, related_name="outcome")
    result = models.CharField(max_length=30)
    level = models.CharField(max_length=10, choices=RiskLevel)
    ended_at = models.DateTimeField()
    max_exposure = models.FloatField(default=0.0)
    recovered_at = models.DateTimeField(null=True)


class RiskModel(models.Model):
    """A likelihood learned from this installation's outcomes. The newest of a kind counts."""

    kind = models.CharField(max_length=50)
    trained_at = models.DateTimeField()
    # When the last outcome that it learned from came: what is later is new to it.
    learned_until = models.DateTimeField()
    # risk.learned.Model as JSON, its card among it.
    weights = models.JSONField()

    class Meta:
        ordering = ["-trained_at", "-id"]
        get_latest_by = ["trained_at", "id"]


class BellRecord(models.Model):
    """When a bell last rang, and when a worker last came to the end of answering it."""

    name = models.CharField(max_length=50, primary_key=True)
    rung_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name
