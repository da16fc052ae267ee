from celery import shared_task

from controlplane import pruning
from controlplane.heartbeat import beat
from controlplane.intake import advance_changes
from controlplane.notify.deliver import deliver_due
from controlplane.notify.dispatch import dispatch
from controlplane.notify.showing import show_due


@shared_task(name="controlplane.changes")
def changes() -> None:
    advance_changes()


@shared_task(name="controlplane.deliver")
def deliver() -> None:
    dispatch()
    deliver_due()


@shared_task(name="controlplane.alerts")
def alerts() -> None:
    show_due()


@shared_task(name="controlplane.heartbeat")
def heartbeat() -> None:
    beat()


@shared_task(name="controlplane.prune")
def prune() -> None:
    pruning.prune()
