"""Reading a guardrail (or a telemetry entry) of the contract: validated, defaults filled in."""

import re
from collections.abc import Mapping
from typing import Any

from attribution.errors import CaseError
from attribution.fields import choice, mapping, number, text
from attribution.kayenta.options import check_options
from attribution.sources.exposition import Selector, parse_selector
from attribution.sources.promql import COHORT, check_template
from attribution.versions import check_placeholders, uses_versions

MOST_QUERY = 2000
# As wide as the column.
LONGEST_NAME = 100
LEAST_WEIGHT = 0.001
KINDS = ("ratio", "value", "distribution")
DIRECTIONS = ("increase", "decrease", "either")
SOURCES_OF_SELECTORS = ("scrape",)
SOURCES_OF_PROMQL = ("prometheus",)
NUMBERS: dict[str, tuple[float | None, float]] = {
    "margin": (0.1, 100.0),
    "pass_margin": (0.5, 100.0),
    "margin_abs": (0.0, 1.0),
    "weight": (1.0, 1e6),
    "min_samples": (0.0, 1e12),
    # Not given: learned from earlier exposures.
    "settle_s": (None, 86_400.0),
}
FIELDS = {
    "name",
    "source",
    "kind",
    "query",
    "events",
    "total",
    "direction",
    "critical",
    "params",
    *NUMBERS,
}
SELECTOR = re.compile(
    r"""^\s*[a-zA-Z_:][a-zA-Z0-9_:]*\s*\{
        (?:\s*(?:\$cohort|[a-zA-Z_][a-zA-Z0-9_]*\s*(?:=~|!~|!=|=)\s*"(?:[^"\\]|\\.)*")\s*(?:,|(?=\})))+
        \s*\}\s*$""",
    re.VERBOSE,
)
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')


def parse_guardrail(spec: Mapping[str, Any], pointer: str) -> dict[str, Any]:
    """The whole spec with its defaults. CaseError names the field, under `pointer`."""
    return _parse(mapping(spec, pointer), pointer, FIELDS)


def parse_telemetry(spec: Mapping[str, Any], pointer: str) -> dict[str, Any]:
    """A metric that attribution reads though it guards nothing.

    `peer` names the callee of a caller-side metric; `cohorts` are then the callee's matchers.
    """
    found = _parse(mapping(spec, pointer), pointer, FIELDS | {"peer", "cohorts"})
    if spec.get("peer") is None:
        return found
    cohorts = mapping(spec.get("cohorts"), f"{pointer}/cohorts")
    sides = {side: text(cohorts, side, f"{pointer}/cohorts") for side in ("canary", "control")}
    for side, matchers in sides.items():
        check_matchers(matchers, f"{pointer}/cohorts/{side}")
    if uses_versions(sides):
        detail = "of a peer no version is known: give labels that stay as they are"
        raise CaseError("placeholder does not fit", detail, f"{pointer}/cohorts")
    return {**found, "peer": text(spec, "peer", pointer), "cohorts": sides}


def _parse(spec: Mapping[str, Any], at: str, known: set[str]) -> dict[str, Any]:
    unknown = sorted(set(map(str, spec)) - known)
    if unknown:
        detail = f"'{unknown[0]}' is not a field of a guardrail; known: {', '.join(sorted(known))}"
        raise CaseError("unknown field", detail, f"{at}/{unknown[0]}")
    found: dict[str, Any] = {
        "name": _name(spec, at),
        "source": spec.get("source") or "scrape",
        "kind": choice(spec, "kind", at, KINDS, "ratio"),
        "direction": choice(spec, "direction", at, DIRECTIONS, "increase"),
        "critical": _critical(spec, at),
    }
    if not isinstance(found["source"], str):
        raise CaseError("text missing", "'source' names a source", f"{at}/source")
    for key, (default, high) in NUMBERS.items():
        value = spec.get(key)
        # Without any weight it could neither pass nor fail.
        low = LEAST_WEIGHT if key == "weight" else 0.0
        told = default if value is None else number(value, f"{at}/{key}", low, high)
        if told is not None:
            found[key] = told
    return {**found, **_params(spec, found["kind"], at), **_queries(spec, found, at)}


