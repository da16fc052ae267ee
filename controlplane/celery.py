"""Celery is only a doorbell: a lost or doubled message costs one tick, never safety.

No ETA, no countdown, no chain that carries state: what is due is a row in PostgreSQL.
"""

import os
from pathlib import Path

from celery import Celery
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")

app = Celery("graygate")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

# A ring that nobody answered within its interval is worth nothing: the next one is on its way.
app.conf.beat_schedule = {
    name: {"task": task, "schedule": every, "options": {"expires": max(every * 3, 3.0)}}
    for name, task, every in (
        ("collect", "attribution.collect", 1.0),
        ("attribute", "attribution.attribute", 1.0),
        ("reconcile", "rollout.reconcile", 1.0),
        ("audit", "rollout.audit", 5.0),
        ("changes", "controlplane.changes", 1.0),
        ("deliver", "controlplane.deliver", 1.0),
        ("alerts", "controlplane.alerts", 1.0),
        # Little at a time, so that no worker is kept from the loop for long.
        ("prune-samples", "attribution.prune", 3600.0),
        ("prune-news", "rollout.prune", 3600.0),
        ("prune-answers", "controlplane.prune", 3600.0),
    )
}

if folder := getattr(settings, "GRAYGATE_BROKER_FOLDER", None):
    for part in ("messages", "control"):
        Path(folder, part).mkdir(parents=True, exist_ok=True)
