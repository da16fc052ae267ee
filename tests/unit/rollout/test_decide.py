from dataclasses import replace
from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.decide import decide
from rollout.machine import HoldKind, Phase, StageState
from rollout.snapshot import Do, Evidence, PlacementView, Snapshot, StageView

NOW = 1000.0
PASS = Evidence(verdict="pass", reason="passed", samples=1000, fresh=True)
FAIL = Evidence(verdict="fail", reason="errors", log_e=9.0, log_e_max=9.0, samples=1000)
GROWTH = {Do.START, Do.OPEN, Do.PROMOTE, Do.WATCH}


def stage(index=0, state=StageState.BAKING, **given):
    facts = {"share": 0.25, "min_s": 10, "max_s": 100, "min_samples": 100, "baking_since": 980.0}
    return StageView(index=index, state=state, **{**facts, **given})


def snapshot(**given):
    facts = {
        "phase": Phase.RUNNING,
        "holds": frozenset(),
        "stages": (stage(), stage(1, StageState.PENDING, share=1.0, baking_since=None)),
        "placements": (PlacementView("edge", 0.25, 0.25, settled=True),),
        "control_level": "L4",
        "reversible": True,
        "own_eyes": False,
        "observable": True,
        "on_inconclusive": "hold",
        "alpha_rollback": 0.002,
        "attribution_wait_s": 10.0,
        "halt_patience_s": 600.0,
        "rollback_timeout_s": 300.0,
    }
    return Snapshot(**{**facts, **given})


def halted(since=980.0, **given):
    failed = (stage(state=StageState.FAILED),)
    facts = {"holds": frozenset({HoldKind.HALTED}), "halted_at": since, "stages": failed}
    return snapshot(**{**facts, **given})


def suspected(**given):
    facts = {"holds": frozenset({HoldKind.SUSPECTED}), "suspected_at": 980.0}
    return snapshot(**{**facts, **given})


def zero():
    return (PlacementView("edge", 0.0, 0.0, settled=True),)


def test_decide__min_time_samples_and_pass__promotes():
    assert decide(snapshot(), PASS, NOW).do == Do.PROMOTE


def test_decide__last_stage_passed__watches():
    assert decide(snapshot(stages=(stage(share=1.0),)), PASS, NOW).do == Do.WATCH


@pytest.mark.parametrize(
    ("given_", "evidence"),
    [
        ({"stages": (stage(min_s=60),)}, PASS),
        ({"stages": (stage(min_samples=5000),)}, PASS),
        ({}, replace(PASS, verdict="inconclusive")),
        ({"observable": False}, PASS),
        ({"control_level": "L2"}, PASS),
        ({"holds": frozenset({HoldKind.PAUSED})}, PASS),
    ],
    ids=["too early", "too few samples", "inconclusive", "unobservable", "by hand", "paused"],
)
def test_decide__bake_not_over__waits(given_, evidence):
    assert decide(snapshot(**given_), evidence, NOW).do == Do.WAIT


def test_decide__own_fail__halts_at_once():
    assert decide(snapshot(), FAIL, NOW).do == Do.HALT


def test_decide__own_fail_while_paused__halts_all_the_same():
    paused = snapshot(holds=frozenset({HoldKind.PAUSED}))
    assert decide(paused, FAIL, NOW).do == Do.HALT


def test_decide__halt_younger_than_attribution_wait__waits():
    assert decide(halted(since=995.0), FAIL, NOW).do == Do.WAIT


def test_decide__attribution_agrees_with_the_own_fail__is_not_waited_for_any_longer():
    agreed = replace(FAIL, probability=0.95)
    assert decide(halted(since=999.0), agreed, NOW).do == Do.ROLLBACK


@pytest.mark.parametrize(
    "evidence",
    [
        replace(FAIL, probability=0.79),
        replace(FAIL, probability=0.95, vetoes=("equal in the control units",)),
        Evidence(probability=0.95, suspicion="callers see 5xx"),
    ],
    ids=["not sure", "vetoed", "attribution alone"],
)
def test_decide__they_do_not_agree__waits_for_attribution(evidence):
    assert decide(halted(since=999.0), evidence, NOW).do == Do.WAIT


def test_decide__fail_stands_after_attribution_wait__rolls_back_as_culprit():
    decision = decide(halted(), FAIL, NOW)
    assert (decision.do, decision.event) == (Do.ROLLBACK, "culprit")


def test_decide__evidence_between_the_two_levels__stays_halted():
    weak = replace(FAIL, log_e_max=log(1 / 0.02) + 0.1)
    assert decide(halted(), weak, NOW).do == Do.WAIT


