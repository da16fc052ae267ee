"""What is stored, in the shape of what files say: a few queries, however many rows there are."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Model, QuerySet

from attribution.models import Guardrail, Service
from controlplane.configuration.items import Key
from controlplane.models import Policy, Silence
from rollout.machine import FINAL_PHASES
from rollout.models import Freeze, Placement

SERVICE_FIELDS = (
    *("team", "environment", "tier", "control_level", "units"),
    *("cohorts", "source", "executor", "telemetry"),
)
# Who is said to have put freezes and silences that came out of files.
ACTOR = "apply"
Spec = dict[str, Any]


@dataclass(frozen=True)
class Stored:
    rows: dict[Key, Model] = field(default_factory=dict)
    specs: dict[Key, Spec] = field(default_factory=dict)
    # Services with a rollout that has not ended.
    under_way: frozenset[str] = frozenset()
    # (service, name) of guardrails that a change has brought along.
    brought: frozenset[tuple[str, str]] = frozenset()

    def is_by_hand(self, key: Key) -> bool:
        """A freeze or a silence that a person has put."""
        return str(getattr(self.rows[key], "actor", ACTOR)) != ACTOR

    def add(self, key: Key, row: Model, spec: Spec) -> None:
        self.rows[key], self.specs[key] = row, spec


def read_stored(*, locked: bool = False) -> Stored:
    """`locked`, within a transaction: nobody else writes these rows until its end."""
    found = Stored(
        under_way=frozenset(
            Placement.objects.exclude(rollout__phase__in=FINAL_PHASES).values_list(
                "service", flat=True
            )
        ),
        brought=frozenset(
            Guardrail.objects.exclude(change_id=None).values_list("service__name", "name")
        ),
    )
    for service in _read(Service.objects.prefetch_related("calls"), locked):
        found.add(Key("Service", service.name), service, service_spec(service))
    names = {row.pk: key.name for key, row in found.rows.items()}
    for guardrail in _read(Guardrail.objects.filter(change_id=None), locked):
        # One whose service came in between belongs to the next look.
        if service_name := names.get(guardrail.service_id):
            key = Key("Guardrail", guardrail.name, service_name)
            found.add(key, guardrail, dict(guardrail.spec))
    for policy in _read(Policy.objects.all(), locked):
        found.add(Key("Policy", policy.name), policy, dict(policy.spec))
    for freeze in _read(Freeze.objects.all(), locked):
        found.add(Key("Freeze", freeze.name), freeze, freeze_spec(freeze))
    for silence in _read(Silence.objects.all(), locked):
        found.add(Key("Silence", silence.name), silence, silence_spec(silence))
    return found


def _read(rows: QuerySet[Any], locked: bool) -> Iterable[Any]:  # noqa: FBT001 - private
    ordered = rows.order_by("pk")
    # Not against keys: what refers to a service (exposures, samples) goes on being written; an
    # intent that waited for us while we wait for it would be a deadlock.
    return ordered.select_for_update(of=("self",), no_key=True) if locked else ordered


def service_spec(service: Service) -> Spec:
    spec = {name: getattr(service, name) for name in SERVICE_FIELDS}
    return spec | {"calls": sorted(callee.name for callee in service.calls.all())}


def freeze_spec(freeze: Freeze) -> Spec:
    return {name: getattr(freeze, name) for name in ("scope", "reason", "starts_at", "ends_at")}


def silence_spec(silence: Silence) -> Spec:
    return {name: getattr(silence, name) for name in ("scope", "reason", "ends_at")}


def is_over(key: Key, spec: Spec, now: datetime) -> bool:
    """A freeze or a silence that has ended counts as no longer there."""
    ends_at = spec.get("ends_at") if key.kind in ("Freeze", "Silence") else None
    return ends_at is not None and ends_at <= now
