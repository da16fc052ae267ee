"""How right the weights of attribution are on what was left out of the fit: incidents, or kinds."""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from incident_choices import Choice
from incident_score import (
    Attributed,
    brier,
    calibration_error,
    harmless_rolled_back,
    pairs,
    share,
)

from attribution.pieces import VETO, Sizes
from rollout.standing import CULPRIT_PROBABILITY

Weights = Mapping[str, Mapping[str, float]]


def folds(
    choices: Sequence[Choice], count: int, fit: Callable[[Sequence[Choice]], Weights]
) -> list[tuple[Choice, Attributed]]:
    found = []
    for part in range(count):
        weights = fit([each for each in choices if each.seed % count != part])
        found += [(c, attributed(c, weights)) for c in choices if c.seed % count == part]
    return sorted(found, key=lambda pair: (pair[0].seed, pair[0].look))


def attributed(choice: Choice, weights: Weights) -> Attributed:
    ways = [
        {way: _logit(sizes, weights[way]) + VETO * vetoed for way, sizes in change.items()}
        for change, vetoed in zip(choice.changes, choice.vetoed, strict=True)
    ]
    causes = set(weights) - {str(way) for way in (choice.changes[0] if choice.changes else ())}
    none = [_logit(choice.none, weights[cause]) for cause in sorted(causes)]
    highest = max([*none, *(logit for change in ways for logit in change.values())])
    raised = [math.fsum(math.exp(v - highest) for v in change.values()) for change in ways]
    nobody = math.fsum(math.exp(v - highest) for v in none)
    total = math.fsum([nobody, *raised])
    probability = {str(i): each / total for i, each in enumerate(raised)}
    return Attributed(
        choice.fault,
        None if choice.culprit is None else str(choice.culprit),
        twins=False,
        ranked=tuple(sorted(probability, key=lambda name: -probability[name])),
        probability=probability,
        none=nobody / total,
        vetoed=frozenset(str(i) for i, vetoed in enumerate(choice.vetoed) if vetoed),
    )


def _logit(sizes: Sizes, weights: Mapping[str, float]) -> float:
    return math.fsum(weights.get(scale, 0.0) * size for scale, size in sizes.items())


def show_folds(
    choices: Sequence[Choice],
    count: int,
    fit: Callable[[Sequence[Choice]], Weights],
    *,
    misses: bool = False,
) -> None:
    found = folds(choices, count, fit)
    for look in sorted({choice.look for choice, _ in found}):
        rows = [row for choice, row in found if choice.look == look]
        guilty = [row for row in rows if row.culprit]
        back = harmless_rolled_back(rows, CULPRIT_PROBABILITY)
        p, true = pairs(rows)
        print(f"{look:.0f} s: first {share([r.first for r in guilty])}", end="; ")
        print(f"in three {share([r.in_three for r in guilty])}", end="; ")
        print(f"none {share([r.first for r in rows if not r.culprit])}")
        print(f"  harmless rolled back {share(back)}", end="; ")
        print(f"calibration error {calibration_error(p, true):.4f}, Brier {brier(p, true):.4f}")
    _show_kinds(found)
    if misses:
        for choice, row in found:
            if not row.first and choice.look == max(c.look for c, _ in found):
                print(_miss(choice, row))


def _show_kinds(found: Sequence[tuple[Choice, Attributed]]) -> None:
    kinds: dict[str, dict[float, list[bool]]] = defaultdict(lambda: defaultdict(list))
    for choice, row in found:
        kinds[choice.fault][choice.look].append(row.first)
    for fault, looks in sorted(kinds.items()):
        rates = "  ".join(f"{sum(h) / len(h):.3f}" for _, h in sorted(looks.items()))
        print(f"{fault:18} {len(next(iter(looks.values()))):4}  {rates}")


def _miss(choice: Choice, row: Attributed) -> str:
    lead = row.ranked[0] if row.ranked else "-"
    own = row.probability.get(row.culprit or "", 0.0)
    vetoed = " VETOED" if row.culprit in row.vetoed else ""
    return (
        f"{choice.seed} {choice.fault}: {lead} {row.probability.get(lead, 0.0):.2f}, "
        f"culprit {row.culprit} {own:.2f}{vetoed}, none {row.none:.2f}"
    )


def show_left_out(
    learned: Sequence[Choice], fresh: Sequence[Choice], fit: Callable[[Sequence[Choice]], Weights]
) -> None:
    """Each fault kind of `fresh` by weights that saw none of it."""
    looks = sorted({choice.look for choice in fresh})[-2:]
    print("| fault left out | cases | right first, 180 s | 600 s |\n| --- | --- | --- | --- |")
    hits: dict[tuple[bool, float], list[bool]] = defaultdict(list)
    for fault in sorted({choice.fault for choice in fresh}):
        weights = fit([each for each in learned if each.fault != fault])
        rows = [(c, attributed(c, weights)) for c in fresh if c.fault == fault]
        said = {look: [row.first for c, row in rows if c.look == look] for look in looks}
        for look, firsts in said.items():
            hits[rows[0][0].culprit is not None, look] += firsts
        early, late = (share(said[look]) for look in looks)
        print(f"| {fault} | {len(said[looks[-1]])} | {early} | {late} |", flush=True)
    for guilty, name in ((True, "culprit first"), (False, "none, when it is so")):
        early, late = (share(hits[guilty, look]) for look in looks)
        print(f"| all: {name} | {len(hits[guilty, looks[-1]])} | {early} | {late} |")