@pytest.mark.parametrize("level", ["L3", "L4"])
def test_decide__halt_nobody_answered__becomes_a_rollback(level):
    weak = replace(FAIL, log_e_max=4.0)
    assert decide(halted(since=300.0, control_level=level), weak, NOW).do == Do.ROLLBACK


def test_decide__halt_nobody_answered_at_l2__stays_a_halt():
    weak = replace(FAIL, log_e_max=4.0)
    assert decide(halted(since=300.0, control_level="L2"), weak, NOW).do == Do.WAIT


@pytest.mark.parametrize(
    ("given_", "evidence"),
    [
        ({}, replace(FAIL, vetoes=("began before the exposure",))),
        ({}, replace(FAIL, probability=0.05)),
        ({"common_cause": True}, FAIL),
    ],
    ids=["vetoed", "exonerated", "common cause"],
)
def test_decide__fail_explained_by_something_else__holds_instead_of_rolling_back(given_, evidence):
    assert decide(halted(**given_), evidence, NOW).do == Do.WAIT


def test_decide__named_by_attribution_alone__halts_then_rolls_back():
    named = Evidence(reason="not_observable", probability=0.93, suspicion="callers see 5xx")
    unguarded = {"observable": False, "control_level": "L2"}
    assert decide(snapshot(**unguarded), named, NOW).do == Do.SUSPECT
    assert decide(suspected(**unguarded), named, NOW).do == Do.ROLLBACK


def test_decide__named_but_vetoed__does_nothing():
    named = Evidence(probability=0.93, vetoes=("equal in the control units",))
    assert decide(snapshot(), named, NOW).do == Do.WAIT


@pytest.mark.parametrize("given_", [{"reversible": False}, {"own_eyes": True}])
def test_decide__irreversible_or_own_eyes__halts_and_never_rolls_back(given_):
    assert decide(snapshot(**given_), FAIL, NOW).do == Do.HALT
    assert decide(halted(since=0.0, **given_), FAIL, NOW).do == Do.WAIT


def test_decide__inconclusive_at_the_end_of_the_bake__follows_on_inconclusive():
    late = {"stages": (stage(baking_since=800.0),)}
    nothing = replace(PASS, verdict="inconclusive")
    assert decide(snapshot(**late), nothing, NOW).do == Do.HALT
    assert decide(snapshot(**late, on_inconclusive="rollback"), nothing, NOW).do == Do.ROLLBACK


def test_decide__source_lost__holds_and_releases_when_it_is_back():
    lost = replace(PASS, source_lost="no good read of edge for 30 s")
    decision = decide(snapshot(), lost, NOW)
    assert (decision.do, decision.hold) == (Do.HOLD, HoldKind.SOURCE_LOST)
    held = snapshot(holds=frozenset({HoldKind.SOURCE_LOST}))
    assert decide(held, lost, NOW).do == Do.WAIT
    assert decide(held, PASS, NOW).do == Do.RELEASE


def test_decide__freeze__holds_live():
    decision = decide(snapshot(frozen="frozen by kill-switch"), PASS, NOW)
    assert (decision.do, decision.hold) == (Do.HOLD, HoldKind.FROZEN)


def test_decide__observed_above_desired__is_set_down_again():
    above = (PlacementView("edge", 0.25, 0.5, settled=True),)
    assert decide(snapshot(placements=above), PASS, NOW).do == Do.REASSERT


def test_decide__observed_above_desired_while_halted__is_set_down_all_the_same():
    above = (PlacementView("edge", 0.25, 0.5, settled=True),)
    weak = replace(FAIL, log_e_max=4.0)
    assert decide(halted(placements=above), weak, NOW).do == Do.REASSERT


def test_decide__observed_below_confirmed_desired__holds_and_never_grows_back():
    below = (PlacementView("edge", 0.25, 0.1, settled=True),)
    assert decide(snapshot(placements=below), PASS, NOW).hold == HoldKind.DRIFT


def test_decide__applying__bakes_only_when_every_placement_shows_it():
    applying = (stage(state=StageState.APPLYING, baking_since=None),)
    on_its_way = (*zero(), PlacementView("other", 0.25, 0.0, settled=False))
    assert decide(snapshot(stages=applying, placements=on_its_way), PASS, NOW).do == Do.WAIT
    assert decide(snapshot(stages=applying), PASS, NOW).do == Do.BAKE


@pytest.mark.parametrize("closed", ["frozen", "conflict"])
def test_decide__pending_with_closed_gate__does_not_start(closed):
    assert decide(snapshot(phase=Phase.PENDING, **{closed: "why"}), PASS, NOW).do == Do.WAIT


