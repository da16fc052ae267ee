"""Signals on size, spread and familiarity: from the fourteen features, whatever is known of them.

The steps are ours; that these features tell defects apart is Kamei et al.'s finding. How much
each is worth the learned likelihood says; here stands what a reviewer can do about it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from controlplane.risk.deploy_diff import HUGE, LARGE
from controlplane.risk.signals import Severity, Signal

WIDE_FILES, WIDE_FOLDERS, WIDE_SUBSYSTEMS = 20, 10, 4
# So few earlier changes, here or at all, are a beginner's.
NEWCOMER, STRANGER = 3, 3
# Below this many lines a newcomer's change is read through as a whole anyway.
WORTH_A_LOOK = 10
BUSY_CHANGES, BUSY_PEOPLE, BUSY_DAYS = 100, 20, 7

Features = Mapping[str, float]


def signals(features: Features) -> list[Signal]:
    return [signal for rule in RULES for signal in rule(features)]


def _signal(name: str, severity: Severity, summary: str, why: str, remedy: str) -> Signal:
    return Signal(name, severity, summary, "/artefact", why, remedy)


def size(features: Features) -> Iterable[Signal]:
    lines = features.get("la", 0.0) + features.get("ld", 0.0)
    if lines >= LARGE:
        yield _signal(
            "large_diff",
            "high" if features.get("la", 0.0) >= HUGE else "medium",
            f"{lines:,.0f} lines change at once",
            "The more lines change at once, the likelier a defect, and the harder to find it.",
            "Split it into changes that can be released one after the other.",
        )


def diffusion(features: Features) -> Iterable[Signal]:
    parts = [
        f"{features[name]:,.0f} {word}"
        for name, word, most in (
            ("nf", "files", WIDE_FILES),
            ("nd", "folders", WIDE_FOLDERS),
            ("ns", "subsystems", WIDE_SUBSYSTEMS),
        )
        if features.get(name, 0.0) >= most
    ]
    if parts:
        yield _signal(
            "wide_diff",
            "medium",
            f"The change is spread over {', '.join(parts)}",
            "Nobody knows all the places, and each one can be forgotten.",
            "Split it by subsystem; put what is mechanical into a change of its own.",
        )


def author(features: Features) -> Iterable[Signal]:
    """`sexp` counts the author's earlier changes to the subsystems, `exp` all of them."""
    if features.get("la", 0.0) + features.get("ld", 0.0) < WORTH_A_LOOK:
        return
    here, ever = features.get("sexp"), features.get("exp")
    if ever is not None and ever <= NEWCOMER:
        yield _author("author_new", f"The author has {ever:,.0f} earlier changes")
    elif here is not None and here <= STRANGER:
        yield _author(
            "author_new_to_files", f"The author has {here:,.0f} earlier changes to these subsystems"
        )


def _author(name: str, summary: str) -> Signal:
    return _signal(
        name,
        "medium",
        summary,
        "Changes by people who are new to the code break it more often.",
        "Have somebody who knows these files review it.",
    )


def busy(features: Features) -> Iterable[Signal]:
    """Files that many people change all the time: where defects gather."""
    files = max(features.get("nf", 1.0), 1.0)
    changes, people = features.get("nuc"), features.get("ndev")
    often = changes is not None and changes / files >= BUSY_CHANGES
    crowded = people is not None and people >= BUSY_PEOPLE
    recent = features.get("age", BUSY_DAYS + 1) <= BUSY_DAYS
    if sum((often, crowded, recent)) < 2:
        return
    parts = [
        text
        for true, text in (
            (often, f"{changes or 0:,.0f} earlier changes"),
            (crowded, f"{people or 0:,.0f} people"),
            (recent, f"changed {features.get('age', 0.0):,.0f} days ago"),
        )
        if true
    ]
    stranger = features.get("sexp", STRANGER + 1) <= STRANGER
    yield _signal(
        "busy_files",
        "medium" if stranger else "low",
        f"The touched files are busy: {', '.join(parts)}",
        "Where many change much and lately, changes meet that nobody tried together.",
        "Merge what is new first, and test it together.",
    )


RULES: Sequence[Callable[[Features], Iterable[Signal]]] = (size, diffusion, author, busy)
