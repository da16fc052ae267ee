"""Nothing grows under a hold, and what a person answered stays answered."""

from dataclasses import replace
from datetime import timedelta

import pytest

from attribution.anomalies import end_anomaly, open_anomaly
from attribution.models import Anomaly, Finding, Sample, Service
from rollout import gates, services
from rollout.evidence import Gathered, gather
from rollout.machine import HoldKind, Phase
from rollout.models import DryRunTarget, Rollout
from rollout.reconcile import reconcile_due
from rollout.snapshot import Evidence
from tests.integration.rollout.conftest import FAIL, PASS
from tests.integration.rollout.test_evidence import ERRORS, STAGES
from tests.integration.rollout.test_loop import Broken, told, two_targets, world_share

pytestmark = pytest.mark.django_db
WEAK = replace(FAIL, log_e_max=4.0)
NAMED = replace(PASS, probability=0.9, suspicion="alert on cart")


def fresh(rollout):
    return Rollout.objects.get(pk=rollout.pk)


def holds(rollout):
    return sorted(h.kind for h in rollout.holds.filter(released_at=None))


def shares(rollout):
    rows = DryRunTarget.objects.filter(rollout_id=rollout.pk)
    return dict(rows.values_list("target", "share"))


def watching(make_rollout, stagehand):
    rollout = make_rollout()
    stagehand.tick()
    stagehand.tick(seconds=11, times=2)
    assert fresh(rollout).phase == Phase.WATCHING
    return rollout


def test_growth__intended_before_the_kill_switch_and_not_seen_yet__is_taken_back(
    make_rollout, stagehand
):
    rollout = make_rollout()
    broken = Broken("edge")
    broken.down = False
    stagehand.executor = lambda _name: broken
    stagehand.tick()
    stagehand.reach = lambda name: setattr(broken, "down", name == "after_intend")
    stagehand.tick(seconds=11)
    stagehand.reach = lambda _name: None
    gates.set_freeze(gates.KILL_SWITCH, {}, "incident 7", "sre")
    services.pause(rollout.pk, "sre", "stop")
    broken.down = False
    stagehand.tick(seconds=120, times=2)
    assert world_share(rollout) == 0.25
    assert holds(rollout)


def test_growth__one_target_out_of_reach_when_the_halt_comes__never_lands_later(
    make_rollout, stagehand
):
    make_rollout("cart")
    rollout = make_rollout("edge", targets=two_targets(), artefact="both")
    broken = Broken("cart")
    broken.down = False
    stagehand.executor = lambda _name: broken
    stagehand.tick()
    broken.down = True
    stagehand.tick(seconds=11)
    stagehand.evidence = WEAK
    stagehand.tick(seconds=3)
    assert HoldKind.HALTED in holds(rollout)
    broken.down = False
    stagehand.tick(seconds=120, times=2)
    assert shares(rollout)["cart"] <= 0.25


def test_target_above_desired__another_was_cut_by_hand__stays_cut(make_rollout, stagehand):
    make_rollout("cart")
    rollout = make_rollout("edge", targets=two_targets(), artefact="both")
    stagehand.tick()
    targets = DryRunTarget.objects.filter(rollout_id=rollout.pk)
    targets.filter(target="cart").update(share=0.0, units=[])
    stagehand.tick(seconds=3)
    targets.filter(target="edge").update(share=0.9)
    stagehand.tick(seconds=3)
    assert shares(rollout) == {"edge": 0.25, "cart": 0.0}


@pytest.mark.parametrize("on_inconclusive", ["hold", "rollback"])
def test_source_lost__for_longer_than_the_bake__is_never_by_itself_a_rollback(
    make_rollout, stagehand, on_inconclusive
):
    rollout = make_rollout(on_inconclusive=on_inconclusive)
    stagehand.tick()
    stagehand.evidence = Evidence(source_lost="no good read of edge")
    stagehand.tick(seconds=101)
    stagehand.tick(seconds=601)
    assert (fresh(rollout).phase, holds(rollout)) == (Phase.RUNNING, [HoldKind.SOURCE_LOST])


