"""Brings machine.py's tables into the database, where a trigger checks every change of state."""

from typing import Any

from rollout.machine import MACHINES


def wanted() -> set[tuple[str, str, str]]:
    return {(m, str(t.source), str(t.target)) for m, rows in MACHINES.items() for t in rows}


def sync(**kwargs: Any) -> None:
    """After each migrate. Idempotent; removes what the tables no longer contain."""
    del kwargs
    from rollout.models import AllowedTransition  # noqa: PLC0415 - models load after apps

    rows = AllowedTransition.objects.all()
    present = {(r.machine, r.source, r.target) for r in rows}
    AllowedTransition.objects.bulk_create(
        AllowedTransition(machine=m, source=s, target=t) for m, s, t in wanted() - present
    )
    for machine, source, target in present - wanted():
        rows.filter(machine=machine, source=source, target=target).delete()
