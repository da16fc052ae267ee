"""From findings to halts, one rollback at a time, and suspicion that goes to the next."""

import uuid
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from attribution.anomalies import end_anomaly, open_anomaly
from attribution.models import Anomaly, Finding, Service
from rollout import recompute, services
from rollout.evidence import Gathered, with_suspicion
from rollout.evidence import gather as gather_really
from rollout.intent import another_came_first
from rollout.machine import HoldKind, Phase
from rollout.models import Rollout
from rollout.reconcile import World, reconcile_due
from tests.integration.rollout.conftest import PASS
from tests.integration.rollout.test_loop import told, world_share

pytestmark = pytest.mark.django_db
WAIT = 60.0  # seconds: RolloutSpec.recovery_wait_s at an interval of 1 s
PIECE = {"kind": "time", "summary": "grew just before", "weight": 1.0}


@dataclass
class Attributed:
    """The loop with a verdict said by the test, and attribution's word from the rows."""

    stagehand: object
    anomaly: Anomaly | None = None
    verdict: dict = field(default_factory=dict)

    def gather(self, rollout, now):
        if rollout.phase in {Phase.RUNNING, Phase.WATCHING}:
            evidence = self.verdict.get(rollout.pk, PASS)
            return with_suspicion(rollout, Gathered(evidence))
        return gather_really(rollout, now)

    def tick(self, seconds=0.0, times=1):
        hand = self.stagehand
        for _ in range(times):
            hand.offset += timedelta(seconds=seconds)
            reconcile_due(World(hand.executor, self.gather, hand.now, hand.reach, lease_s=20))

    def breaks(self, service="edge"):
        now = self.stagehand.now()
        self.anomaly = open_anomaly("alert", str(uuid.uuid4()), service, "errors", now, now)

    def finds(self, none=0.0, vetoes=(), **probabilities):
        """Of rollouts by name; `none` is the rest unless it is given."""
        suspects = [
            {
                "change": str(rollout.change_id),
                "probability": p,
                "evidence": [PIECE],
                "vetoes": list(vetoes),
            }
            for rollout, p in probabilities.values()
        ]
        return Finding.objects.create(
            anomaly=self.anomaly,
            at=self.stagehand.now(),
            case={},
            suspects=suspects,
            none_of_them=none,
        )

    def mended(self):
        end_anomaly("alert", self.anomaly.key, self.stagehand.now())


@pytest.fixture
def loop(stagehand, clock_stands):
    return Attributed(stagehand)


@pytest.fixture
def pair(make_rollout, loop):
    """Two changes of two services, both exposed to a quarter, and something broken."""
    a, b = make_rollout("edge", undo_s=9000.0), make_rollout("stock", undo_s=9000.0)
    Service.objects.get(name="edge").calls.add(Service.objects.get(name="stock"))
    loop.tick()
    loop.breaks()
    return a, b


def fresh(rollout):
    return Rollout.objects.get(pk=rollout.pk)


def holds(rollout):
    return sorted(h.kind for h in rollout.holds.filter(released_at=None))


def phases(*rollouts):
    return [fresh(each).phase for each in rollouts]


def decided(rollout):
    return list(rollout.decisions.values_list("decision", flat=True))


def test_loop__serious_suspects__are_halted_at_once_with_the_evidence(pair, loop):
    a, b = pair
    finding = loop.finds(a=(a, 0.5), b=(b, 0.3), none=0.2)
    loop.tick(seconds=1)
    assert (holds(a), holds(b)) == ([HoldKind.SUSPECTED], [HoldKind.SUSPECTED])
    entry = a.decisions.get(decision="suspect")
    assert entry.inputs["evidence"]["finding"] == str(finding.pk)
    assert [s["probability"] for s in entry.inputs["line"]["suspects"]] == [0.5, 0.3]
    assert "grew just before" in entry.reasons[0]
    assert "rollout.suspected" in told(a)
    assert recompute.problems(a) == []