@pytest.mark.parametrize(
    "blind", [Evidence(source_lost="gone"), Evidence(reason="no_data")], ids=["lost", "silent"]
)
def test_watch__nothing_is_seen__goes_on_instead_of_completing(make_rollout, stagehand, blind):
    rollout = watching(make_rollout, stagehand)
    stagehand.evidence = blind
    stagehand.tick(seconds=61, times=2)
    assert (fresh(rollout).phase, holds(rollout)) == (Phase.WATCHING, [HoldKind.SOURCE_LOST])
    stagehand.evidence = PASS
    stagehand.tick(seconds=5, times=2)
    assert (fresh(rollout).phase, holds(rollout)) == (Phase.COMPLETED, [])


def test_common_cause__however_long_nobody_answers__rolls_none_back(make_rollout, stagehand):
    rollouts = [make_rollout(name) for name in ("edge", "cart", "stock")]
    stagehand.tick()
    stagehand.evidence = FAIL
    stagehand.tick(seconds=1)
    stagehand.tick(seconds=700, times=2)
    assert {fresh(r).phase for r in rollouts} == {Phase.RUNNING}


@pytest.mark.parametrize(
    "answer",
    [
        lambda r: services.promote(r.pk, "sre", "noise", stage=1),
        lambda r: services.retry(r.pk, "sre", "noise"),
    ],
    ids=["promote", "retry"],
)
def test_halt__while_the_next_stage_waits__can_be_answered(make_rollout, stagehand, answer):
    rollout = make_rollout()
    stagehand.tick()
    services.pause(rollout.pk, "sre", "lunch")
    services.promote(rollout.pk, "sre", "", stage=0)
    stagehand.evidence = WEAK
    stagehand.tick(seconds=1)
    assert holds(rollout) == [HoldKind.HALTED, HoldKind.PAUSED]
    answer(rollout)
    assert holds(rollout) == [HoldKind.PAUSED]
    assert rollout.stages.get(index=1).state == "pre_check"


def test_halt__while_watching__is_answered_by_retry(make_rollout, stagehand):
    rollout = watching(make_rollout, stagehand)
    stagehand.evidence = WEAK
    stagehand.tick(seconds=1)
    services.retry(rollout.pk, "sre", "noise")
    stagehand.evidence = PASS
    stagehand.tick(seconds=61)
    assert (fresh(rollout).phase, holds(rollout)) == (Phase.COMPLETED, [])


def test_evidence__gathered_before_a_person_answered__is_not_used_after(make_rollout, stagehand):
    rollout = make_rollout()
    stagehand.tick()

    def meanwhile(seen, _now):
        if rollout.stages.get(index=0).state == "baking":
            services.promote(seen.pk, "sre", "known noise", stage=0)
            return Gathered(FAIL)
        return Gathered(PASS)

    stagehand.offset += timedelta(seconds=2)
    reconcile_due(replace(stagehand.world(), gather=meanwhile))
    assert holds(rollout) == []
    assert rollout.stages.get(index=0).state == "waived"


def named_by(rollout, detected_at):
    service = Service.objects.get(name="edge")
    anomaly = Anomaly.objects.create(
        service=service,
        metric="errors",
        origin="alert",
        key=str(detected_at),
        started_at=detected_at,
        detected_at=detected_at,
    )
    suspect = {
        "change": str(rollout.change_id),
        "probability": 0.95,
        "evidence": [{"kind": "time", "summary": "just before", "weight": 1.0}],
        "vetoes": [],
    }
    Finding.objects.create(
        anomaly=anomaly, at=detected_at, case={}, suspects=[suspect], none_of_them=0.05
    )


def test_suspicion__of_an_anomaly_that_a_person_answered__is_not_held_against_it_again(
    make_rollout, stagehand
):
    rollout = make_rollout(guardrails={"edge": [ERRORS]}, stages=STAGES)
    stagehand.tick()
    named_by(rollout, stagehand.now())
    assert gather(fresh(rollout), stagehand.now()).evidence.probability == 0.95
    services.promote(rollout.pk, "sre", "not us", stage=0)
    assert gather(fresh(rollout), stagehand.now()).evidence.probability is None
    named_by(rollout, stagehand.now())
    assert gather(fresh(rollout), stagehand.now()).evidence.probability == 0.95


