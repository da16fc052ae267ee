"""What a change brings, as its page shows it: the artefact, and what was found in it."""

from dataclasses import dataclass

from controlplane.models import Change, Signal
from controlplane.web.artefact_diff import MOST_LINES, Line, shown
from controlplane.web.wording import LEVELS, Word, word_of

Found = tuple[Word, Signal]


@dataclass(frozen=True)
class ArtefactPage:
    change: Change
    # Each line with what was found there.
    lines: list[tuple[Line, list[Found]]]
    elsewhere: list[Found]
    # Only so many lines of it were looked at; 0: all of them.
    cut_after: int


def artefact_page(change: Change) -> ArtefactPage:
    assessment = change.assessments.first()
    signals = list(assessment.signals.all()) if assessment else []
    order = list(LEVELS)
    signals.sort(key=lambda signal: -order.index(signal.severity))
    found = [(word_of(LEVELS, signal.severity), signal) for signal in signals]
    seen = shown(change.before, change.artefact, [signal.where for signal in signals])
    return ArtefactPage(
        change=change,
        lines=[(line, [found[place] for place in line.found]) for line in seen.lines],
        elsewhere=[found[place] for place in seen.elsewhere],
        cut_after=MOST_LINES if seen.cut else 0,
    )
