"""Regular expressions of strangers: only those that Python's backtracking finishes soon.

Inline guardrails come from whoever submits, label values from whatever is watched; one `(a+)+b`
would stop the collector for good. What repeats and what branches multiply, so there may be few of
both together.
"""

import re

from attribution.errors import CaseError

LONGEST = 200
# Repetitions and groups together.
MOST_PARTS = 3
# Of a label's value; the rest is not looked at.
LONGEST_VALUE = 200

# An escape, or a class of characters: one letter as far as the cost goes.
_LETTER = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)
_REPEATED_GROUP = re.compile(r"\)[*+?{]")
_PART = re.compile(r"[*+?{(]")


def compile_safely(text: str) -> re.Pattern[str]:
    """Raises CaseError (without a pointer: the caller knows where it stands)."""
    if len(text) > LONGEST:
        raise CaseError("expression too long", f"at most {LONGEST} characters")
    if re.search(r"\\[1-9gk]", text):
        raise CaseError("not an expression", "nothing may refer back to a group")
    bare = _LETTER.sub("x", text).replace("(?:", "(")
    if "(?" in bare:
        raise CaseError("not an expression", "of the groups with (? only (?: is read")
    if _REPEATED_GROUP.search(bare):
        raise CaseError("expression too costly", "a group must not be repeated")
    if len(_PART.findall(bare)) > MOST_PARTS:
        detail = f"at most {MOST_PARTS} of `*`, `+`, `?`, `{{` and groups; alternatives are free"
        raise CaseError("expression too costly", detail)
    try:
        return re.compile(text)
    except (re.error, OverflowError, RecursionError) as problem:
        raise CaseError("not a selector", f"bad expression '{text[:40]}': {problem}") from None