def test_loop__halted_on_suspicion_for_long__is_neither_failed_nor_taken_back(pair, loop):
    a, b = pair
    loop.finds(a=(a, 0.5), b=(b, 0.3), none=0.2)
    loop.tick(seconds=200, times=5)
    assert phases(a, b) == [Phase.RUNNING, Phase.RUNNING]
    assert world_share(a) == world_share(b) == 0.25
    assert a.stages.get(index=0).state == "baking"


@pytest.mark.parametrize("how", ["a newer finding", "the end"])
def test_loop__suspicion_is_over__goes_on_by_itself(pair, loop, how):
    a, b = pair
    loop.finds(a=(a, 0.5), b=(b, 0.3), none=0.2)
    loop.tick(seconds=1)
    loop.mended() if how == "the end" else loop.finds(a=(a, 0.05), b=(b, 0.9), none=0.05)
    loop.tick(seconds=1)
    assert holds(a) == []
    assert decided(a)[-1] in {"clear", "promote"}
    loop.mended()
    loop.tick(seconds=20, times=3)
    assert world_share(a) == 1.0


def test_loop__suspicion_wavers_between_the_limits__halts_once(pair, loop):
    a, b = pair
    for p in (0.25, 0.15, 0.22, 0.12, 0.2):
        loop.finds(a=(a, p), b=(b, 0.1), none=0.9 - p)
        loop.tick(seconds=1)
    assert decided(a).count("suspect") == 1
    assert "clear" not in decided(a)


def test_loop__suspicion_ends__leaves_a_persons_pause(pair, loop):
    a, b = pair
    loop.finds(a=(a, 0.5), b=(b, 0.3), none=0.2)
    loop.tick(seconds=1)
    services.pause(a.pk, "olga", "lunch")
    loop.mended()
    loop.tick(seconds=1, times=2)
    assert holds(a) == [HoldKind.PAUSED]


def test_loop__held_longer_than_its_bake_may_last__bakes_anew(pair, loop):
    a, b = pair
    loop.finds(a=(a, 0.5), b=(b, 0.3), none=0.2)
    loop.tick(seconds=1)
    began = a.stages.get(index=0).baking_since
    loop.tick(seconds=150)
    loop.mended()
    loop.tick(seconds=1)
    assert a.stages.get(index=0).baking_since > began + timedelta(seconds=100)


def test_loop__leader__is_taken_back_alone_and_its_recovery_is_recorded(pair, loop):
    a, b = pair
    loop.finds(a=(a, 0.75), b=(b, 0.24), none=0.01)
    loop.tick(seconds=1)
    loop.finds(a=(a, 0.9), b=(b, 0.09), none=0.01)
    loop.tick(seconds=2, times=3)
    assert phases(a, b) == [Phase.ROLLED_BACK, Phase.RUNNING]
    assert fresh(a).taken_for == loop.anomaly.pk
    loop.mended()
    Rollout.objects.filter(pk=a.pk).update(spec=a.spec | {"guardrails": {}})
    loop.tick(seconds=5)
    assert fresh(a).recovered_at is not None
    assert "not_recovered" not in decided(a)


def test_loop__not_recovered__the_next_one_leads_and_is_taken_back(pair, loop):
    a, b = pair
    loop.finds(a=(a, 0.8), b=(b, 0.2))
    loop.tick(seconds=2, times=3)
    assert phases(a, b) == [Phase.ROLLED_BACK, Phase.RUNNING]
    # Attribution has come to suspect the other, but the first one has its time.
    loop.finds(a=(a, 0.6), b=(b, 0.39), none=0.01)
    loop.tick(seconds=WAIT - 10)
    assert phases(a, b) == [Phase.ROLLED_BACK, Phase.RUNNING]
    loop.tick(seconds=11, times=2)
    assert "not_recovered" in decided(a)
    loop.tick(seconds=3, times=3)
    assert phases(a, b) == [Phase.ROLLED_BACK, Phase.ROLLED_BACK]
    entry = b.decisions.get(decision="rollback")
    assert entry.inputs["line"]["suspects"][0]["turn"] == "in_vain"
    assert entry.inputs["evidence"]["probability"] == pytest.approx(0.39 / 0.46)
    assert recompute.problems(b) == recompute.problems(a) == []


