"""What Graygate sees: services, who is exposed to which change, metrics, alerts and findings."""

import uuid

from django.contrib.postgres.indexes import GinIndex
from django.db import models


class Tier(models.IntegerChoices):
    MOST_IMPORTANT = 0, "0: most important"
    IMPORTANT = 1, "1: important"
    NORMAL = 2, "2: normal"
    LEAST = 3, "3: least"


class ControlLevel(models.TextChoices):
    """How much Graygate may do by itself. The names sort as the levels do."""

    OBSERVE = "L0", "L0: observe"
    GATE = "L1", "L1: gate"
    STAGED = "L2", "L2: staged by hand"
    AUTOMATIC = "L3", "L3: automatic halt and rollback"
    UNATTENDED = "L4", "L4: unattended"


class Service(models.Model):
    """A thing that is changed, observed and blamed. Written by operators only."""

    name = models.CharField(max_length=100, unique=True)
    team = models.CharField(max_length=100)
    environment = models.CharField(max_length=50, default="production")
    tier = models.SmallIntegerField(choices=Tier, default=Tier.NORMAL)
    # No change of this service is carried out at a higher one, whatever the policy allows.
    control_level = models.CharField(
        max_length=2,
        choices=ControlLevel,
        default=ControlLevel.OBSERVE,
        db_default=ControlLevel.OBSERVE,
    )
    calls = models.ManyToManyField("self", symmetrical=False, related_name="callers", blank=True)
    # Names of the smallest things that can be exposed: instances, hosts, user buckets.
    units = models.JSONField(default=list)
    # {"canary": matchers, "control": matchers}: what `$cohort` in a query is replaced by;
    # `$version` and `$previous_version` in it are those of the rollout under way.
    cohorts = models.JSONField(default=dict)
    # {"name": "scrape", "config": {"urls": [...]}}; empty: nothing is read from this service.
    source = models.JSONField(default=dict)
    # {"name": "http", "config": {"target": "..."}}: a target of the operator's file, never a URL.
    executor = models.JSONField(default=dict)
    # Metrics that attribution reads though they guard nothing: guardrail specs, plus "peer".
    telemetry = models.JSONField(default=list)

    # The collector's own state: last raw counters, the versions that its cohorts stand for
    # (versions.py), and when the next read is due.
    counters = models.JSONField(default=dict)
    due_at = models.DateTimeField(null=True, db_index=True)

    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Guardrail(models.Model):
    """A metric compared between cohorts. With `change_id` it guards that change only."""

    name = models.CharField(max_length=100)
    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="guardrails")
    change_id = models.UUIDField(null=True, blank=True, db_index=True)
    spec = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["name", "service", "change_id"],
                name="guardrail_once",
                nulls_distinct=False,
            )
        ]

    def __str__(self) -> str:
        return self.name


class Exposure(models.Model):
    """One step of one change's observed share on one service; share 0 ends it. Append-only."""

    change_id = models.UUIDField(db_index=True)
    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="exposures")
    at = models.DateTimeField()
    share = models.FloatField()
    units = models.JSONField(default=list)
    kind = models.CharField(max_length=50)
    managed = models.BooleanField(default=True)
    # As the change was assessed; empty: nobody did.
    risk = models.CharField(max_length=10, default="", db_default="", blank=True)
    # Of an unmanaged one what was seen, such as "cart 1.4.2"; empty: nobody told.
    name = models.CharField(max_length=200, default="", db_default="", blank=True)
    # On the step that ends an unmanaged one: the submitted change that it turned out to be.
    same_as = models.UUIDField(null=True, blank=True)

    class Meta:
        ordering = ["at", "id"]
        indexes = [
            models.Index(fields=["service", "at"]),
            # Few of many, and counted as a whole (coverage).
            models.Index(
                fields=["change_id", "service", "at"],
                condition=models.Q(managed=False),
                name="exposure_not_managed",
            ),
        ]


class VersionWatch(models.Model):
    """The look at which versions of a service answer: when it is due, and what it remembers."""

    service = models.OneToOneField(Service, on_delete=models.CASCADE, related_name="version_watch")
    due_at = models.DateTimeField(db_index=True)
    looked_at = models.DateTimeField(null=True)
    # {"asked", "seen": seen_versions.Seen, "changes": {version: id}, "source": the source's own}
    state = models.JSONField(default=dict)
    error = models.TextField(default="", blank=True)

    class Meta:
        ordering = ["due_at", "id"]


