"""The product with one promise broken, by name: the simulation has to notice each."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from attribution.models import Service
from controlplane.notify import deliver
from rollout import claims, effects, gates, perceive, reconcile, services, silences
from rollout.evidence import Gathered
from rollout.executors.base import Desired, Key, Observed
from rollout.machine import StageState
from rollout.models import Placement
from rollout.snapshot import Decision, Do, Evidence

Broken = Iterator[None]
# The function that stands in, given the one in whose place it stands.
Make = Callable[[Callable[..., Any]], Callable[..., Any]]


@contextmanager
def instead(module: Any, name: str, make: Make) -> Broken:
    real = getattr(module, name)
    setattr(module, name, make(real))
    try:
        yield
    finally:
        setattr(module, name, real)


def no_fencing_check(real):
    """claims.confirm: whoever comes writes, whatever token it holds."""

    def confirm(placement, *given, **more):
        row = Placement.objects.get(pk=placement.pk)
        placement.token, placement.generation = row.token, row.generation
        return real(placement, *given, **more)

    return confirm


def act_before_intent(real):
    """reconcile.intend: the target hears of the next share before it is written down."""

    def intend(world, placement, observed, gathered):
        stage = effects.current_stage(placement.rollout)
        if stage is not None and stage.state == StageState.PRE_CHECK:
            early = replace_generation(placement)
            perceive.apply(world.executor(placement.executor), early, Desired(stage.share))
        return real(world, placement, observed, gathered)

    return intend


def replace_generation(placement: Placement) -> Placement:
    early = Placement.objects.select_related("rollout").get(pk=placement.pk)
    early.generation += 1
    return early


def exception_counts_as_pass(real):
    """perceive.evidence_for: what could not be read is taken for good."""

    def evidence_for(gather, placement, now):
        try:
            return gather(placement.rollout, now)
        except Exception:  # noqa: BLE001 - the break itself
            return Gathered(Evidence(verdict="pass", reason="passed", samples=1000, fresh=True))

    return evidence_for


def observe_skipped(real):
    """perceive.observe: what was wanted is taken for what is."""

    def observe(target, placement):
        units = tuple(placement.desired_units)
        return Observed(placement.desired, units, placement.generation), ""

    return observe


def key_dropped(real):
    """perceive.key_of: every call of a placement goes under one key."""
    return lambda placement: Key(0, str(placement.rollout_id), placement.target, 0)


def human_pause_resumed(real):
    """reconcile.decide: good evidence ends a person's pause."""

    def decide(snapshot, evidence, now):
        if "paused" in snapshot.holds and evidence.verdict == "pass":
            return Decision(Do.RELEASE, ("it looks good",), hold="paused")
        return real(snapshot, evidence, now)

    return decide


def promotion_beats_abort(real):
    """services.abort: a stage that bakes is promoted first, and the rollout goes on."""

    def abort(rollout_id, actor, reason, version=None):
        with services.locked(rollout_id, actor, reason, version) as it:
            stage = effects.current_stage(it.rollout)
            if stage is not None and stage.state == StageState.BAKING:
                effects.close_stage(stage, "waive", "", it.now)
                effects.next_stage(it.rollout, stage, it.now)
                it.record("abort", "rollout.answered")
                return it.rollout
        return real(rollout_id, actor, reason, version)

    return abort


def policy_read_live(real):
    """reconcile.snapshot_of: decided by what the services are trusted with now."""

    def snapshot_of(rollout, now):
        level = Service.objects.order_by("name").first().control_level
        return replace(real(rollout, now), control_level=level)

    return snapshot_of


def sent_but_not_marked(real):
    """deliver.settle: what was delivered is not written down as delivered."""

    def settle(delivery, sent):
        if sent.error:
            return real(delivery, sent)
        delivery.lease_until = None
        delivery.save()
        return True

    return settle


def growth_under_freeze(real):
    """gates.frozen: nobody asks."""
    return lambda _spec, _now: ""


def late_call_accepted(real):
    """claims.in_force: whatever is seen is the newest generation's effect."""
    return lambda _row, _executor, _observed: True


def silenced_guardrail_passes(real):
    """silences.of: nobody asks."""
    return lambda _spec, _since, _now: {}


PLACES: dict[Make, tuple[Any, str]] = {
    no_fencing_check: (claims, "confirm"),
    act_before_intent: (reconcile, "intend"),
    exception_counts_as_pass: (perceive, "evidence_for"),
    observe_skipped: (perceive, "observe"),
    key_dropped: (perceive, "key_of"),
    human_pause_resumed: (reconcile, "decide"),
    promotion_beats_abort: (services, "abort"),
    policy_read_live: (reconcile, "snapshot_of"),
    sent_but_not_marked: (deliver, "settle"),
    growth_under_freeze: (gates, "frozen"),
    late_call_accepted: (claims, "in_force"),
    silenced_guardrail_passes: (silences, "of"),
}
# What makes the break show soon, and the words of the invariant that has to notice it.
SHOWN_BY: dict[str, tuple[tuple[str, ...], str]] = {
    "no_fencing_check": (("worker_stalls", "clock_forward"), "invariant 7"),
    "act_before_intent": ((), "invariant 7"),
    "exception_counts_as_pass": (("source_changes", "raises"), "invariant 1"),
    "observe_skipped": ((), "invariant 4, 7"),
    "key_dropped": (("bell_doubled",), "invariant 7"),
    "human_pause_resumed": (("bell_doubled", "pause"), "invariant 3"),
    "promotion_beats_abort": (("bell_doubled", "abort"), "invariant 3"),
    "policy_read_live": (("bell_doubled", "policy"), "invariant 9"),
    "sent_but_not_marked": ((), "outbox"),
    "growth_under_freeze": (("bell_doubled", "kill_switch", "freeze"), "invariant 2"),
    "late_call_accepted": (("call_lands_late", "stale_exposure"), "invariant 7"),
    "silenced_guardrail_passes": (("bell_doubled", "silence"), "invariant 1"),
}
BREAKS = {make.__name__: make for make in PLACES}


@contextmanager
def broken(name: str) -> Broken:
    make = BREAKS[name]
    with instead(*PLACES[make], make):
        yield
