"""One rollout as the pages show it: state, holds, step rail, exposure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from controlplane import reading
from controlplane.web import numbers
from controlplane.web.wording import HOLDS, STAGES, STATES, Word, in_words, word_of
from rollout.machine import (
    CURRENT_STAGES,
    DONE_STAGES,
    FINAL_PHASES,
    OPEN_STAGES,
    Phase,
    StageState,
    shown_state,
)
from rollout.models import Hold, Placement, Rollout, Stage
from rollout.snapshot import SAME_SHARE


@dataclass(frozen=True)
class Step:
    number: int
    share: float
    state: str
    word: Word
    # "done" | "current" | "failed" | "future" | "stopped"
    place: str
    # How long it has baked, or why it ended.
    detail: str
    # What it waits for, in the loop's words.
    waiting: str


@dataclass(frozen=True)
class HoldView:
    word: Word
    kind: str
    actor: str
    reason: str
    since: datetime
    expires_at: datetime | None


@dataclass(frozen=True)
class RolloutView:
    rollout: Rollout
    spec: dict[str, Any]
    state: str
    word: Word
    holds: list[HoldView]
    steps: list[Step]
    placements: list[Placement]
    observed: float
    desired: float
    ended: bool

    @property
    def services(self) -> list[str]:
        return list(dict.fromkeys(t["service"] for t in self.spec["targets"]))

    @property
    def observable(self) -> bool:
        return any(self.spec["guardrails"].values())

    @property
    def current(self) -> Step | None:
        return next((s for s in self.steps if s.place in {"current", "failed"}), None)

    @property
    def troubled(self) -> list[Placement]:
        """Targets that fail again and again: once may be chance."""
        return [p for p in self.placements if p.failures > 1 and p.last_error]

    @property
    def reached(self) -> float:
        """The largest share that it was ever to be exposed to."""
        shares = [s.share for s in self.steps if s.place in {"done", "current", "failed"}]
        return max(shares, default=0.0)

    @property
    def at_zero(self) -> int:
        return sum(p.observed <= SAME_SHARE for p in self.placements)


def rollout_view(rollout: Rollout, now: datetime) -> RolloutView:
    """Reads the prefetched `stages`, `placements` and `holds`; no query of its own."""
    open_holds = [h for h in rollout.holds.all() if h.released_at is None]
    placements = list(rollout.placements.all())
    state = shown_state(rollout.phase, frozenset(h.kind for h in open_holds))
    return RolloutView(
        rollout=rollout,
        spec=rollout.spec,
        state=state,
        word=word_of(STATES, state),
        holds=[_hold_view(h) for h in open_holds] if rollout.phase not in FINAL_PHASES else [],
        steps=[_step(s, rollout, now) for s in rollout.stages.all()],
        placements=placements,
        observed=reading.exposure(rollout, placements, "own_share"),
        desired=reading.exposure(rollout, placements, "desired"),
        ended=rollout.phase in FINAL_PHASES,
    )


def _hold_view(hold: Hold) -> HoldView:
    word = word_of(HOLDS, hold.kind)
    return HoldView(word, hold.kind, hold.actor, in_words(hold.reason), hold.since, hold.expires_at)


def _step(stage: Stage, rollout: Rollout, now: datetime) -> Step:
    return Step(
        number=stage.index + 1,
        share=stage.share,
        state=stage.state,
        word=word_of(STAGES, stage.state),
        place=_place(stage, rollout.phase),
        detail=_detail(stage, rollout, now),
        waiting=in_words(stage.reason) if stage.state in OPEN_STAGES else "",
    )


def _place(stage: Stage, phase: str) -> str:
    if stage.state == StageState.FAILED:
        return "failed"
    if stage.state in DONE_STAGES:
        return "done"
    if stage.state == StageState.STOPPED and stage.baking_since:
        # The loop stops an open stage when the rollout turns round: that is where it turned.
        return "failed" if phase not in {Phase.COMPLETED, Phase.CANCELED} else "stopped"
    if stage.state in CURRENT_STAGES:
        return "current"
    return "stopped" if stage.state == StageState.STOPPED else "future"


def _detail(stage: Stage, rollout: Rollout, now: datetime) -> str:
    if stage.state != StageState.BAKING or stage.baking_since is None:
        return in_words(stage.reason)
    least = rollout.spec["stages"][stage.index]["min_s"]
    baked = (now - stage.baking_since).total_seconds()
    if baked < least:
        return f"{numbers.duration(baked)} of at least {numbers.duration(least)}"
    return f"baking for {numbers.duration(baked)}"