def test_decide__rolling_back__ends_only_at_zero_for_good_everywhere():
    back = {"phase": Phase.ROLLING_BACK, "rolling_back_since": 990.0}
    alive = (PlacementView("edge", 0.0, 0.0, settled=True, calls_alive=True), *zero())
    assert decide(snapshot(**back, placements=alive), PASS, NOW).do == Do.WAIT
    assert decide(snapshot(**back, placements=zero()), PASS, NOW).do == Do.ROLLED_BACK


def test_decide__rolling_back_too_long__fails_and_may_still_succeed_later():
    back = snapshot(phase=Phase.ROLLING_BACK, rolling_back_since=100.0)
    assert decide(back, PASS, NOW).do == Do.ROLLBACK_FAILED
    failed = snapshot(phase=Phase.ROLLBACK_FAILED, placements=zero())
    assert decide(failed, PASS, NOW).do == Do.ROLLED_BACK


@pytest.mark.parametrize("phase", [Phase.ROLLING_BACK, Phase.ROLLBACK_FAILED])
def test_decide__late_call_lands_after_zero_was_seen__is_set_down(phase):
    back = (PlacementView("edge", 0.0, 0.25, settled=True),)
    late = snapshot(phase=phase, rolling_back_since=990.0, placements=back)
    assert decide(late, PASS, NOW).do == Do.REASSERT


@pytest.mark.parametrize(
    ("desired", "observed", "seen"),
    [
        (0.25, 0.247, "same"),
        (0.25, 0.253, "same"),
        (0.25, 0.244, "below"),
        (0.25, 0.256, "above"),
        (0.001, 0.003, "same"),
        (0.003, 0.0, "below"),
        (0.0, 0.003, "above"),
        (0.0, 0.0, "same"),
        (1.0, 1.0, "same"),
    ],
)
def test_placement__share_within_the_grain__is_the_same_but_zero_is_zero(desired, observed, seen):
    view = PlacementView("lb1", desired, observed, settled=True, grain=0.005)
    assert (view.above, view.below) == (seen == "above", seen == "below")
    assert view.zero_for_good == (observed == 0.0)


def test_snapshot__of_a_ledger_without_grain__is_still_read():
    kept = snapshot().to_json()
    for placement in kept["placements"]:
        del placement["grain"]
    assert Snapshot.from_json(kept) == snapshot()


def test_decide__exposure_reappears_after_rollback__rolls_back_again():
    assert decide(snapshot(phase=Phase.ROLLED_BACK), PASS, NOW).do == Do.REAPPEARED


def test_decide__metric_recovered_after_rollback__is_recorded_once():
    at_zero = snapshot(phase=Phase.ROLLED_BACK, placements=zero())
    good = Evidence(recovered=True, recovery_reason="errors: 0.2%")
    assert decide(at_zero, good, NOW).do == Do.RECOVERED
    assert decide(replace(at_zero, recovered=True), good, NOW).do == Do.WAIT


def test_decide__late_fail_while_watching__halts_then_rolls_back():
    watching = {"phase": Phase.WATCHING, "undo_until": 2000.0, "stages": ()}
    assert decide(snapshot(**watching), FAIL, NOW).do == Do.HALT
    decision = decide(halted(**watching), FAIL, NOW)
    assert (decision.do, decision.event) == (Do.ROLLBACK, "late_fail")


def test_decide__undo_window_over__completes_unless_halted():
    watching = {"phase": Phase.WATCHING, "undo_until": 900.0}
    assert decide(snapshot(**watching), PASS, NOW).do == Do.COMPLETE
    assert decide(halted(**watching), replace(FAIL, log_e_max=0.0), NOW).do != Do.COMPLETE


evidences = st.builds(
    Evidence,
    verdict=st.sampled_from(["pass", "fail", "inconclusive"]),
    reason=st.sampled_from(["no_data", "silent_canary", "source_error"]),
    log_e_max=st.floats(-5, 20),
    samples=st.integers(0, 5000),
    source_lost=st.sampled_from(["", "gone"]),
    probability=st.none() | st.floats(0, 1),
    next_probability=st.floats(0, 1),
    under_way=st.sampled_from(["", "another"]),
    asked=st.booleans(),
    vetoes=st.sampled_from([(), ("before",)]),
)
snapshots = st.builds(
    snapshot,
    phase=st.sampled_from(list(Phase)),
    holds=st.frozensets(st.sampled_from(list(HoldKind))),
    control_level=st.sampled_from(["L2", "L3", "L4"]),
    observable=st.booleans(),
    reversible=st.booleans(),
    frozen=st.sampled_from(["", "frozen"]),
    halted_at=st.none() | st.floats(0, 1000),
    suspected_at=st.none() | st.floats(0, 1000),
    telling_until=st.none() | st.floats(0, 2000),
    undo_until=st.none() | st.floats(0, 2000),
    stages=st.lists(
        st.builds(
            stage,
            state=st.sampled_from(list(StageState)),
            baking_since=st.none() | st.floats(0, 1000),
        ),
        max_size=3,
    ).map(tuple),
)


