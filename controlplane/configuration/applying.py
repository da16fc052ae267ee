"""Files → rows in one transaction: the difference first, and then just that."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from attribution.clock import database_now
from attribution.models import Guardrail, Service
from controlplane import silencing
from controlplane.configuration.difference import CHANGE, CREATE, KEEP, REMOVE, Step, steps_between
from controlplane.configuration.items import Item, Key
from controlplane.configuration.stored import ACTOR, SERVICE_FIELDS, Stored, is_over, read_stored
from controlplane.configuration.wanted import read_wanted, services_of
from controlplane.models import Policy
from rollout import gates

BATCH = 500


@dataclass(frozen=True)
class Plan:
    steps: tuple[Step, ...]  # creations, changes, removals
    kept: tuple[Step, ...]  # stored, not in the files, and left alone
    over: tuple[Key, ...]  # in the files, ended

    @property
    def counts(self) -> dict[str, int]:
        signs = [step.sign for step in self.steps]
        return {sign: signs.count(sign) for sign in (CREATE, CHANGE, REMOVE)}


def apply(items: Mapping[Key, Item], *, prune: bool = False, dry_run: bool = False) -> Plan:
    """Raises ConfigurationError; then nothing is changed."""
    with transaction.atomic():
        if not dry_run:
            _one_at_a_time()
        now, stored = database_now(), read_stored(locked=not dry_run)
        plan = _plan(items, stored, now, prune)
        if not dry_run:
            _carry_out(plan.steps, stored, now)
    return plan


def _one_at_a_time() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('graygate.apply', 0))")


def _plan(items: Mapping[Key, Item], stored: Stored, now: datetime, prune: bool) -> Plan:  # noqa: FBT001 - private
    others = [key for key in stored.specs if key not in items]
    others = sorted(
        (key for key in others if not is_over(key, stored.specs[key], now)),
        key=lambda key: key.order,
    )
    reasons = {key: _why_kept(key, stored) if prune else "" for key in others}
    removed = [key for key in others if prune and not reasons[key]]
    registered = (services_of(items) | services_of(stored.specs)) - services_of(removed)
    wanted = read_wanted(items, stored, registered, now)
    removals = [Step(REMOVE, key, stored.specs[key]) for key in reversed(removed)]
    return Plan(
        (*steps_between(wanted.specs, stored.specs), *removals),
        tuple(
            Step(KEEP, key, stored.specs[key], why=reasons[key])
            for key in others
            if key not in removed
        ),
        wanted.over,
    )


def _why_kept(key: Key, stored: Stored) -> str:
    """Empty: it may go."""
    if (key.service or key.name) in stored.under_way and key.kind in ("Service", "Guardrail"):
        return "a rollout is under way on it"
    if stored.is_by_hand(key):
        return f"put by {getattr(stored.rows[key], 'actor', '')}, not out of files"
    return ""


def _carry_out(steps: Iterable[Step], stored: Stored, now: datetime) -> None:
    groups: dict[str, list[Step]] = {}
    gone: dict[str, list[Step]] = {}
    for step in steps:
        (gone if step.sign == REMOVE else groups).setdefault(step.key.kind, []).append(step)
    services = _put_services(groups.get("Service", []), stored, now)
    _put_guardrails(groups.get("Guardrail", []), stored, services)
    _put_policies(groups.get("Policy", []), stored, now)
    for step in groups.get("Freeze", []):
        gates.set_freeze(step.key.name, actor=ACTOR, **step.spec)
    for step in groups.get("Silence", []):
        silencing.put(step.key.name, **step.spec, actor=ACTOR)
    _remove(gone, stored)


def _put_services(steps: list[Step], stored: Stored, now: datetime) -> dict[str, int]:
    """Answers with the key of every service by its name."""
    new: list[Any] = []
    changed: list[Any] = []
    moved: list[Any] = []
    for step in steps:
        row: Any = stored.rows.get(step.key) or Service(name=step.key.name)
        if step.sign == CREATE or row.source != step.spec["source"]:
            # Increments against counters of another source would be nonsense.
            row.counters, row.due_at = {}, now if step.spec["source"] else None
            if step.sign != CREATE:
                moved.append(row)
        for name in SERVICE_FIELDS:
            setattr(row, name, step.spec[name])
        row.updated_at = now
        (new if step.sign == CREATE else changed).append(row)
    Service.objects.bulk_create(new, batch_size=BATCH)
    Service.objects.bulk_update(changed, [*SERVICE_FIELDS, "updated_at"], batch_size=BATCH)
    Service.objects.bulk_update(moved, ["counters", "due_at"], batch_size=BATCH)
    rows = [*(row for key, row in stored.rows.items() if key.kind == "Service"), *new]
    keys = {str(row.name): int(row.pk) for row in rows if isinstance(row, Service)}
    _put_calls(steps, keys)
    return keys


def _put_calls(steps: list[Step], keys: Mapping[str, int]) -> None:
    through = Service.calls.through
    callers = [keys[step.key.name] for step in steps]
    through.objects.filter(from_service_id__in=callers).delete()
    through.objects.bulk_create(
        [
            through(from_service_id=keys[step.key.name], to_service_id=keys[callee])
            for step in steps
            for callee in step.spec["calls"]
        ],
        batch_size=BATCH,
    )


def _put_guardrails(steps: list[Step], stored: Stored, services: Mapping[str, int]) -> None:
    new: list[Any] = []
    changed: list[Any] = []
    for step in steps:
        row: Any = stored.rows.get(step.key) or Guardrail(
            name=step.key.name, service_id=services[step.key.service]
        )
        row.spec = dict(step.spec)
        (new if step.sign == CREATE else changed).append(row)
    Guardrail.objects.bulk_create(new, batch_size=BATCH)
    Guardrail.objects.bulk_update(changed, ["spec"], batch_size=BATCH)


def _put_policies(steps: list[Step], stored: Stored, now: datetime) -> None:
    new: list[Any] = []
    changed: list[Any] = []
    for step in steps:
        row: Any = stored.rows.get(step.key) or Policy(name=step.key.name, version=0)
        row.spec, row.version, row.updated_at = dict(step.spec), row.version + 1, now
        (new if step.sign == CREATE else changed).append(row)
    Policy.objects.bulk_create(new, batch_size=BATCH)
    Policy.objects.bulk_update(changed, ["spec", "version", "updated_at"], batch_size=BATCH)


def _remove(gone: Mapping[str, list[Step]], stored: Stored) -> None:
    for step in gone.get("Freeze", []):
        gates.lift_freeze(step.key.name)
    silencing.lift(step.key.name for step in gone.get("Silence", []))
    for kind, model in (
        ("Policy", Policy),
        ("Guardrail", Guardrail),
        ("Service", Service),
    ):
        keys = [stored.rows[step.key].pk for step in gone.get(kind, [])]
        model._default_manager.filter(pk__in=keys).delete()  # noqa: SLF001 - Django's own way
