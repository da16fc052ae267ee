"""Several rollouts fail together: nothing grows there, people are told once, none is taken back."""

import threading
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import permutations

import pytest
from django.db import connection
from django.urls import reverse

from attribution.clock import database_now
from rollout import recompute, services
from rollout.audit import audit
from rollout.evidence import Gathered
from rollout.machine import HoldKind, Phase
from rollout.models import DryRunTarget, Hold, OutboxMessage, Rollout, Storm
from rollout.reconcile import World, reconcile_due
from rollout.snapshot import Evidence
from tests.integration.rollout.conftest import FAIL, PASS, Stagehand

pytestmark = pytest.mark.django_db
WEAK = replace(FAIL, log_e_max=4.0)
ALL = ("a", "b", "c", "d")


@dataclass
class Stage(Stagehand):
    """Evidence for each artefact; what is not named is well."""

    said: dict[str, Evidence] = field(default_factory=dict)

    def gather(self, rollout, _now):
        return Gathered(self.said.get(rollout.artefact, PASS))


@pytest.fixture
def hand(monkeypatch, db):
    # Only the test turns the clock: three fail together however slow the machine is.
    made = Stage(base=database_now())
    monkeypatch.setattr(services, "database_now", made.now)
    return made


@pytest.fixture
def under_way(make_rollout, hand):
    """Four rollouts at a quarter."""
    made = {name: make_rollout(name, artefact=name) for name in ALL}
    hand.tick()
    return made


def fail(hand, *names, evidence=FAIL):
    """Each is looked at twice an interval, so that each halts before the next one fails."""
    for name in names:
        hand.said[name] = evidence
        hand.tick(seconds=0.6)


def held(rollout):
    return set(rollout.holds.filter(released_at=None).values_list("kind", flat=True))


def share(rollout):
    return DryRunTarget.objects.get(rollout_id=rollout.pk).share


def told(kind):
    return OutboxMessage.objects.filter(type=kind).count()


def phases():
    return set(Rollout.objects.values_list("phase", flat=True))


@pytest.mark.parametrize("order", list(permutations("abc")))
def test_three_fail__in_any_order__the_fourth_is_held_and_people_are_told_once(
    under_way, hand, order
):
    fail(hand, *order)
    hand.tick(seconds=11, times=3)
    assert held(under_way["d"]) == {HoldKind.COMMON_CAUSE}
    assert share(under_way["d"]) == 0.25
    assert [told(k) for k in ("storm.held", "rollout.halted", "rollout.hold")] == [1, 2, 0]
    assert phases() == {Phase.RUNNING}


def test_three_fail__at_the_same_time__are_told_once_and_the_halts_before_were_told(
    under_way, hand
):
    hand.said = dict.fromkeys("abc", FAIL)
    hand.tick(seconds=2)
    assert told("storm.held") == 1
    (message,) = OutboxMessage.objects.filter(type="storm.held")
    assert "3 rollouts failed together" in message.payload["reason"]


def test_storm__however_long_nobody_answers__rolls_nothing_back(under_way, hand):
    fail(hand, *"abc")
    hand.tick(seconds=700, times=4)
    assert phases() == {Phase.RUNNING}
    assert told("storm.held") == 1
    for rollout in under_way.values():
        assert recompute.problems(rollout) == []


def test_storm__bake_of_a_held_one_ends_without_a_pass__it_is_not_rolled_back(
    make_rollout, hand, under_way
):
    late = make_rollout("late", artefact="late", on_inconclusive="rollback")
    hand.said["late"] = Evidence(verdict="inconclusive", samples=1000, fresh=True)
    hand.tick()
    fail(hand, *"abc")
    hand.tick(seconds=101, times=3)
    late.refresh_from_db()
    assert (late.phase, held(late)) == (Phase.RUNNING, {HoldKind.COMMON_CAUSE})


def test_storm__attribution_names_one__that_one_is_taken_back_and_no_other_after_it(
    under_way, hand
):
    fail(hand, *"abc")
    named = replace(
        FAIL, probability=0.95, next_probability=0.01, suspicion="its errors", asked=True
    )
    fail(hand, "a", evidence=named)
    hand.tick(seconds=3, times=3)
    under_way["a"].refresh_from_db()
    assert under_way["a"].phase == Phase.ROLLED_BACK
    hand.tick(seconds=700, times=4)
    left = Rollout.objects.exclude(pk=under_way["a"].pk)
    assert set(left.values_list("phase", flat=True)) == {Phase.RUNNING}


def test_storm__a_held_one_fails_later__it_is_halted_and_not_taken_back(under_way, hand):
    fail(hand, *"abc")
    hand.tick(seconds=30)
    fail(hand, "d")
    hand.tick(seconds=700, times=3)
    assert held(under_way["d"]) == {HoldKind.COMMON_CAUSE, HoldKind.HALTED}
    assert phases() == {Phase.RUNNING}