def test_retry__stage_that_failed__is_judged_on_what_comes_after(make_rollout, stagehand):
    rollout = make_rollout(guardrails={"edge": [ERRORS]}, stages=STAGES)
    stagehand.tick()
    began = stagehand.now()
    for second in range(1, 31):
        at = began + timedelta(seconds=second)
        values = {"errors": {"canary": [6, 20], "control": [0, 60], "all": [6, 80]}}
        Sample.objects.create(service=Service.objects.get(name="edge"), at=at, values=values)
    stagehand.offset += timedelta(seconds=31)
    stagehand.evidence = gather(fresh(rollout), stagehand.now()).evidence
    assert stagehand.evidence.verdict == "fail"
    stagehand.tick()
    services.retry(rollout.pk, "sre", "fixed the probe")
    assert gather(fresh(rollout), stagehand.now()).evidence.verdict == "inconclusive"


def test_answer__after_a_halt_was_paged__is_told_so_that_the_page_resolves(make_rollout, stagehand):
    rollout = make_rollout()
    stagehand.tick()
    stagehand.evidence = WEAK
    stagehand.tick(seconds=1)
    services.retry(rollout.pk, "sre", "fixed the probe")
    assert told(rollout)[-2:] == ["rollout.halted", "rollout.answered"]


def test_resume__of_a_hold_left_from_before_the_end__does_not_call_the_target(
    make_rollout, stagehand
):
    rollout = make_rollout()
    stagehand.tick()
    stagehand.tick(seconds=11)
    services.pause(rollout.pk, "sre", "x")
    services.promote(rollout.pk, "sre", "", stage=1)
    stagehand.tick(seconds=61)
    assert (fresh(rollout).phase, holds(rollout)) == (Phase.COMPLETED, [])


def broken(service, at, key="alert"):
    return open_anomaly("alert", key, service, "errors", at, at)


def test_growth__something_broke_on_its_service_since_it_started__waits_for_the_end(
    make_rollout, stagehand
):
    rollout = make_rollout()
    stagehand.tick()
    broken("edge", stagehand.now())
    stagehand.tick(seconds=11, times=2)
    stage = rollout.stages.get(index=1)
    assert (stage.state, world_share(rollout), holds(rollout)) == ("pre_check", 0.25, [])
    assert stage.reason == "errors of edge broke: growth waits for its end"
    end_anomaly("alert", "alert", stagehand.now())
    stagehand.tick(seconds=1, times=2)
    assert world_share(rollout) == 1.0


def test_growth__anomaly_elsewhere_or_from_before__goes_on(make_rollout, stagehand):
    rollout = make_rollout()
    Service.objects.create(name="elsewhere", team="shop")
    broken("edge", stagehand.now() - timedelta(hours=1), "noisy for weeks")
    stagehand.tick()
    broken("elsewhere", stagehand.now())
    stagehand.tick(seconds=11, times=2)
    assert world_share(rollout) == 1.0


def test_growth__a_person_promotes_in_an_incident__goes_on_and_stages_are_not_skipped(
    make_rollout, stagehand
):
    rollout = make_rollout()
    stagehand.tick()
    broken("edge", stagehand.now())
    stagehand.tick(seconds=11, times=2)
    services.promote(rollout.pk, "sre", "known, not ours", stage=1)
    stagehand.tick(seconds=1, times=2)
    assert (world_share(rollout), rollout.stages.get(index=1).state) == (1.0, "baking")


@pytest.mark.parametrize(("hops", "waits"), [(1, True), (2, True), (3, False)])
def test_growth__something_that_its_service_calls_broke__waits_up_to_two_calls_away(
    make_rollout, stagehand, hops, waits
):
    rollout = make_rollout()
    chain = [Service.objects.get(name="edge")]
    for name in ("one", "two", "three"):
        chain.append(Service.objects.create(name=name, team="shop"))
        chain[-2].calls.add(chain[-1])
    stagehand.tick()
    broken(chain[hops].name, stagehand.now())
    stagehand.tick(seconds=11, times=2)
    assert world_share(rollout) == (0.25 if waits else 1.0)
