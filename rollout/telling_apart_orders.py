"""Telling two suspects apart: what may be tried now, and a person's order to try it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from attribution.clock import database_now
from attribution.models import Anomaly
from rollout import effects, ledger
from rollout.machine import HoldKind, Phase, StageState
from rollout.models import Decision, Hold, Rollout
from rollout.news import tell
from rollout.rows import placement_view
from rollout.services import NotAllowedError
from rollout.spec import RolloutSpec
from rollout.standing import Line, handed_on
from rollout.standing import under_way as taken_back_now
from rollout.suspicion import line_of_finding, rollout_of
from rollout.telling_apart import Candidate, Proposal, propose

MOST_MINUTES = 60
# Entries of the ledger: of the one that is held, of the one that is stepped down.
HELD, STEPPED_DOWN = "tell_apart", "step_down"


@dataclass(frozen=True)
class UnderWay:
    hold: str
    step_down: str
    to_share: float
    since: datetime
    until: datetime
    actor: str


@dataclass(frozen=True)
class Attempt:
    """What may be tried, why nothing may, or what is tried now."""

    proposal: Proposal | None = None
    why_not: str = ""
    under_way: UnderWay | None = None


def attempt(anomaly: Anomaly, line: Line | None) -> Attempt:
    """`line`: of the newest finding; None: there is none yet."""
    if going_on := under_way(anomaly):
        return Attempt(under_way=going_on)
    if anomaly.ended_at is not None or line is None:
        return Attempt(why_not="it is over" if anomaly.ended_at else "nobody is suspected yet")
    answer = _proposed(line)
    return Attempt(why_not=answer) if isinstance(answer, str) else Attempt(proposal=answer)


def under_way(anomaly: Anomaly) -> UnderWay | None:
    """By the holds that are in force and the entry of the ledger that says what they are for."""
    holds = Hold.objects.filter(kind=HoldKind.TELLING_APART, released_at=None)
    for entry in Decision.objects.filter(
        decision=STEPPED_DOWN, rollout__in=holds.values("rollout")
    ).order_by("-at"):
        if entry.inputs["anomaly"] != str(anomaly.pk):
            continue
        hold = holds.filter(rollout=entry.rollout_id).first()
        if hold is not None and hold.expires_at is not None and hold.since == entry.at:
            given = entry.inputs["proposal"]
            return UnderWay(
                given["hold"],
                given["step_down"],
                given["to_share"],
                hold.since,
                hold.expires_at,
                entry.actor,
            )
    return None


@dataclass(frozen=True)
class Order:
    """As a person gave it: hold the one, step the other down (changes), and for how long."""

    hold: UUID
    step_down: UUID
    actor: str
    reason: str = ""
    # None: as long as is proposed.
    minutes: int | None = None


@transaction.atomic
def start(anomaly_id: UUID, order: Order) -> UnderWay:
    """Hold one, step the other down. The same order again gives the one that is under way.

    Raises NotAllowedError when it is not, or no longer, what is proposed; Anomaly.DoesNotExist.
    """
    anomaly = Anomaly.objects.select_related("service").get(pk=anomaly_id)
    # Locked as the loop does: rollouts first, then the anomaly.
    rows = Rollout.objects.select_for_update().filter(change_id__in=(order.hold, order.step_down))
    newest = sorted(rows.order_by("pk"), key=lambda row: (row.created_at, row.pk))
    effects.lock_until_commit(f"anomaly/{anomaly.pk}")
    finding = anomaly.findings.defer("case").order_by("-at").first()
    line = line_of_finding(finding) if finding else None
    found = attempt(anomaly, line)
    if found.under_way:
        return _the_same(found.under_way, order)
    if found.proposal is None or finding is None or line is None:
        raise NotAllowedError(found.why_not)
    if (found.proposal.hold, found.proposal.step_down) != (str(order.hold), str(order.step_down)):
        raise NotAllowedError("that is no longer what is proposed: look again")
    inputs = {
        "anomaly": str(anomaly.pk),
        "evidence": {"finding": str(finding.pk)},
        "line": line.to_json(),
        "candidates": [asdict(each) for each in candidates_of(line)],
        "proposal": asdict(found.proposal),
    }
    rollouts = {row.change_id: row for row in newest}
    return _carry_out(
        rollouts[order.hold], rollouts[order.step_down], found.proposal, order, inputs
    )


def _the_same(going_on: UnderWay, order: Order) -> UnderWay:
    if (going_on.hold, going_on.step_down) != (str(order.hold), str(order.step_down)):
        raise NotAllowedError("two suspects of this anomaly are told apart already")
    return going_on


def _carry_out(
    held: Rollout,
    lowered: Rollout,
    proposal: Proposal,
    order: Order,
    inputs: Mapping[str, Any],
) -> UnderWay:
    now = database_now()
    until = now + timedelta(minutes=order.minutes or proposal.minutes)
    _step_down(lowered, proposal.to_share, now)
    why = [proposal.why, *([order.reason] if order.reason else [])]
    for rollout, decision in ((held, HELD), (lowered, STEPPED_DOWN)):
        rollout.holds.create(
            kind=HoldKind.TELLING_APART,
            actor=order.actor,
            reason=proposal.why,
            since=now,
            expires_at=until,
        )
        effects.withhold(rollout, now)
        ledger.append(rollout, decision, why, order.actor, inputs, now)
        tell(rollout, "rollout.telling_apart", why, inputs["evidence"], now)
        effects.bump(rollout, now)
    return UnderWay(proposal.hold, proposal.step_down, proposal.to_share, now, until, order.actor)


def _step_down(rollout: Rollout, share: float, now: datetime) -> None:
    """The current stage waits for its gates again: from there exposure returns as it came."""
    stage = effects.current_stage(rollout)
    assert stage is not None  # noqa: S101 - a candidate without one is not reduced
    effects.move_stage(stage, "step_down")
    # What is still exposed is judged as the stage before, whose bake goes on.
    stage.baking_since = None
    stage.verdict = stage.reason = ""
    stage.save()
    effects.desire_share(rollout, share, now)


# --- rows → candidates -----------------------------------------------------------------------


def _proposed(line: Line) -> Proposal | str:
    if taken_back_now(line):
        return "a suspect is taken back now: first it is seen whether that mends it"
    return propose(candidates_of(line))


def candidates_of(line: Line) -> list[Candidate]:
    """The two likeliest that nothing clears and that were not taken back before."""
    handed = handed_on(line)
    free = [s.change for s in line.suspects if not s.vetoes and not s.turn]
    likeliest = sorted(free, key=lambda change: (-handed[change], change))[:2]
    return [_candidate(change, handed[change]) for change in likeliest]


def _candidate(change: str, probability: float) -> Candidate:
    rollout = rollout_of(change)
    if rollout is None:
        return Candidate(change, change, probability, "Graygate does not carry it out")
    spec = RolloutSpec.from_json(rollout.spec)
    stage = effects.current_stage(rollout)
    place = stage.index if stage else 0
    shares = [each.own_share for each in rollout.placements.all()]
    return Candidate(
        change,
        spec.title,
        probability,
        not_held=_not_held(rollout),
        not_reduced=_not_reduced(rollout, spec),
        share=min(shares, default=0.0),
        below=spec.stages[place - 1].share if place else 0.0,
        redo_s=spec.stages[place].min_s,
        interval_s=spec.interval_s,
    )


def _not_held(rollout: Rollout) -> str:
    if rollout.holds.filter(kind=HoldKind.TELLING_APART, released_at=None).exists():
        return "it is told apart from another already"
    under_way = rollout.phase in {Phase.RUNNING, Phase.WATCHING}
    return "" if under_way else f"it is {rollout.phase.replace('_', ' ')}"


def _not_reduced(rollout: Rollout, spec: RolloutSpec) -> str:
    """Why its exposure is not stepped down by one stage; empty: it can be."""
    stage = effects.current_stage(rollout)
    if rollout.phase != Phase.RUNNING or stage is None:
        return "all its stages are done, and none would bring it back"
    if not spec.reversible or spec.own_eyes:
        return "it cannot be taken back"
    if stage.state not in {StageState.BAKING, StageState.APPLYING}:
        return f"its stage is at {stage.state.replace('_', ' ')}"
    views = [placement_view(p, database_now()) for p in rollout.placements.filter(taken_over=False)]
    if not views or not all(v.settled and not v.above and not v.below for v in views):
        return "its targets do not show the desired exposure"
    return ""