@given(snapshots, evidences)
def test_decide__any_hold__never_grows(given_, evidence):
    if given_.holds:
        assert decide(given_, evidence, NOW).do not in GROWTH


@given(snapshots, evidences)
def test_decide__anything_but_a_pass__never_passes_a_stage(given_, evidence):
    if evidence.verdict != "pass":
        assert decide(given_, evidence, NOW).do not in {Do.PROMOTE, Do.WATCH}


@given(snapshots, evidences)
def test_decide__irreversible__never_rolls_back_by_itself(given_, evidence):
    if not given_.reversible:
        assert decide(given_, evidence, NOW).do != Do.ROLLBACK


@given(snapshots, evidences)
def test_decide__recorded_inputs__give_the_same_decision_again(given_, evidence):
    again = decide(
        Snapshot.from_json(given_.to_json()), Evidence.from_json(evidence.to_json()), NOW
    )
    assert again == decide(given_, evidence, NOW)


@pytest.mark.parametrize(
    ("probability", "vetoes", "opens"),
    [(0.19, (), True), (0.4, (), False), (0.4, ("was never exposed",), True), (None, (), True)],
)
def test_decide__next_stage_of_a_suspect_that_is_not_cleared__is_held(probability, vetoes, opens):
    next_stage = snapshot(stages=(stage(state=StageState.PRE_CHECK, baking_since=None),))
    evidence = replace(PASS, probability=probability, vetoes=vetoes)
    assert decide(next_stage, evidence, NOW).do == (Do.OPEN if opens else Do.SUSPECT)


# --- on suspicion --------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", [Phase.RUNNING, Phase.WATCHING])
def test_decide__serious_suspicion__halts_at_once_and_says_why(phase):
    evidence = replace(PASS, probability=0.35, suspicion="callers see 5xx")
    decision = decide(snapshot(phase=phase, undo_until=2000.0), evidence, NOW)
    assert (decision.do, decision.hold) == (Do.SUSPECT, HoldKind.SUSPECTED)
    assert decision.reasons == (
        "attribution suspects this change with probability 0.35: callers see 5xx",
    )


@pytest.mark.parametrize(
    ("probability", "clears"), [(0.25, False), (0.15, False), (0.05, True), (None, True)]
)
def test_decide__suspicion_falls__is_lifted_below_the_lower_limit(probability, clears):
    evidence = replace(PASS, asked=True, probability=probability)
    assert decide(suspected(), evidence, NOW).do == (Do.CLEAR if clears else Do.WAIT)


def test_decide__attribution_could_not_be_asked__clears_nobody():
    lost = Evidence(source_lost="the evidence could not be read")
    assert decide(suspected(), lost, NOW).do == Do.HOLD
    held = suspected(holds=frozenset({HoldKind.SUSPECTED, HoldKind.SOURCE_LOST}))
    assert decide(held, lost, NOW).do == Do.WAIT


def test_decide__cleared_while_a_person_has_halted_it__leaves_the_halt():
    both = halted(holds=frozenset({HoldKind.HALTED, HoldKind.SUSPECTED}), suspected_at=980.0)
    decision = decide(both, replace(PASS, asked=True), NOW)
    assert (decision.do, decision.hold) == (Do.CLEAR, HoldKind.SUSPECTED)


def test_decide__own_fail_of_a_suspect__halts_as_any_other():
    assert decide(suspected(), replace(FAIL, probability=0.3), NOW).do == Do.HALT


def test_decide__suspicion_for_an_hour__never_becomes_a_rollback_through_patience():
    old = suspected(suspected_at=NOW - 3600, stages=(stage(baking_since=NOW - 3600),))
    evidence = replace(PASS, verdict="inconclusive", asked=True, probability=0.6)
    assert decide(old, evidence, NOW).do == Do.WAIT


@pytest.mark.parametrize(
    "more",
    [
        {"under_way": "another"},
        {"next_probability": 0.55},
        {"vetoes": ("too early to compare",)},
        {"probability": 0.79},
    ],
    ids=["another is taken back now", "no margin", "vetoed", "not sure"],
)
def test_decide__suspect_that_is_not_the_leader_now__stays_halted(more):
    evidence = replace(PASS, **{"probability": 0.85, **more})
    assert decide(suspected(), evidence, NOW).do != Do.ROLLBACK


