"""Silences: of messages, kept here; of a guardrail, handed to the floor that judges by it."""

from collections.abc import Iterable
from datetime import datetime

from controlplane.models import Silence
from rollout import silences


def put(
    name: str, scope: dict[str, str], reason: str, ends_at: datetime, actor: str
) -> tuple[Silence, bool]:
    """In the caller's transaction. The row, and whether it is new."""
    row, created = Silence.objects.update_or_create(
        name=name,
        defaults={"scope": scope, "reason": reason, "ends_at": ends_at, "actor": actor},
    )
    guardrail = scope.get("guardrail")
    if guardrail:
        silences.set_silence(name, guardrail, scope.get("service", ""), reason, actor, ends_at)
    else:
        silences.lift_silence(name)
    return row, created


def lift(names: Iterable[str]) -> None:
    """In the caller's transaction."""
    wanted = list(names)
    for name in wanted:
        silences.lift_silence(name)
    Silence.objects.filter(name__in=wanted).delete()