class Sample(models.Model):
    """What one read of one service gave: increments since the read before.

    values: {metric: {"canary": [events, total] | null, "control": ..., "all": ...}}; of a metric of
    kind `value` a number, of kind `distribution` {"bounds", "counts"} in their place.
    `error` says that the source failed: a read that failed is not a read of zero. `warnings`: what
    the source refused or remarked though it was read.
    """

    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="samples")
    at = models.DateTimeField()
    values = models.JSONField(default=dict)
    error = models.TextField(default="", blank=True)
    warnings = models.JSONField(default=list, blank=True)

    class Meta:
        ordering = ["at"]
        indexes = [models.Index(fields=["service", "at"])]


class Settling(models.Model):
    """How long the canary of one harmless exposure took to settle, by one metric. Append-only."""

    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="settlings")
    metric = models.CharField(max_length=100)
    change_id = models.UUIDField()
    at = models.DateTimeField()
    seconds = models.FloatField()

    class Meta:
        ordering = ["-at"]
        constraints = [
            models.UniqueConstraint(
                fields=["service", "metric", "change_id"], name="settling_once"
            ),
            models.CheckConstraint(
                condition=models.Q(seconds__gte=0), name="settling_not_negative"
            ),
        ]
        indexes = [models.Index(fields=["service", "metric", "-at"])]


class Alert(models.Model):
    """One alert as Alertmanager told it; (fingerprint, starts_at) is its identity."""

    fingerprint = models.CharField(max_length=64)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True)
    received_at = models.DateTimeField()
    status = models.CharField(max_length=20)
    labels = models.JSONField(default=dict)
    annotations = models.JSONField(default=dict)
    service = models.ForeignKey(Service, null=True, on_delete=models.SET_NULL)
    # How many alerts of its group Alertmanager cut off when it told this one last.
    truncated = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-starts_at"]
        constraints = [
            models.UniqueConstraint(fields=["fingerprint", "starts_at"], name="alert_once")
        ]


class Anomaly(models.Model):
    """A deviation of one service's metric, wherever it was noticed."""

    class Origin(models.TextChoices):
        ALERT = "alert"
        JUDGE = "judge"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="anomalies")
    metric = models.CharField(max_length=100)
    origin = models.CharField(max_length=10, choices=Origin)
    # The alert's fingerprint, or the change whose own verdict failed: one open anomaly for each.
    key = models.CharField(max_length=100)
    started_at = models.DateTimeField()
    detected_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True, db_index=True)

    class Meta:
        ordering = ["-detected_at"]
        verbose_name_plural = "anomalies"
        constraints = [
            models.UniqueConstraint(fields=["origin", "key", "started_at"], name="anomaly_once")
        ]
        indexes = [
            # Asked for at each look at each placement; the ended ones are many more.
            models.Index(
                fields=["id"], condition=models.Q(ended_at__isnull=True), name="anomaly_open"
            ),
            # The order of the lists, one of which is asked for every two seconds.
            models.Index(fields=["-detected_at", "-id"], name="anomaly_newest"),
        ]


class Finding(models.Model):
    """One attribution of one anomaly, with the case it was computed from. Append-only."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    anomaly = models.ForeignKey(Anomaly, on_delete=models.CASCADE, related_name="findings")
    at = models.DateTimeField()
    case = models.JSONField()
    suspects = models.JSONField()
    none_of_them = models.FloatField()
    # What it may have been instead: [{"kind", "summary", "probability"?}], where that was told.
    none_reasons = models.JSONField(default=list, db_default=models.Value([], models.JSONField()))
    localized = models.JSONField(default=list)
    # What is known to be missing from the evidence, a sentence each.
    incomplete = models.JSONField(default=list)

    class Meta:
        ordering = ["-at"]
        indexes = [
            models.Index(fields=["anomaly", "-at"]),
            models.Index(fields=["at"], name="finding_at"),
            # suspects @> [{"change": …}]: which findings name a change. Findings are written
            # seldom and asked for often, so no list of pending entries is kept.
            GinIndex(
                fields=["suspects"],
                opclasses=["jsonb_path_ops"],
                fastupdate=False,
                name="finding_suspects",
            ),
        ]


class AnomalyFeedback(models.Model):
    """A person's word on what caused an anomaly. Append-only (a trigger refuses UPDATE): the newest
    counts, and those it supersedes stay. It goes with its anomaly, which is kept for it.
    """

    anomaly = models.ForeignKey(Anomaly, on_delete=models.CASCADE, related_name="feedback")
    # Managed or not; null: none of the changes did it.
    change_id = models.UUIDField(null=True)
    note = models.TextField(blank=True)
    author = models.CharField(max_length=150)
    at = models.DateTimeField()

    class Meta:
        ordering = ["-at", "-id"]