@pytest.mark.parametrize("given_", [{"reversible": False}, {"own_eyes": True}])
def test_decide__leader_that_cannot_be_taken_back__stays_halted(given_):
    evidence = replace(PASS, probability=0.95)
    assert decide(suspected(**given_), evidence, NOW).do == Do.WAIT


def test_decide__leader_just_halted__is_given_the_wait_of_attribution():
    evidence = replace(PASS, probability=0.95)
    assert decide(suspected(suspected_at=NOW - 9), evidence, NOW).do == Do.WAIT
    decision = decide(suspected(suspected_at=NOW - 10), evidence, NOW)
    assert (decision.do, decision.event) == (Do.ROLLBACK, "culprit")


def test_decide__own_fail_but_another_leads_by_far__stays_halted():
    outrun = replace(FAIL, probability=0.3, next_probability=0.65)
    assert decide(halted(), outrun, NOW).do == Do.WAIT
    close = replace(FAIL, probability=0.4, next_probability=0.55)
    assert decide(halted(), close, NOW).do == Do.ROLLBACK


def test_decide__own_fail_while_another_is_taken_back__needs_no_turn():
    assert decide(halted(), replace(FAIL, probability=0.5, under_way="b"), NOW).do == Do.ROLLBACK


def test_decide__watched_to_the_end_but_suspected__does_not_complete():
    watching = suspected(phase=Phase.WATCHING, undo_until=900.0)
    assert decide(watching, replace(PASS, asked=True, probability=0.3), NOW).do == Do.WAIT


def at_zero_since(zero_at, **given):
    facts = {"phase": Phase.ROLLED_BACK, "placements": zero(), "recovery_wait_s": 60.0}
    return snapshot(**facts, zero_at=zero_at, **given)


def test_decide__not_recovered_in_time__hands_suspicion_on_once():
    goes_on = Evidence(anomaly="a")
    assert decide(at_zero_since(NOW - 59), goes_on, NOW).do == Do.WAIT
    assert decide(at_zero_since(NOW - 60), goes_on, NOW).do == Do.NOT_RECOVERED
    assert decide(at_zero_since(NOW - 60, in_vain=True), goes_on, NOW).do == Do.WAIT
    assert decide(at_zero_since(NOW - 60), Evidence(), NOW).do == Do.WAIT
    recovered = replace(goes_on, recovered=True)
    assert decide(at_zero_since(NOW - 60), recovered, NOW).do == Do.RECOVERED


def test_decide__time_to_tell_two_apart__ends_by_itself():
    telling = frozenset({HoldKind.TELLING_APART})
    evidence = replace(PASS, asked=True)
    assert decide(snapshot(holds=telling, telling_until=NOW + 1), evidence, NOW).do == Do.WAIT
    over = decide(snapshot(holds=telling, telling_until=NOW), evidence, NOW)
    assert (over.do, over.hold) == (Do.RELEASE, HoldKind.TELLING_APART)


@given(snapshots, evidences)
def test_decide__suspicion_alone__is_neither_a_halt_nor_a_rollback_without_the_lead(given_, e):
    """Whatever is done to a change with a good verdict is done to the leader only."""
    good = replace(e, verdict="pass")
    decision = decide(given_, good, NOW)
    held_otherwise = HoldKind.HALTED in given_.holds
    assert decision.do != Do.HALT
    if decision.do == Do.ROLLBACK and not held_otherwise:
        assert good.probability >= 0.8
        assert good.probability - good.next_probability >= 0.3
        assert not good.under_way


@given(snapshots, evidences)
def test_decide__suspicion_that_is_over__never_stays(given_, evidence):
    """Repeated as the loop does, a cleared suspicion is lifted before anything can wait for it."""
    clear = replace(evidence, asked=True, probability=0.0, vetoes=())
    active = given_.phase in {Phase.RUNNING, Phase.WATCHING}
    decision = decide(given_, clear, NOW)
    if active and HoldKind.SUSPECTED in given_.holds and decision.do == Do.WAIT:
        pytest.fail("it waits under a suspicion that is over")


@given(snapshots, evidences)
def test_decide__under_suspicion__never_grows(given_, evidence):
    suspicious = replace(evidence, probability=0.2, vetoes=())
    held = HoldKind.SUSPECTED in given_.holds
    if held or given_.phase == Phase.RUNNING:
        assert decide(given_, suspicious, NOW).do not in {Do.OPEN, Do.START}
