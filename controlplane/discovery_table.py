"""What `discover` tells people: each service with its present values and what would be seen."""

from collections.abc import Iterator

from attribution.discovery.golden import Guarding
from attribution.discovery.propose import Proposal
from attribution.discovery.sensitivity import Plan, outlook
from attribution.forecast import Forecast

WIDTH = 10


def lines_of(proposal: Proposal, plan: Plan) -> Iterator[str]:
    yield printable(f"{proposal.name}  {', '.join(_facts(proposal))}")
    if proposal.cohorts:
        shown = ", ".join(proposal.cohorts.shows)
        yield printable(f"  {'cohorts':{WIDTH}}{proposal.cohorts.label} shows {shown}")
        for side, matchers in proposal.cohorts.matchers.items():
            yield printable(f"  {'':{WIDTH}}{side}: {matchers}")
    told = outlook(proposal, plan)
    for one in proposal.guardings:
        yield printable(f"  {one.name:{WIDTH}}{_now(one)}; {_could(one, told.get(one.name), plan)}")
    for remark in proposal.remarks:
        yield printable(f"  ! {remark}")


def _facts(proposal: Proposal) -> Iterator[str]:
    yield f"team {proposal.team}"
    yield proposal.environment
    rate = proposal.rate.measured.per_s if proposal.rate else None
    yield "traffic not known" if rate is None else f"{rate:.3g} requests a second"
    if proposal.calls:
        yield f"calls {' '.join(proposal.calls)}"
    if proposal.target:
        yield f"target {proposal.target}"


def _now(one: Guarding) -> str:
    found = one.measured
    if one.signal == "saturation":
        level = "not known" if found.value is None else f"{found.value:.4g}"
        return f"{one.metric}: {level} now"
    if found.base is None:
        return f"{one.metric}: no traffic in the last minutes"
    beyond = f" beyond {_time(found.bound * one.unit_s)}" if found.bound is not None else ""
    return f"{one.metric}: {percent(found.base)}{beyond} now"


def _could(one: Guarding, told: Forecast | None, plan: Plan) -> str:
    if not one.guards:
        return "telemetry for attribution, guards nothing"
    if told is None:
        return "what it could detect is not known"
    within = f"within {span(plan.within_s)} on {percent(plan.share)} of the traffic"
    if told.smallest is None:
        return f"sees nothing {within}"
    times = f" (×{told.smallest / told.base:.2g})" if told.base else ""
    passes = "" if told.pass_in_s is None else f"; passes in about {span(told.pass_in_s)}"
    return f"sees {percent(told.smallest)}{times} {within}{passes}"


def span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def percent(share: float) -> str:
    return f"{100 * share:.3g}%"


def _time(seconds: float) -> str:
    return f"{1000 * seconds:.4g} ms" if seconds < 1 else f"{seconds:.4g} s"


def printable(text: str) -> str:
    """Label values are others' words: a terminal must not obey them."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
