"""Manifests → signals on what the change brings in.

Both sides are checked by the same rules; what fails after and did not fail before is news. Then
come the changes that only the comparison shows.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain

from controlplane.risk.kubernetes import (
    apis,
    availability,
    budgets,
    changes,
    embedded,
    hardening,
    housekeeping,
    network,
    privileges,
    rbac,
    removals,
    secrets,
    strategies,
    workloads,
)
from controlplane.risk.kubernetes.findings import Finding, News, Rule, Scene, news
from controlplane.risk.kubernetes.objects import (
    Identity,
    Manifest,
    Objects,
    identity_of,
    objects_of,
)
from controlplane.risk.kubernetes.telling import limited, told
from controlplane.risk.reading import UnreadableError
from controlplane.risk.signals import Signal, Source, no_before, unparsed

RULES: Sequence[Rule] = tuple(
    chain.from_iterable(
        module.RULES
        for module in (
            apis, privileges, rbac, secrets, hardening, workloads, network, availability,
            budgets, strategies, housekeeping,
        )
    )
)  # fmt: skip
Match = tuple[Manifest, Manifest]


def read(source: Source) -> list[Signal]:
    try:
        after = objects_of(source.artefact)
    except UnreadableError as problem:
        return [unparsed(str(problem), "/artefact")]
    try:
        before = objects_of(source.before) if source.before is not None else None
    except UnreadableError as problem:
        return [unparsed(f"what it replaces: {problem}", "/before")]
    broken = [unparsed(problem, "/artefact") for problem in after.problems]
    if before is not None:
        broken += [unparsed(f"what it replaces: {one}", "/before") for one in before.problems]
    if not after.manifests and not broken and not (before and before.manifests):
        return [unparsed("it holds no Kubernetes object", "/artefact")]
    target = apis.target_of(source.context)
    matches, gone = matched(before or Objects(), after)
    scenes = Scene(before or Objects(), target), Scene(after, target)
    inner = [signal for old, new in matches for signal in embedded.signals(old, new)]
    try:
        brought = _brought_in(*scenes, matches, gone)
    except UnreadableError as problem:
        return [unparsed(str(problem), "/artefact")]
    shown = broken + limited(told(brought) + inner)
    return shown if before is not None else [*shown, _no_before()]


def _brought_in(
    before: Scene, after: Scene, matches: Sequence[Match], gone: Sequence[Manifest]
) -> list[News]:
    twins = {new.order: old for old, new in matches}
    found = list(news(_findings(after), _findings(before), twins))
    compared = [
        finding
        for old, new in matches
        for rule in changes.RULES
        for finding in rule(changes.Pair(old, new, before, after))
    ]
    compared += [*removals.removed(gone), *removals.renamed(matches)]
    return found + [News(one, one.check.severity, fresh=False) for one in compared]


def _findings(scene: Scene) -> Iterator[Finding]:
    return chain.from_iterable(rule(scene) for rule in RULES)


def matched(before: Objects, after: Objects) -> tuple[list[Match], list[Manifest]]:
    """Objects of the same kind and name; of what is left over, the only one of a kind on each
    side, which then has been renamed. And those of before that have no match.
    """
    counted = _numbered(before.manifests)
    pairs: list[Match] = []
    new_ones: list[Manifest] = []
    for identity, new in _numbered(after.manifests).items():
        old = counted.pop(identity, None)
        if old is None:
            new_ones.append(new)
        else:
            pairs.append((old, new))
    left, came = _by_kind(counted.values()), _by_kind(new_ones)
    for kind, olds in left.items():
        news_ = came.get(kind, [])
        if len(olds) == len(news_) == 1:
            pairs.append((olds.pop(), news_[0]))
    return pairs, list(chain.from_iterable(left.values()))


def _numbered(manifests: Iterable[Manifest]) -> dict[tuple[Identity, int], Manifest]:
    """Objects without a name, or with the same one, are told apart by their order."""
    seen: dict[Identity, int] = {}
    found: dict[tuple[Identity, int], Manifest] = {}
    for one in manifests:
        identity = identity_of(one)
        found[identity, seen.setdefault(identity, 0)] = one
        seen[identity] += 1
    return found


def _by_kind(manifests: Iterable[Manifest]) -> Mapping[str, list[Manifest]]:
    found: dict[str, list[Manifest]] = {}
    for one in manifests:
        found.setdefault(one.kind, []).append(one)
    return found


def _no_before() -> Signal:
    return no_before(
        summary="Nobody said which objects are there now",
        why="Removed objects, changed selectors and lost protection cannot be told; all that the "
        "manifests hold is taken to be new.",
        remedy='Send the present manifests as `before` ("" when there are none yet).',
        severity="low",
    )
