"""Everything twice: two beats ring, two workers answer, and each placement has one owner."""

import uuid

import pytest
from django.db.models import Count

from attribution.models import Service
from rollout import services
from rollout.machine import FINAL_PHASES, Phase
from rollout.models import Decision, DryRunTarget, Rollout
from rollout.recompute import problems
from rollout.spec import RolloutSpec, StageSpec, TargetSpec
from tests.integration.broker.conftest import PATIENCE_S
from tests.parts import wait_until

SERVICES = ("edge", "cart", "stock", "pay")


def hand_over(service: str) -> Rollout:
    Service.objects.create(name=service, team="shop")
    spec = RolloutSpec(
        change_id=str(uuid.uuid4()),
        title="A deploy that people promote",
        kind="deploy",
        artefact=f"{service}/deploy/{service}",
        environment="production",
        team="shop",
        level="low",
        control_level="L2",
        stages=(StageSpec(0.25, min_s=1), StageSpec(1.0, min_s=1)),
        targets=(TargetSpec(service, "dryrun", {"target": service}, tuple("abcd")),),
        version="v2",
        previous_version="v1",
        interval_s=1.0,
        undo_s=1.0,
    )
    return services.create(spec)


def promote_all() -> bool:
    """Whether all have ended; whoever bakes is promoted, as a person would."""
    for rollout in Rollout.objects.filter(phase=Phase.RUNNING):
        baking = rollout.stages.filter(state="baking").first()
        if baking is not None:
            services.promote(rollout.pk, "ann", "looks well", stage=baking.index)
    return not Rollout.objects.exclude(phase__in=FINAL_PHASES).exists()


@pytest.mark.parametrize("broker", ["redis", "rabbitmq"], indirect=True)
def test_rollouts__everything_doubled__each_decision_is_made_once(graygate):
    for role in ("beat", "beat", "worker", "worker"):
        graygate.start(role)
    rollouts = [hand_over(service) for service in SERVICES]

    wait_until(promote_all, PATIENCE_S, "all rollouts at their end")

    assert set(Rollout.objects.values_list("phase", flat=True)) == {Phase.COMPLETED}
    assert set(DryRunTarget.objects.values_list("share", flat=True)) == {1.0}
    counts = Decision.objects.values_list("rollout", "decision").annotate(n=Count("pk")).order_by()
    expected = {"start": 1, "promote": 2, "complete": 1}
    assert {(r, d): n for r, d, n in counts if d in expected} == {
        (rollout.pk, decision): n for rollout in rollouts for decision, n in expected.items()
    }
    for rollout in rollouts:
        assert problems(rollout) == []
    assert graygate.alive()
