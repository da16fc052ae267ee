"""A shadow says what enforcing would do, on the same evidence, and does nothing."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.decide import decide
from rollout.machine import HoldKind, Phase
from rollout.shadow_rules import SAID
from rollout.snapshot import Do, Evidence, PlacementView
from tests.unit.rollout.test_decide import FAIL, NOW, PASS, halted, snapshot

OF_SHADOWS = {
    *SAID.values(),
    *(Do.SEEN, Do.SEEN_FULL, Do.UNSEEN, Do.WATCHED, Do.TAKEN_OUT, Do.CLEAR, Do.RECOVERED, Do.WAIT),
}


def shadow(share=0.25, **given):
    placements = (PlacementView("edge", share, share, settled=True),)
    return snapshot(**{"shadow": True, "placements": placements, **given})


def would_be_halted(**given):
    return replace(halted(), shadow=True, **given)


def test_shadow__harm_shown__would_halt():
    decision = decide(shadow(), FAIL, NOW)
    assert (decision.do, decision.reasons) == (Do.WOULD_HALT, ("errors",))


def test_shadow__halted_and_evidence_stands__would_roll_back():
    assert decide(would_be_halted(), FAIL, NOW).do == Do.WOULD_ROLL_BACK


def test_shadow__would_have_rolled_back_already__says_nothing_more():
    assert decide(would_be_halted(rolling_back_since=990.0), FAIL, NOW).do == Do.WAIT


def test_shadow__canary_is_silent__may_have_been_taken_out():
    silent = replace(FAIL, reason="silent_canary; errors: canary - against control 1%")
    assert decide(shadow(), silent, NOW).do == Do.WAIT


def test_shadow__passes__does_not_grow():
    assert decide(shadow(), PASS, NOW).do == Do.WAIT


@pytest.mark.parametrize(
    ("given", "do"),
    [
        ({"phase": Phase.PENDING}, Do.SEEN),
        ({"phase": Phase.PENDING, "share": 0.0}, Do.WAIT),
        ({"phase": Phase.PENDING, "share": 0.0, "patience_until": NOW}, Do.UNSEEN),
        ({"share": 1.0}, Do.SEEN_FULL),
        ({"share": 0.0}, Do.TAKEN_OUT),
        ({"patience_until": NOW}, Do.WATCHED),
        ({"phase": Phase.WATCHING, "share": 1.0, "undo_until": NOW + 1}, Do.WAIT),
        ({"phase": Phase.WATCHING, "share": 1.0, "undo_until": NOW}, Do.WATCHED),
    ],
)
def test_shadow__exposure__is_followed(given, do):
    assert decide(shadow(**given), PASS, NOW).do == do


@given(
    phase=st.sampled_from([str(phase) for phase in Phase]),
    holds=st.frozensets(st.sampled_from([str(kind) for kind in HoldKind])),
    share=st.floats(0, 1),
    verdict=st.sampled_from(["pass", "fail", "inconclusive"]),
    probability=st.none() | st.floats(0, 1),
    recovered=st.booleans(),
    now=st.floats(0, 1e6),
)
def test_shadow__whatever_happens__nothing_is_done(  # noqa: PLR0917 - one drawn fact each
    phase, holds, share, verdict, probability, recovered, now
):
    evidence = Evidence(
        verdict=verdict, log_e=9.0, log_e_max=9.0, asked=True, probability=probability
    )
    there = shadow(share, phase=phase, holds=holds, halted_at=5.0, suspected_at=5.0)
    assert decide(there, replace(evidence, recovered=recovered), now).do in OF_SHADOWS