def _params(spec: Mapping[str, Any], kind: str, at: str) -> dict[str, Any]:
    """`bound` of a distribution: beyond it a request is too slow. Nothing: none is told. Of the
    other kinds Kayenta's options, which `method: mann_whitney` reads and the sequential judge
    leaves alone.
    """
    if spec.get("params") is None:
        return {}
    params = mapping(spec["params"], f"{at}/params")
    if kind != "distribution":
        check_options(spec, at)
        return {"params": dict(params)} if params else {}
    unknown = sorted(set(map(str, params)) - {"bound"})
    if unknown:
        detail = f"'{unknown[0]}' is not among the params of a distribution; known: bound"
        raise CaseError("unknown field", detail, f"{at}/params/{unknown[0]}")
    if params.get("bound") is None:
        return {}
    bound = number(params["bound"], f"{at}/params/bound")
    if bound <= 0:
        raise CaseError("out of range", "'bound' must be above 0", f"{at}/params/bound")
    return {"params": {"bound": bound}}


def _name(spec: Mapping[str, Any], at: str) -> str:
    name = text(spec, "name", at)
    if len(name) > LONGEST_NAME or not name.isprintable() or name != name.strip():
        detail = f"one line of at most {LONGEST_NAME} letters, no blanks around it"
        raise CaseError("not a name", detail, f"{at}/name")
    return name


def _critical(spec: Mapping[str, Any], at: str) -> bool:
    value = spec.get("critical", False)
    if not isinstance(value, bool):
        raise CaseError("not a boolean", "'critical' must be true or false", f"{at}/critical")
    return value


def _queries(spec: Mapping[str, Any], found: Mapping[str, Any], at: str) -> dict[str, str]:
    keys = ("events", "total") if found["kind"] == "ratio" else ("query",)
    for key in sorted({"events", "total", "query"} - set(keys)):
        if spec.get(key) is not None:
            wanted = " and ".join(keys)
            detail = f"a guardrail of kind {found['kind']} takes {wanted}"
            raise CaseError("field does not fit", detail, f"{at}/{key}")
    queries = {key: text(spec, key, at) for key in keys}
    for key, query in queries.items():
        _check_query(query, found["source"], f"{at}/{key}")
        if found["source"] in SOURCES_OF_PROMQL:
            _check_promql(query, found["kind"], f"{at}/{key}")
    return queries


def _check_query(query: str, source: str, pointer: str) -> None:
    if len(query) > MOST_QUERY:
        raise CaseError("query too long", f"at most {MOST_QUERY} characters", pointer)
    if COHORT not in query:
        detail = "the query must contain $cohort, which is replaced by a cohort's matchers"
        raise CaseError("no $cohort", detail, pointer)
    if source in SOURCES_OF_SELECTORS:
        _check_selector(query, source, pointer)


def _check_promql(query: str, kind: str, pointer: str) -> None:
    try:
        check_template(query, counts=kind != "value")
    except CaseError as problem:
        raise CaseError(problem.title, problem.detail, pointer) from None


def _check_selector(query: str, source: str, pointer: str) -> None:
    if not SELECTOR.match(query):
        detail = (
            f"source '{source}' reads plain selectors only, such as "
            'requests_total{code=~"5..",$cohort}; functions and sums need a Prometheus source'
        )
        raise CaseError("not a selector", detail, pointer)
    if COHORT in _QUOTED.sub("", query):
        _at(pointer, query.replace(COHORT, ""))
        return
    detail = "$cohort stands for matchers, so it stands between them and not in quotes"
    raise CaseError("no $cohort", detail, pointer)


def check_matchers(matchers: str, pointer: str) -> None:
    """What `$cohort` is replaced by. Matchers that let every series pass would make a cohort of
    everybody. Raises CaseError.
    """
    check_placeholders(matchers, pointer)
    found = _at(pointer, "x{" + matchers + "}")
    if not found.labels():
        detail = 'expected matchers that ask for a label\'s value, such as track="canary"'
        raise CaseError("no matchers", detail, pointer)


def _at(pointer: str, query: str) -> Selector:
    try:
        return parse_selector(query)
    except CaseError as problem:
        raise CaseError(problem.title, problem.detail, pointer) from None
