"""One case in, its risk and what follows from it out. Pure; raises nothing but CaseError."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from attribution.errors import CaseError
from controlplane.risk import circumstances
from controlplane.risk.assess import Assessment, assess
from controlplane.risk.estimates import Asked, Learner
from controlplane.risk.kinds import ChangeKind, kind_of
from controlplane.risk.learned.model import Model
from controlplane.risk.lowering import lowering
from controlplane.risk.policy import DEFAULT_POLICIES, PolicyRow, choose
from controlplane.risk.policy_rows import rows_of
from controlplane.risk.review import reviewed
from controlplane.risk.signals import Signal, Source, no_artefact, rank, unparsed
from controlplane.risk.surroundings import surroundings_of

_BY_SUFFIX = {"sql": "sql_migration", "diff": "code_diff", "patch": "code_diff"} | dict.fromkeys(
    ("json", "yaml", "yml", "toml", "ini", "cfg", "conf", "properties", "env"), "config"
)


def classify(
    case: Mapping[str, Any],
    policies: Sequence[PolicyRow] = DEFAULT_POLICIES,
    models: Mapping[str, Model] = MappingProxyType({}),
) -> dict[str, Any]:
    """Raises CaseError. Rows in `context.policy` go before `policies`. `models`: by kind, what the
    installation's own outcomes taught, in place of the published weights.
    """
    if not isinstance(case, Mapping):
        raise CaseError("Not a case", "A case is an object.", "")
    kind, asked = asked_of(case)
    around, context = asked.around, asked.source.context
    if context.get("policy") is not None:
        policies = rows_of(context["policy"], "/context/policy")
    learned = learner_of(kind).estimate(asked, models.get(kind.name))
    read = [*asked.signals, *(learned.signals if learned else ())]
    signals, notes = _with_review(case.get("review"), asked.source, _worst_first(read))
    found = assess(signals, kind, around, learned)
    chosen = choose(policies, found.level, kind, around.tier)
    answer = _answer(case, kind, found, signals) | {"policy": chosen.as_dict()}
    answer["explanation"]["lower"] = lowering(
        signals, lambda remaining: assess(remaining, kind, around, learned).level
    )
    if notes:
        answer["explanation"]["notes"] = notes
    return answer


def _source(case: Mapping[str, Any]) -> Source:
    context, path = case.get("context"), case.get("path")
    if context is not None and not isinstance(context, Mapping):
        raise CaseError("Not an object", "The context is an object.", "/context")
    if path is not None and not isinstance(path, str):
        raise CaseError("Not a path", "The path is a text.", "/path")
    for name in ("artefact", "before"):
        if not isinstance(case.get(name), str | list | Mapping | None):
            raise CaseError("Not an artefact", "A text or an object is wanted.", f"/{name}")
    return Source(case.get("artefact"), case.get("before"), path or "", context or {})


def _kind(case: Mapping[str, Any]) -> ChangeKind:
    """Where it is left out, the artefact tells it, or nobody does."""
    if case.get("kind") is not None:
        return kind_of(case["kind"])
    artefact, path = case.get("artefact"), case.get("path")
    if isinstance(artefact, Mapping):
        for name, fields in _BY_FIELDS.items():
            if any(field in artefact for field in fields):
                return kind_of(name)
    suffix = path.rpartition(".")[2].lower() if isinstance(path, str) else ""
    if suffix in _BY_SUFFIX:
        return kind_of(_BY_SUFFIX[suffix])
    raise CaseError("The kind is not given", "Name the kind of change.", "/kind")


_BY_FIELDS = {
    "terraform_plan": ("resource_changes", "planned_values"),
    "kubernetes_manifest": ("apiVersion",),
    "iam_policy": ("Statement",),
    "deploy": ("image",),
    "code_diff": ("la", "ld", "nf"),
}


def learner_of(kind: ChangeKind) -> Learner:
    return kind.learner or circumstances.LEARNER


def asked_of(case: Mapping[str, Any]) -> tuple[ChangeKind, Asked]:
    """The case as a model sees it. Raises CaseError."""
    kind, source = _kind(case), _source(case)
    return kind, Asked(source, _signals(kind, source), surroundings_of(source.context))


def _signals(kind: ChangeKind, source: Source) -> list[Signal]:
    emptied = source.artefact == "" and source.before not in (None, "")
    if source.artefact is None or (source.artefact == "" and not emptied):
        return [no_artefact()]
    if kind.reader is None:
        return [unparsed(f"nothing reads artefacts of kind {kind.name} yet", "/artefact")]
    return list(kind.reader(source))


def _worst_first(signals: Sequence[Signal]) -> list[Signal]:
    return sorted(signals, key=lambda signal: -rank(signal.severity))


def _with_review(
    review: Any, source: Source, signals: list[Signal]
) -> tuple[list[Signal], list[str]]:
    """A review only adds. It is part of the case, so that the answer can be computed again."""
    if review is None:
        return signals, []
    if not isinstance(review, Mapping):
        raise CaseError("Not an object", "The review is an object.", "/review")
    added, notes = reviewed(review, source, signals)
    return _worst_first([*signals, *added]), notes


def _answer(
    case: Mapping[str, Any], kind: ChangeKind, found: Assessment, signals: Sequence[Signal]
) -> dict[str, Any]:
    return {
        "id": case.get("id"),
        "kind": kind.name,
        "level": found.level,
        "score": round(found.score, 1),
        "reach": round(found.reach, 3),
        "hazard": round(found.hazard, 3),
        "likelihood": round(found.likelihood, 3),
        "reversibility": found.reversibility,
        "signals": [signal.as_dict() for signal in signals],
        "explanation": found.explanation(),
    }