def test_storm__a_change_arrives__is_not_started_until_a_person_resumes_it(
    under_way, make_rollout, hand
):
    fail(hand, *"abc")
    new = make_rollout("new", artefact="new")
    hand.tick(seconds=1, times=2)
    new.refresh_from_db()
    assert (new.phase, held(new)) == (Phase.PENDING, {HoldKind.COMMON_CAUSE})
    services.resume(new.pk, "sre", "it has nothing to do with it")
    hand.tick(seconds=1, times=2)
    assert share(new) == 0.25


def test_resume__in_a_storm__lets_it_go_on_and_the_same_storm_does_not_hold_it_again(
    under_way, hand
):
    fail(hand, *"abc")
    hand.tick(seconds=1)
    services.resume(under_way["d"].pk, "sre", "looked: it is the old cluster")
    hand.tick(seconds=11, times=3)
    assert share(under_way["d"]) == 1.0


def test_retry__in_a_storm__is_an_answer_and_it_is_not_held_again(under_way, make_rollout, hand):
    hand.said = dict.fromkeys("abcd", WEAK)
    hand.tick(seconds=2)
    hand.said["d"] = PASS
    services.retry(under_way["d"].pk, "sre", "it was the probe")
    hand.tick(seconds=11, times=3)
    assert held(under_way["d"]) == set()


def test_storm__everything_answered__is_over_and_told_once(under_way, hand):
    fail(hand, *"abc")
    hand.tick(seconds=1)
    audit()
    assert told("storm.over") == 0
    hand.said = {}
    for name in "abc":
        services.retry(under_way[name].pk, "sre", "the switch was replaced")
    audit()
    assert told("storm.over") == 0
    services.resume(under_way["d"].pk, "sre", "the switch was replaced")
    audit()
    audit()
    assert told("storm.over") == 1
    assert not Storm.objects.filter(ended_at=None).exists()


def test_storm__in_one_environment__holds_nobody_in_another(under_way, make_rollout, hand):
    other = make_rollout("other", artefact="other", environment="staging")
    hand.tick()
    fail(hand, *"abc")
    hand.tick(seconds=11, times=2)
    assert (held(other), share(other)) == (set(), 1.0)


@pytest.mark.parametrize("apart_s", [0.3, 20.0])
def test_two_fail_or_three_far_apart__is_no_storm(under_way, hand, apart_s):
    names = "ab" if apart_s < 1 else "abc"
    for name in names:
        hand.said[name] = WEAK
        hand.tick(seconds=apart_s)
    assert not Storm.objects.exists()
    assert told("rollout.halted") == len(names)


def test_storm__long_calm_but_one_halt_unanswered__a_lonely_failure_is_taken_back(
    under_way, make_rollout, hand
):
    fail(hand, *"abc")
    for name in "bc":
        services.abort(under_way[name].pk, "sre", "")
    hand.tick(seconds=60, times=2)
    lonely = make_rollout("lonely", artefact="lonely")
    hand.tick()
    fail(hand, "lonely")
    hand.tick(seconds=3, times=3)
    lonely.refresh_from_db()
    assert lonely.phase == Phase.ROLLED_BACK
    assert told("rollout.halted") == 3


@pytest.mark.django_db(transaction=True)
def test_three_halts__committed_by_three_workers_at_once__open_one_storm(make_rollout):
    made = [make_rollout(name, artefact=name) for name in "abc"]
    hand = Stagehand(base=database_now())
    hand.tick()
    together = threading.Barrier(3, timeout=60)

    def work():
        hand.evidence = FAIL

        def reach(name):
            if name == "after_observe":
                together.wait()

        try:
            later = lambda: hand.now() + timedelta(seconds=2)  # noqa: E731
            reconcile_due(World(hand.executor, hand.gather, later, reach, lease_s=20), limit=1)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert Hold.objects.filter(kind=HoldKind.HALTED).count() == 3
    assert (Storm.objects.count(), told("storm.held")) == (1, 1)


def test_now_page__storm__is_shown_as_a_banner(under_way, hand, client, user):
    fail(hand, *"abc")
    hand.tick(seconds=1)
    client.force_login(user("viewer"))
    page = client.get(reverse("now")).content.decode()
    assert "Several changes in production failed together" in page
    assert "3 halted, 1 held with them" in page


def test_storm__shadows_fail_together__holds_nobody(under_way, make_rollout, hand):
    Rollout.objects.filter(artefact__in="abc").update(shadow=True)
    fail(hand, *"abc")
    assert not Storm.objects.exists()
