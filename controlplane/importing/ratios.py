"""A quotient of two counters as what it is made of. PURE.

A share of successes becomes the share of failures: of 99%, a tenth less is 89%.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from controlplane.importing.cohort import Cohorts
from controlplane.importing.tree import Aggregate, Binary, Call, Matcher, Node, Selector, bare

RATES = ("rate", "irate", "increase")
BAD = re.compile(
    r"err|fail|drop|reject|timeout|abort|panic|exception|retr|5xx|denied|discard", re.IGNORECASE
)
GOOD = re.compile(r"success|good|ok_|hits?_")
_INVERSE = {"=": "!=", "!=": "=", "=~": "!~", "!~": "=~"}


@dataclass(frozen=True)
class Query:
    kind: str
    direction: str
    queries: Mapping[str, str]
    params: Mapping[str, float] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    # Bad events of a rule that spoke of the good ones.
    turned: bool = False


def ratio_of(
    events: Node, total: Node, direction: str, cohorts: Cohorts, *, complement: bool
) -> Query | None:
    """None: no ratio of counts of which one is a part of the other."""
    part, whole = counter_of(events), counter_of(total)
    turned = direction != "either" and complement != (direction == "decrease")
    if part is not None and whole is not None and (bound := _bucket_share(part, whole)):
        queries = {"query": str(replace(part, matchers=_without(part, "le")))}
        slower = {"either": "either"}.get(direction, "increase" if turned else "decrease")
        return Query("distribution", slower, queries, {"bound": bound})
    if not _is_part(events, total, part, whole):
        return None
    if turned:
        rest = _rest_counted(events, total, part, whole, cohorts)
        return Query("ratio", "increase", rest, turned=True)
    harm = "either" if direction == "either" else "increase"
    return Query("ratio", harm, _counted(events, total, part, whole))


def counter_of(node: Node) -> Selector | None:
    """The one counter that is added up here, as a plain selector."""
    node = bare(node)
    if isinstance(node, Aggregate) and node.name == "sum" and len(node.args) == 1:
        node = bare(node.args[0])
    if isinstance(node, Call) and node.name in RATES and len(node.args) == 1:
        inner = bare(node.args[0])
        if isinstance(inner, Selector) and inner.window and not inner.tail:
            return replace(inner, window="")
    return None


def _bucket_share(part: Selector, whole: Selector) -> float | None:
    """`x_bucket{le="0.3"}` of `x_count`: the bound."""
    base, is_bucket, rest = part.name.rpartition("_bucket")
    les = [each for each in part.matchers if (each.label, each.operator) == ("le", "=")]
    if not is_bucket or rest or len(les) != 1:
        return None
    infinite = whole.name == part.name and any(
        each.label == "le" and each.value.lower() == "+inf" for each in whole.matchers
    )
    if whole.name != f"{base}_count" and not infinite:
        return None
    if set(_without(part, "le")) != set(_without(whole, "le")):
        return None
    try:
        return float(les[0].value)
    except ValueError:
        return None


def _without(selector: Selector, label: str) -> tuple[Matcher, ...]:
    return tuple(each for each in selector.matchers if each.label != label)


def _is_part(events: Node, total: Node, part: Selector | None, whole: Selector | None) -> bool:
    if not (_is_count(events) and _is_count(total)):
        return False
    if part is None or whole is None:
        return str(bare(events)) in str(total)
    if part.name == whole.name:
        return set(whole.matchers) <= set(part.matchers)
    if part.name.endswith("_sum") and whole.name.endswith("_count"):
        return False
    return bool(BAD.search(part.name) or GOOD.search(part.name))


def _is_count(node: Node) -> bool:
    """Sums of rates, and nothing else."""
    node = bare(node)
    if isinstance(node, Binary) and node.sign == "+" and not node.matching:
        return _is_count(node.left) and _is_count(node.right)
    return counter_of(node) is not None


def _counted(
    events: Node, total: Node, part: Selector | None, whole: Selector | None
) -> dict[str, str]:
    if part is not None and whole is not None:
        return {"events": str(part), "total": str(whole)}
    return {"events": increases(events), "total": increases(total)}


def _rest_counted(
    events: Node, total: Node, part: Selector | None, whole: Selector | None, cohorts: Cohorts
) -> dict[str, str]:
    """What is not `events`: by the one matcher turned round, else by subtraction."""
    if part is not None and whole is not None and part.name == whole.name:
        extra = set(part.matchers) - set(whole.matchers)
        if len(extra) == 1:
            one = next(iter(extra))
            turned = one._replace(operator=_INVERSE[one.operator])
            matchers = tuple(turned if each == one else each for each in part.matchers)
            cohorts.told(f"the share of successes became that of failures: {turned}")
            return {"events": str(replace(part, matchers=matchers)), "total": str(whole)}
    cohorts.told("the share of successes became that of failures: total less successes")
    return {"events": f"{increases(total)} - {increases(events)}", "total": increases(total)}


def increases(node: Node) -> str:
    """How much the counters grew within an interval, all together."""
    node = bare(node)
    if isinstance(node, Binary):
        return f"({increases(node.left)} {node.sign} {increases(node.right)})"
    counter = counter_of(node)
    return f"sum(increase({counter}[$interval]))"
