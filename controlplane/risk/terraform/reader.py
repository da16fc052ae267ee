"""A Terraform or OpenTofu plan: what it destroys, exposes, unprotects, and cannot foretell."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NoReturn

from controlplane.risk.reading import UnreadableError
from controlplane.risk.signals import Signal, Source, rank, unparsed
from controlplane.risk.terraform import (
    blast,
    capacity,
    expiry,
    exposure,
    identity,
    network,
    protection,
    removal,
    routing,
    secrets,
    trust,
)
from controlplane.risk.terraform.document import Form, document_of, form_of
from controlplane.risk.terraform.planned import PlannedChange, planned_change, with_attributes

MOST_CHANGES = 50_000
MOST_VALUES = 400_000
MOST_NAMES = 4
MOST_SIGNALS = 200

Rule = Callable[[PlannedChange], Iterable[Signal]]

RULES: Sequence[Rule] = (
    protection.lost,
    expiry.sooner,
    exposure.opened,
    network.opened,
    identity.widened,
    capacity.changed,
    routing.redirected,
    secrets.in_resource,
    trust.unknown,
)


def read(source: Source) -> list[Signal]:
    try:
        document = document_of(source.artefact)
        form = form_of(document)
    except UnreadableError as problem:
        return [_unread(str(problem), "/artefact")]
    if form is Form.STATE:
        return [trust.state_dump()]
    changes, unread = _changes(document.get("resource_changes"), "/resource_changes")
    drifted, unread_drift = _changes(document.get("resource_drift"), "/resource_drift")
    places = blast.Places(source.context.get("environment"))
    found = [(one.address, signal) for one in changes for signal in _about(one, places)]
    whole = [
        *unread,
        *unread_drift,
        *trust.of_the_plan(document),
        *trust.drift(drifted),
        *secrets.in_configuration(document, changes),
        *secrets.in_outputs(document),
        *blast.radius(changes, places),
    ]
    return _merged(found) + whole


def _about(change: PlannedChange, places: blast.Places) -> Iterator[Signal]:
    yield from removal.removed(change, harmless=places.factor(change) < 1)
    for rule in RULES:
        yield from rule(change)


def _changes(entries: Any, path: str) -> tuple[list[PlannedChange], list[Signal]]:
    if entries is None:
        return [], []
    if not isinstance(entries, list):
        return [], [_unread("its list of changes is no list", path)]
    found: list[PlannedChange] = []
    unread: list[Signal] = []
    values = 0
    for index, entry in enumerate(entries[:MOST_CHANGES]):
        place = f"{path}/{index}"
        try:
            found.append(planned_change(entry, place))
            found[-1] = with_attributes(found[-1]) if values < MOST_VALUES else _too_much()
        except UnreadableError as problem:
            unread.append(_unread(str(problem), place))
            continue
        values += len(found[-1].old) + len(found[-1].new)
    if len(entries) > MOST_CHANGES:
        unread.append(_unread(f"more than {MOST_CHANGES:,} changes", path))
    return found, unread[:1]


def _too_much() -> NoReturn:
    """What is destroyed is still looked for; attributes no more."""
    raise UnreadableError(f"more than {MOST_VALUES:,} values")


def _unread(reason: str, where: str) -> Signal:
    """What could not be read may destroy anything."""
    return replace(unparsed(reason, where), reversibility="irreversible")


def _merged(found: Sequence[tuple[str, Signal]]) -> list[Signal]:
    """The same finding on fifty resources is one mistake made once, not fifty: it is told once,
    with names. What is critical stands for itself.
    """
    groups: dict[tuple[Any, ...], list[tuple[str, Signal]]] = {}
    for number, (address, signal) in enumerate(found):
        alone = number if signal.severity == "critical" and number < MOST_SIGNALS else None
        key = (signal.id, signal.severity, signal.reversibility, alone)
        groups.setdefault(key, []).append((address, signal))
    merged = [_one(group) for group in groups.values()]
    return sorted(merged, key=lambda signal: -rank(signal.severity))


def _one(group: Sequence[tuple[str, Signal]]) -> Signal:
    first = group[0][1]
    others = [one for one in dict.fromkeys(address for address, _ in group) if one != group[0][0]]
    if not others:
        return first
    aliases = dict.fromkeys(alias for _, signal in group for alias in signal.aliases)
    shown = ", ".join(others[:MOST_NAMES])
    if len(others) > MOST_NAMES:
        shown += f" and {len(others) - MOST_NAMES} more"
    return replace(first, summary=f"{first.summary}; likewise {shown}", aliases=tuple(aliases)[:20])
