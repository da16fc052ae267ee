"""The first page: what is changing now, what needs somebody, what has just ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Q, QuerySet

from controlplane.access import Scope, scopes_of
from controlplane.models import Change
from controlplane.web.presenters.cohorts import measure
from controlplane.web.presenters.rollouts import RolloutView, rollout_view
from controlplane.web.wording import LEVELS, STATES, VERDICTS, Word, word_of
from rollout.gates import KILL_SWITCH, freezes_in_force
from rollout.machine import FINAL_PHASES, ChangeState, HoldKind, Phase
from rollout.models import Freeze, Rollout, Storm
from rollout.storms import halted_by, held_by

MOST_UNDER_WAY = 100
MOST_ENDED = 15
ENDED_WITHIN = timedelta(days=7)
WAITING = (
    ChangeState.SUBMITTED,
    ChangeState.ASSESSING,
    ChangeState.PENDING_APPROVAL,
    ChangeState.APPROVED,
    ChangeState.SCHEDULED,
    ChangeState.EXTERNAL,
)
TURNED = (Phase.ROLLING_BACK, Phase.ROLLBACK_FAILED)
NEVER_BEGUN = (ChangeState.REJECTED, ChangeState.EXPIRED, ChangeState.CANCELED)
# What somebody has to look at first comes first.
URGENCY: dict[str, int] = {
    Phase.ROLLBACK_FAILED: 0,
    HoldKind.HALTED: 1,
    Phase.ROLLING_BACK: 2,
    ChangeState.PENDING_APPROVAL: 3,
    HoldKind.PAUSED: 4,
}


@dataclass(frozen=True)
class Row:
    """A change under way, or one that ended."""

    change_id: UUID
    title: str
    services: str
    kind: str
    author: str
    state: str
    word: Word
    level: Word | None
    control_level: str
    since: datetime
    view: RolloutView | None
    verdict: str
    verdict_word: Word | None
    # Of a change without a rollout: why it is where it is.
    why: Sequence[str] = ()
    ended_at: datetime | None = None
    recovered: bool = False


@dataclass(frozen=True)
class StormView:
    """Several changes of an environment failed together, and what that holds."""

    environment: str
    since: datetime
    halted: int
    held: int


@dataclass(frozen=True)
class NowPage:
    needs: list[tuple[Row, str]]
    rows: list[Row]
    more: int
    ended: list[Row]
    freezes: list[Freeze]
    kill_switch: Freeze | None
    storms: list[StormView]
    can_operate: bool
    now: datetime


def now_page(user: AbstractBaseUser | AnonymousUser, now: datetime) -> NowPage:
    scopes = scopes_of(user)
    active = list(
        Rollout.objects.exclude(phase__in=FINAL_PHASES)
        .prefetch_related("stages", "placements", "holds")
        .order_by("-created_at")[: MOST_UNDER_WAY + 1]
    )
    waiting = list(_changes(Q(state__in=WAITING))[: MOST_UNDER_WAY + 1])
    rows = _rows(active[:MOST_UNDER_WAY], now)
    rows += [_waiting_row(c) for c in waiting[:MOST_UNDER_WAY]]
    rows.sort(key=lambda r: (URGENCY.get(r.state, 9), -r.since.timestamp()))
    freezes = freezes_in_force(now)
    return NowPage(
        needs=_needs(rows, user.get_username(), scopes),
        rows=rows,
        more=max(0, len(active) + len(waiting) - len(rows)),
        ended=_ended(now),
        freezes=[f for f in freezes if f.name != KILL_SWITCH],
        kill_switch=next((f for f in freezes if f.name == KILL_SWITCH), None),
        storms=[storm_view(each) for each in Storm.objects.filter(ended_at=None)],
        can_operate=Scope.OPERATE in scopes,
        now=now,
    )


def storm_view(storm: Storm) -> StormView:
    halted, held = halted_by(storm).count(), held_by(storm).count()
    return StormView(storm.environment, storm.since, halted, held)


def _changes(condition: Q) -> QuerySet[Change]:
    return (
        Change.objects.filter(condition)
        .defer("artefact", "before", "source", "executor", "plan")
        .prefetch_related("assessments")
    )


def _rows(rollouts: list[Rollout], now: datetime) -> list[Row]:
    by_id = {c.pk: c for c in _changes(Q(pk__in=[r.change_id for r in rollouts]))}
    return [_rollout_row(r, by_id.get(r.change_id), now) for r in rollouts]


def _rollout_row(rollout: Rollout, change: Change | None, now: datetime) -> Row:
    view = rollout_view(rollout, now)
    stage = _judged_stage(rollout)
    return Row(
        change_id=rollout.change_id,
        title=view.spec["title"],
        services=", ".join(view.services),
        kind=view.spec["kind"],
        author=change.author if change else "",
        state=view.state,
        word=view.word,
        level=word_of(LEVELS, view.spec["level"]),
        control_level=view.spec["control_level"],
        since=rollout.started_at or rollout.created_at,
        view=view,
        verdict=_verdict(view),
        verdict_word=word_of(VERDICTS, stage) if stage else None,
        ended_at=rollout.ended_at,
        recovered=rollout.recovered_at is not None,
    )


def _judged_stage(rollout: Rollout) -> str:
    """The verdict as the loop last wrote it on the stage that counts."""
    judged = [s for s in rollout.stages.all() if s.verdict and s.baking_since]
    return max(judged, key=lambda s: s.index).verdict if judged else ""


def _verdict(view: RolloutView) -> str:
    """One sentence with numbers: the most harmful guardrail, or why it turned round."""
    if view.ended or view.state == HoldKind.HALTED:
        return ""
    if view.rollout.phase in TURNED and view.current is not None:
        return view.current.detail
    measured = measure(view.rollout)
    return measured[0].sentence if measured else ""


def _waiting_row(change: Change) -> Row:
    assessment = next(iter(change.assessments.all()), None)
    return Row(
        change_id=change.pk,
        title=change.title,
        services=", ".join(t["service"] for t in change.targets),
        kind=change.kind,
        author=change.author,
        state=change.state,
        word=word_of(STATES, change.state),
        level=word_of(LEVELS, assessment.level) if assessment else None,
        # What is handed out may be so at a lower one than the policy's.
        control_level=(
            assessment.policy.get("control_level", "")
            if assessment and change.state != ChangeState.EXTERNAL
            else ""
        ),
        since=change.created_at,
        view=None,
        verdict="",
        verdict_word=None,
        why=change.reasons,
    )


def _needs(rows: list[Row], name: str, scopes: frozenset[Scope]) -> list[tuple[Row, str]]:
    found = []
    for row in rows:
        if row.state == Phase.ROLLBACK_FAILED:
            found.append((row, "Rollback failed: exposure did not reach zero. Act now."))
        elif _needs_an_answer(row) and Scope.OPERATE in scopes:
            found.append((row, "Halted by evidence: abort, judge again, or promote."))
        elif row.state == ChangeState.PENDING_APPROVAL and _may_approve(row, name, scopes):
            found.append((row, "Waits for your approval."))
    return found


def _needs_an_answer(row: Row) -> bool:
    """What is halted on suspicion alone goes on, or back, by itself."""
    return row.view is not None and any(h.kind == HoldKind.HALTED for h in row.view.holds)


def _may_approve(row: Row, name: str, scopes: frozenset[Scope]) -> bool:
    return Scope.APPROVE in scopes and row.author != name


def _ended(now: datetime) -> list[Row]:
    since = now - ENDED_WITHIN
    rollouts = (
        Rollout.objects.filter(phase__in=FINAL_PHASES, ended_at__gte=since)
        .prefetch_related("stages", "placements", "holds")
        .order_by("-ended_at")[:MOST_ENDED]
    )
    rows = _rows(list(rollouts), now)
    for change in _changes(Q(state__in=NEVER_BEGUN, updated_at__gte=since))[:MOST_ENDED]:
        row = _waiting_row(change)
        rows.append(Row(**{**row.__dict__, "ended_at": change.updated_at}))
    rows.sort(key=lambda r: r.ended_at or r.since, reverse=True)
    return rows[:MOST_ENDED]
