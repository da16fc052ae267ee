"""The judge's verdict metric by metric: computed now while it is judged, or as it was decided."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from controlplane.forecasts import bake_of
from controlplane.web import numbers
from controlplane.web.presenters.waiting import Waiting, waiting
from controlplane.web.wording import VERDICTS, Word, in_words, word_of
from rollout.evidence import Gathered, judged
from rollout.judging import judge_rollout
from rollout.machine import Phase
from rollout.models import Rollout
from rollout.readings import direction_of, level, place_of, samples, series_of
from rollout.telling import beyond_what

JUDGED_NOW = frozenset({Phase.RUNNING, Phase.WATCHING})
# Decisions that rest on a verdict; the newest one explains how the rollout ended.
WEIGHED = ("halt", "rollback", "promote", "watch", "complete")


@dataclass(frozen=True)
class Side:
    """A cohort's share of events, or its mean; None: nothing was reported."""

    value: float | None
    total: float
    is_share: bool

    def __str__(self) -> str:
        if self.value is None:
            return "silent"
        return numbers.percent(self.value) if self.is_share else f"{self.value:.4g}"


@dataclass(frozen=True)
class Row:
    name: str
    direction: str
    canary: Side
    control: Side
    effect: float | None
    interval: tuple[float, float | None] | None
    word: Word
    reason: str
    # On the way to the rollback limit (1.0); the halt limit lies at `halt_mark`.
    evidence: float
    halt_mark: float
    evidence_label: str

    @property
    def title(self) -> str:
        return self.name.replace("_", " ")

    @property
    def tone(self) -> str:
        return "bad" if self.evidence >= self.halt_mark else "live"

    @property
    def numbers(self) -> str:
        """Such as: canary 5.2% errors against 0.2% control."""
        if self.canary.value is None:
            return f"the canary reports no {self.title} while the control shows {self.control}"
        return f"canary {self.canary} {self.title} against {self.control} control"


@dataclass(frozen=True)
class Verdict:
    word: Word
    verdict: str
    reason: str
    rows: list[Row]
    # None: as of now; else the moment of the decision that rests on it.
    decided_at: datetime | None
    # Why it is still baking; None: it is not.
    waiting: Waiting | None = None

    @property
    def worst(self) -> Row | None:
        return max(self.rows, key=lambda row: row.evidence, default=None)


def verdict_of(rollout: Rollout, now: datetime) -> Verdict | None:
    """None when nothing was ever judged: not observable, or not exposed yet."""
    found, at = _gathered(rollout, now)
    case = found.case
    if not case or not case["metrics"]:
        return None
    answer = found.answer or judge_rollout(case)
    bake = None if at else bake_of(rollout, now, found)
    return Verdict(
        word=word_of(VERDICTS, answer["verdict"]),
        verdict=answer["verdict"],
        reason=in_words(answer["reason"]),
        rows=[
            _row(metric, told, rollout.spec)
            for metric, told in zip(case["metrics"], answer["metrics"], strict=True)
        ],
        decided_at=at,
        waiting=waiting(bake, rollout.spec) if bake else None,
    )


def _gathered(rollout: Rollout, now: datetime) -> tuple[Gathered, datetime | None]:
    """The judge's case and answer; the moment of the decision that rests on it, or None: now."""
    if rollout.phase in JUDGED_NOW:
        return judged(rollout, now), None
    rested = rollout.decisions.filter(decision__in=WEIGHED).exclude(inputs__case=None)
    last = rested.order_by("-sequence").first()
    return (Gathered(case=last.inputs["case"]), last.at) if last else (Gathered(), None)


def _row(metric: Mapping[str, Any], told: Mapping[str, Any], spec: Mapping[str, Any]) -> Row:
    rollback_limit = math.log(1 / spec["alpha_rollback"])
    halt_limit = math.log(1 / spec["alpha_halt"])
    log_e = told["log_e"]
    return Row(
        name=f"{metric['name']}{beyond_what(metric, place_of(metric))}",
        direction=metric.get("direction", "increase"),
        canary=side(metric, "canary"),
        control=side(metric, "control"),
        effect=told["effect"],
        interval=tuple(told["interval"]) if told["interval"] else None,
        word=word_of(VERDICTS, told["verdict"]),
        reason=in_words(told.get("reason", "")),
        evidence=max(0.0, log_e) / rollback_limit,
        halt_mark=halt_limit / rollback_limit,
        evidence_label=f"evidence {log_e:.1f}; halts at {halt_limit:.1f}, "
        f"rolls back at {rollback_limit:.1f}",
    )


def side(metric: Mapping[str, Any], cohort: str) -> Side:
    kind, readings = metric["kind"], series_of(metric, cohort)
    value = level(kind, readings, direction_of(metric), place_of(metric))
    total = sum(samples(kind, each) for each in readings)
    return Side(value, total, is_share=kind != "value")
