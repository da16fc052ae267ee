"""Rules that protect people: taken out, switched off, or doing less."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from controlplane.risk.content_policy.terms import (
    ACTION,
    BLOCKED,
    DISABLED,
    ENABLED,
    MINORS,
    SAFETY,
    STRENGTH,
    all_words,
)
from controlplane.risk.edits import Edit
from controlplane.risk.shapes import boolean_of
from controlplane.risk.signals import Severity, Signal

_RULE = re.compile(
    r"/(?:[a-z]+_)?(?:rules|filters|policies|guardrails|checks|classifiers|safeguards)"
    r"/([^/]{1,300})(?:/|$)",
    re.IGNORECASE,
)
MOST_TEXT = 300


def grave(words: frozenset[str]) -> Severity:
    """Of a protection that goes."""
    return "critical" if words & MINORS else "high" if words & SAFETY else "medium"


def rules_removed(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Signal]:
    old, new = _rules(before), _rules(after)
    for pointer in sorted(old.keys() - new.keys()):
        if pointer.rpartition("/")[2].isdigit():
            continue  # in a list without names a number says nothing
        yield Signal(
            id="rule_removed",
            severity=grave(old[pointer]),
            summary=f"{pointer.rpartition('/')[2][:100]}: the rule is taken out",
            where=pointer,
            why="What it held back is shown from then on.",
            remedy="Let it only watch first (`action: log`), and count what it would have held.",
        )


def _rules(values: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    """By pointer, the words of all that a rule says."""
    texts: dict[str, list[str]] = defaultdict(list)
    for pointer, value in values.items():
        match = _RULE.search(pointer)
        if match:
            said = [value[:MOST_TEXT]] if isinstance(value, str) else []
            texts[pointer[: match.end(1)]] += [pointer[-MOST_TEXT:], *said]
    return {pointer: all_words(said) for pointer, said in texts.items()}


def switched_off(edit: Edit) -> Iterator[Signal]:
    was, now = boolean_of(edit.old), boolean_of(edit.new)
    if was is now:
        return
    off = (edit.tail & ENABLED and was is True and now is False) or (
        edit.tail & DISABLED and was is not True and now is True
    )
    if off:
        yield edit.signal(
            "rule_disabled",
            grave(edit.named),
            f"is switched off ({edit.step})",
            "What it held back is shown from then on.",
            "Switch it off for a share first, and count what it would have held.",
        )


def action_weakened(edit: Edit) -> Iterator[Signal]:
    if not isinstance(edit.old, str) or not isinstance(edit.new, str) or not edit.tail & ACTION:
        return
    old, new = (STRENGTH.get(text.strip().lower()[:20]) for text in (edit.old, edit.new))
    if old is not None and new is not None and new < old:
        yield edit.signal(
            "action_weakened",
            "high" if edit.named & SAFETY else "medium",
            f"does less with what it finds ({edit.step})",
            "What was taken away or held down is seen again.",
            "Try it on a share, and watch what is reported there.",
        )


def blocklist(edit: Edit) -> Iterator[Signal]:
    if not isinstance(edit.old, list) or not edit.named & BLOCKED:
        return
    left = edit.new if isinstance(edit.new, list) else []
    gone = {str(one) for one in edit.old} - {str(one) for one in left}
    if gone:
        yield edit.signal(
            "blocklist_shortened",
            "high" if edit.named & SAFETY else "medium",
            f"{len(gone)} of {len(edit.old)} entries go",
            "What they held back is shown from then on.",
            "Have each looked at; take them out in parts.",
        )
