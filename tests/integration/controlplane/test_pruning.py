from datetime import timedelta

import pytest

from attribution.clock import database_now
from controlplane import pruning
from controlplane.celery import app
from controlplane.models import Event, IdempotencyKey

pytestmark = pytest.mark.django_db


def test_prune__answers_and_events__go_when_nobody_repeats_them():
    for hours in (23, 25):
        key = IdempotencyKey.objects.create(actor="ci", key=f"k{hours}", fingerprint="f")
        IdempotencyKey.objects.filter(pk=key.pk).update(
            created_at=database_now() - timedelta(hours=hours)
        )
    for days in (89, 91):
        event = Event.objects.create(source="ci", event_id=f"e{days}", type="t", payload={})
        Event.objects.filter(pk=event.pk).update(received_at=database_now() - timedelta(days=days))
    assert pruning.prune() == 2
    assert IdempotencyKey.objects.get().key == "k23"
    assert Event.objects.get().event_id == "e89"


def test_beat__every_floor__is_pruned():
    rung = {entry["task"] for entry in app.conf.beat_schedule.values()}
    assert {"attribution.prune", "rollout.prune", "controlplane.prune"} <= rung
    app.loader.import_default_modules()
    assert rung <= set(app.tasks)
