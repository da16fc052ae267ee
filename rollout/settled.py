"""What a rollout that ended well teaches of how long its canaries took to settle."""

from rollout.evidence import bake_windows, case_of
from rollout.models import Rollout
from rollout.settling import settled_after
from rollout.spec import RolloutSpec


def settled(rollout: Rollout) -> dict[str, dict[str, float]]:
    """Seconds by service and guardrail, of those with enough readings of both cohorts."""
    spec, windows = RolloutSpec.from_json(rollout.spec), bake_windows(rollout)
    if not spec.observable or not windows or rollout.ended_at is None:
        return {}
    case, _ = case_of(rollout, spec, windows, rollout.ended_at)
    guarded = [
        (service, guardrail["name"])
        for service, guardrails in spec.guardrails.items()
        for guardrail in guardrails
    ]
    found: dict[str, dict[str, float]] = {}
    for (service, name), metric in zip(guarded, case["metrics"], strict=True):
        seconds = settled_after(case, metric)
        if seconds is not None:
            found.setdefault(service, {})[name] = seconds
    return found
