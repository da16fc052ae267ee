"""From harmless rollouts, over rows, to the settle time of the next one's guardrails."""

import uuid
from datetime import timedelta

import pytest

from attribution import settlings
from attribution.clock import database_now
from attribution.models import Guardrail, Sample, Service, Settling
from controlplane import outcomes
from controlplane.handover import guardrails_of
from controlplane.models import Change, Outcome
from rollout.machine import ChangeState, Phase
from rollout.models import Rollout
from rollout.spec import RolloutSpec, StageSpec, TargetSpec

pytestmark = pytest.mark.django_db
CPU = {"name": "cpu", "kind": "value", "direction": "increase", "source": "scrape", "query": "cpu"}
COLD_READS, READS = 20, 60


@pytest.fixture
def edge(db):
    service = Service.objects.create(name="edge", team="web")
    Guardrail.objects.create(name="cpu", service=service, spec=CPU)
    return service


def completed(service, *, cold=True):
    """A rollout of a minute that ended well; its canary used twice the processor at first."""
    now = database_now()
    began = now - timedelta(seconds=READS)
    change = Change.objects.create(
        title="A deploy", kind="deploy", targets=[], author="ann", state=ChangeState.EXECUTING
    )
    spec = RolloutSpec(
        change_id=str(change.pk),
        title="A deploy",
        kind="deploy",
        artefact="edge/deploy/main",
        environment="production",
        team="web",
        level="low",
        control_level="L3",
        stages=(StageSpec(0.1),),
        targets=(TargetSpec("edge", "dryrun", {}),),
        guardrails={"edge": [CPU]},
        interval_s=1.0,
    )
    rollout = Rollout.objects.create(
        change_id=change.pk,
        artefact=spec.artefact,
        environment="production",
        spec=spec.to_json(),
        created_at=began,
        started_at=began,
        progressed_at=now,
        ended_at=now,
    )
    rollout.stages.create(index=0, share=0.1, baking_since=began, ended_at=now)
    Change.objects.filter(pk=change.pk).update(rollout_id=rollout.pk)
    for phase in (Phase.RUNNING, Phase.WATCHING, Phase.COMPLETED):
        Rollout.objects.filter(pk=rollout.pk).update(phase=phase)
    Sample.objects.all().delete()
    for i in range(1, READS + 1):
        slow = cold and i <= COLD_READS
        canary, control = 0.8 if slow else 0.4 + 0.001 * (i % 3), 0.4 + 0.001 * (i % 2)
        values = {"cpu": {"canary": canary, "control": control, "all": control}}
        at = began + timedelta(seconds=i)
        Sample.objects.create(service=service, at=at, values=values)
    outcomes.record_outcomes()
    return change


def settle_of(service):
    (guardrail,) = guardrails_of([service], [])[service.name]
    return guardrail.get("settle_s")


def test_settling__three_cold_rollouts_that_ended_well__the_next_waits_for_it(edge):
    assert settle_of(edge) is None
    for _ in range(2):
        completed(edge)
    assert settle_of(edge) is None
    completed(edge)
    assert settle_of(edge) == pytest.approx(COLD_READS, abs=2)
    assert guardrails_of([edge], [])["edge"][0]["settle_learned"] is True


def test_settling__warm_from_the_start__nothing_to_wait_for(edge):
    for _ in range(3):
        completed(edge, cold=False)
    assert set(Settling.objects.values_list("seconds", flat=True)) == {0.0}
    assert settle_of(edge) is None


def test_settling__told_by_the_operator__is_not_learned(edge):
    for _ in range(3):
        completed(edge)
    Guardrail.objects.update(spec={**CPU, "settle_s": 0})
    assert settle_of(edge) == 0


def test_settling__learning_fails__the_outcome_is_recorded_all_the_same(edge, monkeypatch, caplog):
    def broken(_rollout):
        raise RuntimeError

    monkeypatch.setattr(outcomes, "settled", broken)
    change = completed(edge)
    assert Outcome.objects.get(change=change).result == "completed"
    assert "taught nothing" in caplog.text


def test_record__told_twice__is_known_once(edge):
    change, now = uuid.uuid4(), database_now()
    for seconds in (10.0, 20.0):
        settlings.record(change, now, {"edge": {"cpu": seconds}, "gone": {"cpu": 1.0}})
    assert settlings.last(edge, 5) == {"cpu": [10.0]}
