"""One PromQL expression of another tool → the queries of a guardrail. PURE.

A ratio of counters becomes `events` and `total`, so that the judge sees counts and not a quotient;
a quantile of a histogram becomes its distribution; anything else is a value.
"""

import re
from dataclasses import replace

from controlplane.importing.cohort import Cohorts
from controlplane.importing.conditions import harm_of
from controlplane.importing.promql import COMPARISONS, PLACEHOLDER, PromQLError, parse
from controlplane.importing.ratios import Query, counter_of, ratio_of
from controlplane.importing.tree import (
    Aggregate,
    Binary,
    Call,
    Node,
    Number,
    Paren,
    Selector,
    bare,
    mapped,
    selectors,
)

OUTCOMES = re.compile(
    r"(^|_)(code|status|status_code|response_code|http_code|http_status|grpc_code|grpc_status|"
    r"classification|outcome|result|error|success|severity)$"
)
DEFAULT_WINDOW = "[5m]"


class NotCarriedError(ValueError):
    """Why an expression gives no guardrail."""


def query_of(text: str, direction: str | None, cohorts: Cohorts) -> Query:
    """`direction` None: the comparison within the text says it. Raises NotCarriedError."""
    tree, direction = _read(text, direction, cohorts)
    found = _shaped(tree, direction or "increase", cohorts)
    return replace(found, remarks=tuple(cohorts.remarks))


def value_of(text: str, direction: str, cohorts: Cohorts) -> Query | None:
    """The expression as it stands; None where it grows with the cohort. Raises NotCarriedError."""
    tree, _ = _read(text, direction, cohorts)
    if grows_with_size(tree):
        return None
    return Query("value", direction, {"query": str(tree)}, remarks=tuple(cohorts.remarks))


def _read(text: str, direction: str | None, cohorts: Cohorts) -> tuple[Node, str | None]:
    """The tree with cohorts and windows put in, and the direction of harm as far as it is told."""
    try:
        tree = bare(parse(_outside_filled(text, cohorts)))
    except PromQLError as problem:
        raise NotCarriedError(f"the query cannot be read: {problem}") from None
    tree, direction = _compared(_one_side(tree, cohorts), direction, cohorts)
    if not selectors(tree):
        raise NotCarriedError("the query reads no metric")
    return _windows(cohorts.put_in(tree), cohorts), direction


def _outside_filled(text: str, cohorts: Cohorts) -> str:
    """Known placeholders that stand outside of quotes and brackets: a metric's name, a number."""
    parts = re.split(r"""("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`|\[[^\[\]]*\])""", text)
    return "".join(
        part if index % 2 else cohorts.filled_text(part) for index, part in enumerate(parts)
    )


def _one_side(tree: Node, cohorts: Cohorts) -> Node:
    """Of `a > 1 and b > 2` the first; the rest is told."""
    while isinstance(tree, Binary) and tree.sign in ("and", "or", "unless"):
        cohorts.told(f"what follows `{tree.sign}` was left out: {str(tree.right)[:80]}")
        tree = bare(tree.left)
    return tree


def _compared(tree: Node, direction: str | None, cohorts: Cohorts) -> tuple[Node, str | None]:
    if not (isinstance(tree, Binary) and tree.sign in COMPARISONS):
        return tree, direction
    left, right, sign = bare(tree.left), bare(tree.right), tree.sign
    if _constant(left) and not _constant(right):
        left, right = right, left
        sign = {">": "<", "<": ">", ">=": "<=", "<=": ">="}.get(sign, sign)
    if not _constant(right):
        raise NotCarriedError("two metrics are compared with each other, not cohorts of one")
    cohorts.told(
        f"the bound {sign} {right} was left out: canary and control are compared with each other"
    )
    told = direction or harm_of(sign) or _of_equality(sign, right)
    return left, told


def _constant(node: Node) -> bool:
    return not selectors(node) and not any(isinstance(each, Call) for each in [node])


def _of_equality(sign: str, right: Node) -> str:
    """`up == 0` is bad: less is harm. `== 1`, `!= 0`: more is."""
    zero = isinstance(right, Number) and right.value == 0
    return "decrease" if zero == (sign == "==") else "increase"


