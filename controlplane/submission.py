"""A submitted change, read field by field. Pure: what is registered is asked elsewhere."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from attribution.errors import CaseError
from attribution.fields import choice, items, mapping, number, text
from attribution.guardrails import parse_guardrail
from attribution.moments import moment
from attribution.pointers import below
from controlplane.risk.kinds import kind_of
from controlplane.stored_json import check_storable
from controlplane.targets import each_target

CLASSES = ("standard", "normal", "emergency")
FIELDS = frozenset(
    (
        *("title", "kind", "class", "environment", "targets", "artefact", "before", "source"),
        *("executor", "plan", "guardrails", "scheduled_for"),
    )
)
SOURCE_FIELDS = frozenset({"repository", "revision", "pipeline_url", "path"})
STAGE_FIELDS = frozenset({"share", "min_s", "max_s", "min_samples", "gates"})
LONGEST_TITLE = 200
LONGEST_TEXT = 500
# In a terminal, a log or a page these would be obeyed, not shown: control characters (C1 too),
# ends of line and of paragraph, and what turns the direction of all that follows.
_NOT_SHOWN = frozenset({"Cc", "Zl", "Zp"})
_TURNS = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
MOST_TARGETS = 100
MOST_STAGES = 50
MOST_GUARDRAILS = 50
MOST_UNITS = 100_000
LONGEST_BAKE_S = 30 * 86400.0


@dataclass(frozen=True, slots=True)
class Target:
    service: str
    # None: every unit of the service.
    units: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Submission:
    title: str
    kind: str
    change_class: str
    environment: str
    targets: tuple[Target, ...]
    artefact: Any
    before: Any
    source: Mapping[str, str]
    executor: Mapping[str, Any]
    plan: Mapping[str, Any]
    guardrails: tuple[Mapping[str, Any], ...]
    scheduled_for: datetime | None


def parse(body: Any) -> Submission:
    """Raises CaseError with a JSON pointer to the first thing that is wrong."""
    check_storable(body)
    body = mapping(body, "")
    _known(body, FIELDS, "")
    return Submission(
        title=_title(body),
        kind=kind_of(body.get("kind")).name,
        change_class=choice(body, "class", "", CLASSES, "normal"),
        environment=_short(body, "environment", "", 50),
        targets=_targets(body),
        artefact=_artefact(body, "artefact"),
        before=_artefact(body, "before"),
        source=_source(body.get("source")),
        executor=_executor(body.get("executor")),
        plan=_plan(body.get("plan")),
        guardrails=_guardrails(body),
        scheduled_for=_moment(body, "scheduled_for"),
    )


def _known(value: Mapping[str, Any], known: frozenset[str], at: str) -> None:
    for name in value:
        if name not in known:
            raise CaseError(
                "unknown field", f"known here: {', '.join(sorted(known))}", below(at, name)
            )


def _short(source: Mapping[str, Any], key: str, at: str, longest: int) -> str:
    found = text(source, key, at)
    if len(found) > longest or not found.strip():
        raise CaseError("bad length", f"1 to {longest} characters", f"{at}/{key}")
    return found


def _title(body: Mapping[str, Any]) -> str:
    title = _short(body, "title", "", LONGEST_TITLE).strip()
    if any(unicodedata.category(letter) in _NOT_SHOWN or letter in _TURNS for letter in title):
        raise CaseError("not one line", "a title is one line of text", "/title")
    return title


def _targets(body: Mapping[str, Any]) -> tuple[Target, ...]:
    given = items(body, "targets", "")
    if not 1 <= len(given) <= MOST_TARGETS:
        raise CaseError("no targets", f"name 1 to {MOST_TARGETS} services", "/targets")
    found = tuple(_target(one, f"/targets/{index}") for index, one in enumerate(given))
    seen: set[str] = set()
    for index, target in enumerate(found):
        if target.service in seen:
            raise CaseError("named twice", "each service once", f"/targets/{index}/service")
        seen.add(target.service)
    return found


def _target(value: Any, at: str) -> Target:
    target = mapping(value, at)
    _known(target, frozenset({"service", "units"}), at)
    units = target.get("units")
    return Target(
        _short(target, "service", at, 100), None if units is None else _units(units, f"{at}/units")
    )


def _units(value: Any, at: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= MOST_UNITS:
        raise CaseError("no units", "a list of at least one name; leave it out for all", at)
    for index, unit in enumerate(value):
        if not isinstance(unit, str) or not unit:
            raise CaseError("not a name", "a unit is named by a text", f"{at}/{index}")
    if len(set(value)) != len(value):
        raise CaseError("named twice", "each unit once", at)
    return tuple(value)


def _artefact(body: Mapping[str, Any], name: str) -> Any:
    value = body.get(name)
    if not isinstance(value, str | list | Mapping | None):
        raise CaseError("not an artefact", "a text or an object is wanted", f"/{name}")
    return value


def _source(value: Any) -> dict[str, str]:
    if value is None:
        return {}
    source = mapping(value, "/source")
    _known(source, SOURCE_FIELDS, "/source")
    found = {name: _short(source, name, "/source", LONGEST_TEXT) for name in source}
    # Shown as a link: any other scheme could run a script in the reader's browser.
    if not re.match(r"https?://", found.get("pipeline_url", "https://")):
        raise CaseError("not a web address", "http:// or https://", "/source/pipeline_url")
    for name in ("repository", "pipeline_url"):
        # Everybody who may read a change reads these.
        if re.match(r"[a-z+.-]+://[^/@]*:[^/@]*@", found.get(name, ""), re.IGNORECASE):
            detail = "leave the login out of the address: it would be shown"
            raise CaseError("holds a password", detail, f"/source/{name}")
    return found


def _executor(value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    executor = mapping(value, "/executor")
    _known(executor, frozenset({"name", "config"}), "/executor")
    config = mapping(executor.get("config", {}), "/executor/config")
    # A submitter names a target; only the operator's file says where it is.
    _known(config, frozenset({"target", "targets"}), "/executor/config")
    if "target" in config:
        _short(config, "target", "/executor/config", 100)
    each_target(config, "/executor/config")
    return {"name": _short(executor, "name", "/executor", 50), "config": dict(config)}


def _plan(value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    plan = mapping(value, "/plan")
    _known(plan, frozenset({"stages", "on_inconclusive"}), "/plan")
    found: dict[str, Any] = {}
    if plan.get("on_inconclusive") is not None:
        found["on_inconclusive"] = choice(
            plan, "on_inconclusive", "/plan", ("hold", "rollback"), None
        )
    if plan.get("stages") is not None:
        found["stages"] = stages_of(plan)
    return found


def stages_of(plan: Mapping[str, Any]) -> list[dict[str, Any]]:
    given = items(plan, "stages", "/plan")
    if not 1 <= len(given) <= MOST_STAGES:
        raise CaseError("no stages", f"1 to {MOST_STAGES} stages", "/plan/stages")
    stages = [_stage(one, f"/plan/stages/{index}") for index, one in enumerate(given)]
    last = 0.0
    for index, stage in enumerate(stages):
        if stage["share"] <= last:
            raise CaseError(
                "shares do not rise",
                f"{stage['share']:g} does not exceed the {last:g} before it",
                f"/plan/stages/{index}/share",
            )
        last = stage["share"]
    if last != 1.0:
        raise CaseError(
            "the plan does not end at 1",
            f"the last share is {last:g}; a change that stays partial is not complete",
            f"/plan/stages/{len(stages) - 1}/share",
        )
    return stages


def _stage(value: Any, at: str) -> dict[str, Any]:
    stage = mapping(value, at)
    _known(stage, STAGE_FIELDS, at)
    if stage.get("gates"):
        # Nothing could open them, and a gate without an answer stays shut.
        raise CaseError("unknown gate", "a plan cannot name gates yet", f"{at}/gates")
    found: dict[str, Any] = {"share": number(stage.get("share"), f"{at}/share", 0.0, 1.0)}
    for name in ("min_s", "max_s"):
        if stage.get(name) is not None:
            found[name] = number(stage[name], f"{at}/{name}", 0.0, LONGEST_BAKE_S)
    if found.get("max_s", LONGEST_BAKE_S) < found.get("min_s", 0.0):
        raise CaseError("max_s below min_s", "the bake could never end", f"{at}/max_s")
    if stage.get("min_samples") is not None:
        found["min_samples"] = int(number(stage["min_samples"], f"{at}/min_samples", 0, 1e12))
    return found


def _guardrails(body: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    given = items(body, "guardrails", "", default=())
    if len(given) > MOST_GUARDRAILS:
        raise CaseError("too many guardrails", f"at most {MOST_GUARDRAILS}", "/guardrails")
    found = [parse_guardrail(one, f"/guardrails/{index}") for index, one in enumerate(given)]
    names = [guardrail["name"] for guardrail in found]
    for index, name in enumerate(names):
        if name in names[:index]:
            raise CaseError("named twice", "each guardrail once", f"/guardrails/{index}/name")
    return tuple(found)


def _moment(body: Mapping[str, Any], key: str) -> datetime | None:
    if body.get(key) is None:
        return None
    return moment(body[key], f"/{key}")
