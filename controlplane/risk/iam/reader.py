"""An AWS policy → signals on what the change brings in."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, groupby

from controlplane.risk.iam import changes, conditions, form, grants, openness, resources
from controlplane.risk.iam.findings import Finding, news, signal
from controlplane.risk.iam.policy import NotJsonError, Policy, Rule, policy_of
from controlplane.risk.located import place_of
from controlplane.risk.reading import UnreadableError
from controlplane.risk.signals import Signal, Source, no_before, rank, unparsed

RULES: Sequence[Rule] = tuple(
    chain.from_iterable(module.RULES for module in (form, conditions, resources, grants, openness))
)


def read(source: Source) -> list[Signal]:
    try:
        after = policy_of(source.artefact)
    except NotJsonError as problem:
        return [_not_json(str(problem))]
    except UnreadableError as problem:
        return [unparsed(str(problem), "/artefact")]
    if after is None:
        return [unparsed("it holds no policy", "/artefact")]
    try:
        before = policy_of(source.before) if source.before is not None else None
    except (NotJsonError, UnreadableError) as problem:
        return [unparsed(f"what it replaces: {problem}", "/before")]
    found = list(news(_findings(after), _findings(before) if before else ()))
    if before is not None:
        found += changes.compared(before, after)
    return _signals(found, after) + ([_no_before()] if source.before is None else [])


def _findings(policy: Policy) -> Iterator[Finding]:
    return chain.from_iterable(rule(policy) for rule in RULES)


def _signals(found: Iterable[Finding], policy: Policy) -> list[Signal]:
    """One for each check, at the first place and as severe as the worst."""
    ranked = sorted(
        found, key=lambda one: (one.check.id, -rank(one.severity or one.check.severity))
    )
    signals = []
    for _, group in groupby(ranked, key=lambda one: one.check.id):
        same = list(group)
        signals.append(signal(same, place_of(policy.source, same[0].path)))
    return signals


def _not_json(reason: str) -> Signal:
    return replace(
        unparsed(reason, reason.removesuffix(" is not JSON") if "line" in reason else "/artefact"),
        aliases=("parliament:MALFORMED_JSON",),
    )


def _no_before() -> Signal:
    return no_before(
        summary="Nobody said what the policy is now",
        why="A removed Deny or condition cannot be told; all that the policy allows is taken to "
        "be new.",
        remedy='Send the present policy as `before` ("" when there is none yet).',
        severity="low",
    )
