"""What the guardrails of a rollout measured: canary against control, added up over a window."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from attribution.models import Sample
from controlplane.web import numbers
from rollout.machine import FINAL_PHASES, StageState
from rollout.models import Rollout

# Of a long bake the newest part is shown: what a person asks is how it is now.
MOST_SAMPLES = 120


@dataclass(frozen=True)
class Side:
    events: float = 0.0
    total: float = 0.0
    # Reads in which this cohort reported nothing though the source answered.
    silent: int = 0

    @property
    def share(self) -> float | None:
        return self.events / self.total if self.total else None


@dataclass(frozen=True)
class Measured:
    service: str
    name: str
    direction: str
    canary: Side
    control: Side
    reads: int

    @property
    def title(self) -> str:
        return self.name.replace("_", " ")

    @property
    def sentence(self) -> str:
        if self.canary.total == 0 and self.control.total > 0:
            return f"the canary reports no {self.title}; the control does"
        if self.canary.share is None or self.control.share is None:
            return f"{self.title}: nothing to compare yet"
        return (
            f"{self.title}: canary {numbers.percent(self.canary.share)} "
            f"of {numbers.count(self.canary.total)} against "
            f"{numbers.percent(self.control.share)} control"
        )

    @property
    def harm(self) -> float:
        """How far the canary is on the harmful side: to order metrics by."""
        if self.canary.share is None or self.control.share is None:
            return 0.0
        difference = self.canary.share - self.control.share
        if self.direction == "either":
            return abs(difference)
        return -difference if self.direction == "decrease" else difference


def window(rollout: Rollout) -> tuple[datetime, datetime | None] | None:
    """The bake that counts: of the current stage, or of the one at which it ended."""
    baked = [s for s in rollout.stages.all() if s.baking_since is not None]
    if not baked:
        return None
    last = max(baked, key=lambda s: s.index)
    until = rollout.rolling_back_since or last.ended_at
    running = last.state == StageState.BAKING and rollout.rolling_back_since is None
    return last.baking_since, None if running else until  # type: ignore[return-value]


def measure(rollout: Rollout) -> list[Measured]:
    """Every guardrail of every service of the rollout, the most harmful first."""
    between = window(rollout)
    if between is None:
        return []
    found = [
        _of_guardrail(service, guardrail, samples)
        for service, guardrails in rollout.spec["guardrails"].items()
        if guardrails
        for samples in [_samples(service, *between)]
        for guardrail in guardrails
    ]
    return sorted(found, key=lambda m: -m.harm)


def _samples(service: str, since: datetime, until: datetime | None) -> list[dict[str, Any]]:
    rows = Sample.objects.filter(service__name=service, at__gte=since, error="")
    if until is not None:
        rows = rows.filter(at__lte=until)
    return list(rows.order_by("-at").values_list("values", flat=True)[:MOST_SAMPLES])


def remarks(rollout: Rollout) -> list[str]:
    """Of each service that is judged, what the newest read of its metrics has to say."""
    if rollout.phase in FINAL_PHASES:
        return []
    newest = [
        (service, Sample.objects.filter(service__name=service).order_by("-at").first())
        for service, guardrails in rollout.spec["guardrails"].items()
        if guardrails
    ]
    return [
        f"{service}: {text}"
        for service, sample in newest
        if sample
        for text in ([sample.error] if sample.error else sample.warnings)
    ]


def _of_guardrail(
    service: str, guardrail: Mapping[str, Any], samples: Iterable[dict[str, Any]]
) -> Measured:
    values = [s[guardrail["name"]] for s in samples if guardrail["name"] in s]
    return Measured(
        service=service,
        name=guardrail["name"],
        direction=guardrail.get("direction", "increase"),
        canary=_side(v.get("canary") for v in values),
        control=_side(v.get("control") for v in values),
        reads=len(values),
    )


def _side(pairs: Iterable[list[float] | None]) -> Side:
    events = total = 0.0
    silent = 0
    for pair in pairs:
        if not isinstance(pair, list):
            silent += 1
            continue
        events, total = events + pair[0], total + pair[1]
    return Side(events, total, silent)
