"""The golden signals of one service as guardrails: errors, durations, saturation. PURE.

The rate of requests is told and guards nothing: how much a canary gets is what the plan gives it,
and a canary that gets requests and answers none is silent, which is evidence already.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from attribution.discovery.cohorts import Cohorts, carries
from attribution.discovery.facts import Measured
from attribution.discovery.services import Found, Seen
from attribution.discovery.statuses import failures
from attribution.discovery.vocabulary import MILLISECONDS, STATUS_LABELS
from attribution.sources.promql import COHORT, INTERVAL

# Bad events so rare that a multiple of them says nothing: as much more is always acceptable.
RARE, ALWAYS_ACCEPTABLE = 0.01, 0.005
# Of a duration: the bound is chosen beyond which about so many requests are now.
TAIL, LARGEST_TAIL = 0.05, 0.2
RATE_WINDOW = "1m"
# What names an instance: series of the same belong together.
SAME = "job, instance"


@dataclass(frozen=True)
class Guarding:
    """One proposed guardrail, or (`guards` false) a metric for attribution alone.

    `matchers`: of its series, without the cohort's; `failed`: of errors, the matcher of the bad
    ones. `through`: the info metric whose version is that of the series of the same instance.
    What it shows now is measured afterwards (`measured`).
    """

    name: str
    signal: str
    seen: Seen
    matchers: tuple[str, ...]
    failed: str = ""
    what: str = ""
    through: str = ""
    guards: bool = True
    measured: Measured = field(default_factory=Measured)

    @property
    def metric(self) -> str:
        return self.seen.family.name

    def selector(self, *more: str, name: str = "") -> str:
        return f"{name or self.metric}{{{','.join([*self.matchers, *more])}}}"

    @property
    def total(self) -> str:
        """The counter of all requests."""
        counted = self.metric.removesuffix("_bucket")
        return f"{counted}_count" if self.signal == "duration" else self.metric

    @property
    def unit_s(self) -> float:
        return 0.001 if MILLISECONDS.search(self.metric) else 1.0

    def spec(self) -> dict[str, Any]:
        """As `PUT guardrails/{name}` takes it, without the service."""
        made: dict[str, Any] = {"name": self.name, "source": "prometheus"}
        if self.signal == "requests":
            return made | {
                "kind": "ratio",
                "direction": "increase",
                "critical": True,
                "events": self._events(),
                "total": self._counted(),
                **_acceptable(self.measured.base),
            }
        if self.signal == "duration":
            bound = self.measured.bound
            return made | {
                "kind": "distribution",
                "direction": "increase",
                "query": self._counted(by=" by (le)"),
                **({"params": {"bound": bound}} if bound is not None else {}),
                **_acceptable(self.measured.base),
            }
        return made | {
            "kind": "value",
            "direction": "increase",
            "query": self._level(),
            # Levels wander by more than rates do.
            **({"margin": 0.5, "pass_margin": 1.0, "weight": 0.2} if self.guards else {}),
        }

    def _counted(self, *more: str, by: str = "") -> str:
        """A counter; where its version stands elsewhere, what it grew by, joined to that."""
        if not self.through:
            return self.selector(*more, COHORT)
        return f"sum{by} (increase({self.selector(*more)}[{INTERVAL}]){self._joined()})"

    def _events(self) -> str:
        counted = self._counted(self.failed)
        # Of an expression no answer is not known; here none have failed.
        return f"{counted} or 0 * {self._counted()}" if self.through else counted

    def _joined(self) -> str:
        info = f"{self.through.removesuffix('}')},{COHORT}}}"
        return f" * on ({SAME}) group_left () max by ({SAME}) ({info})"

    def _level(self) -> str:
        rate = self.seen.family.candidate.rate
        if self.through:
            chosen = self.selector()
            level = f"rate({chosen}[{RATE_WINDOW}])" if rate else chosen
            return f"avg({level}{self._joined()})"
        chosen = self.selector(COHORT)
        return f"avg(rate({chosen}[{RATE_WINDOW}]))" if rate else chosen

    def with_measured(self, found: Measured) -> "Guarding":
        return replace(self, measured=found)


def _acceptable(base: float | None) -> dict[str, float]:
    """Without it a service that never fails could not pass: no multiple of nothing is excluded."""
    return {"margin_abs": ALWAYS_ACCEPTABLE} if base is None or base < RARE else {}


def guardrails(service: Found, cohorts: Cohorts | None) -> list[Guarding]:
    """The best family of each signal; then one of each kind of saturation."""
    through = cohorts.through if cohorts else ""
    found = [
        *_errors(service, cohorts),
        *_durations(service, cohorts),
        *_saturations(service, cohorts),
    ]
    return [replace(one, through=through) for one in found]


def rate_of(service: Found, cohorts: Cohorts | None) -> Guarding | None:
    """What tells how many requests a second there are."""
    for signal in ("requests", "duration"):
        if best := _best(service.seen[signal], cohorts):
            return _guarding("rate", best)
    return None


def _best(seen: Sequence[Seen], cohorts: Cohorts | None) -> Seen | None:
    """Families with the label of the cohorts first, then by rank."""
    order = sorted(
        seen,
        key=lambda one: (
            not carries(one, cohorts),
            one.family.candidate.rank,
            one.family.name,
        ),
    )
    return order[0] if order else None


def _errors(service: Found, cohorts: Cohorts | None) -> Iterator[Guarding]:
    failing = [one for one in service.seen["requests"] if failed_of(one)]
    fitting = [one for one in failing if carries(one, cohorts)] or (
        [] if cohorts is not None else failing
    )
    if best := _best(fitting, cohorts):
        yield replace(_guarding("errors", best), failed=failed_of(best))


def failed_of(seen: Seen) -> str:
    """By what the whole family shows: this service may not have failed yet."""
    labels = [*STATUS_LABELS, *(k for k, v in seen.family.guessed.items() if v == "status")]
    for label in labels:
        if seen.own.share(label) > 0 and (found := failures(label, seen.family.values(label))):
            return found
    return ""


def _durations(service: Found, cohorts: Cohorts | None) -> Iterator[Guarding]:
    seen = service.seen["duration"]
    fitting = seen if cohorts is None else [one for one in seen if carries(one, cohorts)]
    if best := _best(fitting, cohorts):
        yield _guarding("duration", best)


def _saturations(service: Found, cohorts: Cohorts | None) -> Iterator[Guarding]:
    """Levels of two cohorts are compared with what they differed by before: of versions that come
    and go there is no before. So there they are telemetry.
    """
    taken: set[str] = set()
    seen = sorted(service.seen["saturation"], key=lambda one: one.family.candidate.rank)
    for one in seen:
        what = one.family.candidate.what
        if what not in taken:
            taken.add(what)
            guards = cohorts is not None and cohorts.fixed and carries(one, cohorts)
            yield replace(_guarding(what, one), guards=guards, what=what)


def _guarding(name: str, seen: Seen) -> Guarding:
    return Guarding(name, seen.family.candidate.signal, seen, tuple(seen.matchers()))


# --- the bound of a duration -----------------------------------------------------------------


def bound_of(counts: Sequence[tuple[float, float]]) -> tuple[float, float] | None:
    """(bound, share of the requests beyond it), from (bound, cumulative count) of the buckets.

    The tail nearest to TAIL: shares that are too small show nothing, too large ones are no tail.
    """
    ordered = sorted(counts)
    total = ordered[-1][1] if ordered else 0.0
    finite = [(bound, count) for bound, count in ordered if 0 < bound < float("inf")]
    if total <= 0 or not finite:
        return None
    tails = [(bound, max(0.0, 1.0 - count / total)) for bound, count in finite]
    fitting = [tail for tail in tails if 0 < tail[1] <= LARGEST_TAIL]
    if fitting:
        return min(fitting, key=lambda tail: (abs(tail[1] - TAIL), tail[0]))
    none_beyond = [tail for tail in tails if tail[1] == 0]
    return none_beyond[0] if none_beyond else tails[-1]