def _windows(tree: Node, cohorts: Cohorts) -> Node:
    """Windows that a tool fills in itself."""

    def change(node: Node) -> Node:
        if isinstance(node, Selector) and PLACEHOLDER.search(node.window):
            cohorts.told(f"the window {node.window} is not known here: {DEFAULT_WINDOW} was taken")
            return replace(node, window=DEFAULT_WINDOW)
        return node

    return mapped(tree, change)


def _shaped(tree: Node, direction: str, cohorts: Cohorts) -> Query:
    if any(isinstance(each, Call) and each.name.startswith("absent") for each in _calls(tree)):
        raise NotCarriedError("a canary that reports nothing is evidence without any guardrail")
    plain, complement = _unscaled(tree)
    if isinstance(plain, Call) and plain.name == "histogram_quantile":
        return _distribution(plain, direction, cohorts)
    if isinstance(plain, Binary) and plain.sign == "/" and not plain.matching:
        found = ratio_of(plain.left, plain.right, direction, cohorts, complement=complement)
        if found is not None:
            return found
    return _share_of_outcome(plain, direction, cohorts, complement=complement) or _value(
        tree, direction
    )


def _calls(tree: Node) -> list[Node]:
    top = bare(tree)
    return [top, *(bare(each) for each in top.children())]


def _unscaled(tree: Node) -> tuple[Node, bool]:
    """Without `* 100` and the like; and is it `1 - …` or `(b - a) / b`?"""
    complement = False
    for _ in range(10):
        tree = bare(tree)
        if not isinstance(tree, Binary) or tree.matching:
            break
        left, right = bare(tree.left), bare(tree.right)
        if tree.sign in ("*", "/") and isinstance(right, Number):
            tree = left
        elif tree.sign == "*" and isinstance(left, Number):
            tree = right
        elif tree.sign == "-" and isinstance(left, Number) and left.value in (1.0, 100.0):
            tree, complement = right, not complement
        elif tree.sign == "/" and isinstance(left, Binary) and _is_rest(left, right):
            tree, complement = Binary("/", left.right, right), not complement
        else:
            break
    return tree, complement


def _is_rest(left: Binary, right: Node) -> bool:
    return left.sign == "-" and not left.matching and str(bare(left.left)) == str(right)


def _distribution(call: Call, direction: str, cohorts: Cohorts) -> Query:
    inner = call.args[-1]
    counter = counter_of(inner)
    if counter is None:
        raise NotCarriedError("not the quantile of one histogram's buckets")
    cohorts.told(
        f"the quantile {call.args[0]} was left out: the whole distributions are compared; where a "
        "bound matters that is one of the buckets', name it as params: {bound: …}"
    )
    return Query("distribution", direction, {"query": str(counter)})


def _share_of_outcome(
    tree: Node, direction: str, cohorts: Cohorts, *, complement: bool
) -> Query | None:
    """`sum(rate(requests{code=~"5.."}))` grows with the canary's share; of all requests it is a
    ratio.
    """
    counter = counter_of(tree)
    if counter is None or complement or not grows_with_size(tree):
        return None
    outcomes = [each for each in counter.matchers if OUTCOMES.search(each.label)]
    if not outcomes:
        return None
    whole = replace(
        counter, matchers=tuple(each for each in counter.matchers if each not in outcomes)
    )
    cohorts.told(
        "a number of events grows with the cohort: it became a share of all, "
        f"without {', '.join(map(str, outcomes))}"
    )
    return Query("ratio", direction, {"events": str(counter), "total": str(whole)})


def _value(tree: Node, direction: str) -> Query:
    if grows_with_size(tree):
        raise NotCarriedError(
            "a sum grows with the cohort, and so with exposure: divide it by a total, "
            "or take an average"
        )
    return Query("value", direction, {"query": str(tree)})


def grows_with_size(node: Node) -> bool:
    """Would twice the instances, with the same load each, show twice the number?"""
    node = bare(node)
    match node:
        case Aggregate():
            return node.name in ("sum", "count", "count_values")
        case Binary() if node.sign == "/":
            return grows_with_size(node.left) != grows_with_size(node.right)
        case Paren() | Binary() | Call():
            return any(grows_with_size(each) for each in node.children())
    return False
