"""Content policies: what more people see, and who is protected less."""

from collections.abc import Iterator, Mapping
from typing import Any

from controlplane.risk import documents
from controlplane.risk.content_policy.numbers import weights_sums
from controlplane.risk.content_policy.protection import rules_removed
from controlplane.risk.content_policy.rules import RULES
from controlplane.risk.content_policy.terms import REACH, REPORTS, all_words
from controlplane.risk.edits import edits
from controlplane.risk.reading import UnreadableError
from controlplane.risk.signals import Signal, Source, no_before, rank, unparsed

MOST_SIGNALS = 200
MOST_GUARDRAILS = 1000


def read(source: Source) -> list[Signal]:
    try:
        after = documents.read(source.artefact, source.path)
    except UnreadableError as problem:
        return [unparsed(str(problem), "/artefact")]
    if source.before is None:
        found = [_no_before()]
    else:
        try:
            before = documents.read(source.before, source.path)
        except UnreadableError as problem:
            return [unparsed(f"what it replaces: {problem}", "/before")]
        found = _found(before, after)
    if found and source.context.get("guardrails") is not None:
        found += _unwatched(source.context["guardrails"])
    return sorted(found, key=lambda signal: -rank(signal.severity))[:MOST_SIGNALS]


def _found(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Signal]:
    gone = list(rules_removed(before, after))
    # Of what is taken out as a whole nothing else is worth telling.
    inside = tuple(f"{signal.where}/" for signal in gone)
    changed = [edit for edit in edits(before, after) if not edit.pointer.startswith(inside)]
    found = [signal for edit in changed for rule in RULES for signal in rule(edit)]
    return [*gone, *found, *weights_sums(before, after)]


def _unwatched(guardrails: Any) -> Iterator[Signal]:
    """Harm to people shows in what they report, harm to those who write in whom they reach;
    neither in errors or latency.
    """
    watched = all_words(_names(guardrails))
    for words, name, what in (
        (REPORTS, "reports_not_watched", "what users report"),
        (REACH, "creator_reach_not_watched", "how many people creators reach"),
    ):
        if not watched & words:
            yield Signal(
                id=name,
                severity="medium",
                summary=f"No guardrail watches {what}",
                where="/context/guardrails",
                why="A policy does harm while every technical metric stays as it was.",
                remedy=f"Add a guardrail on {what}, canary against control.",
            )


def _names(guardrails: Any) -> list[str]:
    if isinstance(guardrails, Mapping):
        return [str(name)[:200] for name in list(guardrails)[:MOST_GUARDRAILS]]
    found: list[str] = []
    for one in guardrails[:MOST_GUARDRAILS] if isinstance(guardrails, list) else []:
        given = [one.get("name"), one.get("metric")] if isinstance(one, Mapping) else [one]
        found += [text[:200] for text in given if isinstance(text, str)]
    return found


def _no_before() -> Signal:
    return no_before(
        summary="Nobody said what the policy is now",
        why="Who sees more or is protected less cannot be told, and there is no way back.",
        remedy="Send the present policy as `before`.",
    )