def test_loop__ledger_with_another_probability__does_not_recompute(pair, loop):
    a, b = pair
    loop.finds(a=(a, 0.5), b=(b, 0.3), none=0.2)
    loop.tick(seconds=1)
    entry = a.decisions.get(decision="suspect")
    entry.inputs["line"]["suspects"][0]["probability"] = 0.4
    assert not recompute.same_standing(entry)


def test_loop__recovered_after_all__is_believed_again(pair, loop):
    a, b = pair
    loop.finds(a=(a, 0.9), b=(b, 0.1))
    loop.tick(seconds=2, times=3)
    loop.tick(seconds=WAIT + 1, times=2)
    assert fresh(a).in_vain_at is not None
    loop.mended()
    Rollout.objects.filter(pk=a.pk).update(spec=a.spec | {"guardrails": {}})
    loop.tick(seconds=61)
    assert fresh(a).recovered_at is not None


def test_rollback__another_was_taken_back_since_the_evidence_was_gathered__waits(pair, loop):
    """Two findings a moment apart name two leaders; both are decided on at once."""
    a, b = pair
    loop.finds(a=(a, 0.9), b=(b, 0.1))
    b = fresh(b)
    gathered = loop.gather(b, loop.stagehand.now())
    assert not another_came_first(b, gathered.evidence)
    loop.tick(seconds=2, times=3)
    assert fresh(a).phase == Phase.ROLLED_BACK
    assert another_came_first(b, gathered.evidence)


@pytest.mark.parametrize("given", [{"reversible": False}, {"own_eyes": True}])
def test_loop__leader_that_cannot_be_taken_back__stays_halted(make_rollout, loop, given):
    rollout = make_rollout(**given)
    loop.tick()
    loop.breaks()
    loop.finds(a=(rollout, 0.95), none=0.05)
    loop.tick(seconds=20, times=3)
    assert (fresh(rollout).phase, holds(rollout)) == (Phase.RUNNING, [HoldKind.SUSPECTED])


def test_promote__under_suspicion__answers_it_for_this_anomaly(pair, loop):
    a, b = pair
    loop.finds(a=(a, 0.5), b=(b, 0.3), none=0.2)
    loop.tick(seconds=1)
    services.promote(a.pk, "olga", "not ours", stage=0)
    loop.tick(seconds=1)
    assert HoldKind.SUSPECTED not in holds(a)


def test_retry__watched_and_suspected__answers_it(make_rollout, loop):
    rollout = make_rollout(undo_s=9000.0)
    loop.tick()
    loop.tick(seconds=11, times=2)
    loop.tick(seconds=11, times=2)
    assert fresh(rollout).phase == Phase.WATCHING
    loop.breaks()
    loop.finds(a=(rollout, 0.5), none=0.5)
    loop.tick(seconds=1)
    assert holds(rollout) == [HoldKind.SUSPECTED]
    services.retry(rollout.pk, "olga", "not ours")
    loop.tick(seconds=1)
    assert holds(rollout) == []


def test_loop__taken_back_and_no_longer_named__still_has_its_time(pair, loop):
    a, b = pair
    loop.finds(a=(a, 0.9), b=(b, 0.1))
    loop.tick(seconds=2, times=3)
    loop.finds(b=(b, 0.95), none=0.05)
    loop.tick(seconds=5, times=3)
    assert phases(a, b) == [Phase.ROLLED_BACK, Phase.RUNNING]
    loop.tick(seconds=WAIT, times=2)
    loop.tick(seconds=3, times=2)
    assert phases(a, b) == [Phase.ROLLED_BACK, Phase.ROLLED_BACK]
    assert recompute.problems(b) == []
