from celery import shared_task

from rollout import pruning, restored
from rollout.audit import audit as run_audit
from rollout.reconcile import World, reconcile_due


@shared_task(name="rollout.reconcile")
def reconcile() -> None:
    restored.notice()
    reconcile_due(World())


@shared_task(name="rollout.audit")
def audit() -> None:
    run_audit()


@shared_task(name="rollout.prune")
def prune() -> None:
    pruning.prune()
