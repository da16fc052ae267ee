"""The doorbell's bells: each task calls one service function and carries no state."""

from celery import shared_task

from attribution import collect, findings, pruning, unmanaged


@shared_task(name="attribution.collect")
def collect_task() -> int:
    return collect.collect_due()


@shared_task(name="attribution.attribute")
def attribute_task() -> int:
    return findings.attribute_due()


@shared_task(name="attribution.versions")
def versions_task() -> int:
    return unmanaged.look_due()


@shared_task(name="attribution.prune")
def prune_task() -> int:
    return pruning.prune()
