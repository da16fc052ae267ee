"""Which questions tell what a proposal shows now, and what their answers mean. PURE."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from attribution.discovery.facts import Measured
from attribution.discovery.golden import Guarding, bound_of
from attribution.discovery.propose import Proposal
from attribution.sources.answers import Found

WINDOW = "5m"
Answers = Mapping[str, Sequence[Found]]


def questions(proposal: Proposal) -> Iterator[str]:
    for one in _all(proposal):
        yield from _asked(one).values()


def measured(proposal: Proposal, answers: Answers) -> Proposal:
    """What was not answered is not known."""
    return proposal.with_measured({one.name: _of(one, answers) for one in _all(proposal)})


def _all(proposal: Proposal) -> Iterable[Guarding]:
    return [*proposal.guardings, *([proposal.rate] if proposal.rate else [])]


def _asked(one: Guarding) -> dict[str, str]:
    """Part -> PromQL."""
    if one.signal == "saturation":
        inner = one.selector()
        return {"value": f"avg(rate({inner}[{WINDOW}]))" if _is_rate(one) else f"avg({inner})"}
    found = {"total": f"sum(rate({one.selector(name=one.total)}[{WINDOW}]))"}
    if one.failed:
        found["events"] = f"sum(rate({one.selector(one.failed)}[{WINDOW}]))"
    if one.signal == "duration" and one.name != "rate":
        found["buckets"] = f"sum by (le) (rate({one.selector()}[{WINDOW}]))"
    return found


def _is_rate(one: Guarding) -> bool:
    return one.seen.family.candidate.rate


def _of(one: Guarding, answers: Answers) -> Measured:
    asked = _asked(one)
    total = _number(answers.get(asked.get("total", "")))
    if one.signal == "saturation":
        return Measured(value=_number(answers.get(asked["value"])))
    if "buckets" in asked:
        found = bound_of(list(_buckets(answers.get(asked["buckets"], ()))))
        return Measured(total, found and found[1], bound=found and found[0])
    if "events" in asked and total:
        return Measured(total, min(1.0, (_number(answers.get(asked["events"])) or 0.0) / total))
    return Measured(total)


def _buckets(found: Iterable[Found]) -> Iterator[tuple[float, float]]:
    for each in found:
        try:
            bound = float(each.label("le"))
        except ValueError:
            continue
        if math.isfinite(each.value) and not math.isnan(bound):
            yield bound, each.value


def _number(found: Sequence[Found] | None) -> float | None:
    values = [each.value for each in found or () if math.isfinite(each.value)]
    return sum(values) if values else None
