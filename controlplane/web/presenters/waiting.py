"""Why a stage is still baking, in sentences. PURE."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from attribution.forecast import Forecast
from controlplane.forecasts import Bake
from controlplane.web import numbers
from controlplane.web.wording import in_words
from rollout.reversals import UNATTENDED

# As long as nothing is reported, nothing would be seen.
BLIND = ("no_data", "silent_canary", "source_error")


@dataclass(frozen=True)
class Line:
    """`what` it waits for, and how long that takes; `done`: it does not wait for it any more."""

    what: str
    text: str
    # What would be seen meanwhile.
    sees: str = ""
    done: bool = False


@dataclass(frozen=True)
class Waiting:
    lead: str
    lines: list[Line]


def waiting(bake: Bake, spec: Mapping[str, Any]) -> Waiting:
    lines = [*_bake_lines(bake), *map(_line, bake.metrics)]
    return Waiting(" ".join(_lead(bake, spec)), sorted(lines, key=lambda line: line.done))


def _lead(bake: Bake, spec: Mapping[str, Any]) -> Iterator[str]:
    if bake.pass_in_s is None:
        yield "When it passes cannot be told."
    elif bake.pass_in_s <= 0:
        yield "All that it waits for is there."
    else:
        soon = numbers.about(bake.pass_in_s)
        yield f"It should pass in about {soon}, if traffic and canary stay as they are."
    if bake.held:
        yield "It is held as well, and does not grow until that is over."
    if spec["control_level"] not in UNATTENDED:
        yield f"At control level {spec['control_level']} a person promotes it."
    elif bake.source_lost:
        yield "The metric source is lost: the bake goes on until it is back."
    elif bake.pass_in_s is None or bake.pass_in_s > bake.most_left_s:
        yield _too_late(bake, spec)


def _too_late(bake: Bake, spec: Mapping[str, Any]) -> str:
    rolls_back = spec["on_inconclusive"] == "rollback" and spec["reversible"]
    end = "rolls back" if rolls_back else "halts and asks a person"
    if bake.most_left_s <= 0:
        return f"Its time is up: it {end}."
    left = numbers.about(bake.most_left_s)
    return f"If it has not passed in {left}, when its bake ends, it {end}."


def _bake_lines(bake: Bake) -> Iterator[Line]:
    if bake.least_left_s > 0:
        left = numbers.about(bake.least_left_s)
        yield Line("shortest bake", f"{left} more, by the plan")
    if bake.samples_left:
        yield Line("samples", f"{numbers.count(bake.samples_left)} more requests, by the plan")


def _line(metric: Forecast) -> Line:
    title = metric.metric.replace("_", " ")
    return Line(title, _passing(metric), _seeing(metric), done=metric.pass_in_s == 0)


def _passing(metric: Forecast) -> str:
    if metric.pass_in_s is None:
        return _no_date(metric)
    harm = _share(metric, metric.excludes)
    if metric.excludes is None:
        return "harm is excluded"
    if metric.pass_in_s <= 0:
        return f"{harm} is excluded"
    traffic = numbers.rate(metric.requests_per_s, "requests")
    return f"about {numbers.about(metric.pass_in_s)} more at {traffic} to exclude {harm}"


def _no_date(metric: Forecast) -> str:
    if metric.why == "too_bad":
        near = _share(metric, metric.excludes)
        return f"the canary at {numbers.percent(metric.canary)} is too near to {near} to exclude it"
    return in_words(metric.why)


def _seeing(metric: Forecast) -> str:
    if metric.seen_in_s is None or metric.sees is None or metric.why in BLIND:
        return ""
    times = f" (×{numbers.times(metric.factor)})" if metric.factor else ""
    soon = numbers.about(metric.seen_in_s)
    return f"{numbers.percent(metric.sees)}{times} would be seen in about {soon}"


def _share(metric: Forecast, share: float | None) -> str:
    side = "less" if metric.direction == "decrease" else "more"
    return f"{numbers.percent(share)} or {side}"
