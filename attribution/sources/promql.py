"""PromQL as far as Graygate has to understand it. PURE.

Expressions are evaluated by the server; here they are told apart from plain selectors
(`name{matchers}`), and made sure of that they can be embedded: one that closes what it did not
open, or comments out what follows, would reach into its neighbours.
"""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from attribution.errors import CaseError
from attribution.sources.expressions import compile_safely

COHORT = "$cohort"
INTERVAL = "$interval"

_TOKEN = re.compile(
    r"""(?P<quoted>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`[^`]*`)
      |(?P<open>[({\[])|(?P<close>[)}\]])
      |(?P<comment>\#)|(?P<stray>["'`\\])
      |(?P<other>[^"'`(){}\[\]\#\\]+)""",
    re.VERBOSE | re.DOTALL,
)
_PAIRS = {")": "(", "}": "{", "]": "["}
_SELECTOR = re.compile(r"\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(?:\{(.*)\})?\s*", re.DOTALL)
_MATCHER = re.compile(
    r"""\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*
        ("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`[^`]*`)\s*(?:,|$)""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPES = {"\\": "\\", '"': '"', "'": "'", "n": "\n", "t": "\t"}
_SPECIAL = re.compile(r"[\\.+*?()|\[\]{}^$]")


@dataclass(frozen=True, order=True)
class Matcher:
    label: str
    operator: str
    quoted: str  # with its quotes, as it was written

    def __str__(self) -> str:
        return f"{self.label}{self.operator}{self.quoted}"

    @property
    def value(self) -> str | None:
        """None where the escapes are too unusual to be read here."""
        inner = self.quoted[1:-1]
        if self.quoted[0] == "`" or "\\" not in inner:
            return inner
        if re.search(r"""\\[^\\"'nt]""", inner.replace("\\\\", "")):
            return None
        return re.sub(r"\\(.)", lambda found: _ESCAPES[found[1]], inner, flags=re.DOTALL)

    @property
    def demands_label(self) -> bool:
        """It fits no series that lacks the label; where that is hard to tell, it is said to."""
        if self.operator in {"=", "!="}:
            return (self.value == "") == (self.operator == "!=")
        if self.value is None:
            return True
        try:
            matches_nothing = bool(compile_safely(self.value).fullmatch(""))
        except CaseError:
            return True
        return matches_nothing == (self.operator == "!~")


@dataclass(frozen=True)
class Selector:
    name: str
    matchers: frozenset[Matcher]

    def __str__(self) -> str:
        return f"{self.name}{{{','.join(map(str, sorted(self.matchers)))}}}"

    def without(self, matcher: Matcher) -> "Selector":
        return Selector(self.name, self.matchers - {matcher})

    def with_matcher(self, matcher: Matcher) -> "Selector":
        return Selector(self.name, self.matchers | {matcher})

    def one_of(self, label: str, values: Iterable[str]) -> "Selector":
        """Besides its own matchers, the label has one of these values."""
        pattern = "|".join(_SPECIAL.sub(r"\\\g<0>", value) for value in values)
        return self.with_matcher(Matcher(label, "=~", quote(pattern)))

    def having(self, labels: Iterable[str]) -> "Selector":
        return Selector(self.name, self.matchers | {Matcher(one, "!=", '""') for one in labels})


def quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def selector(text: str) -> Selector | None:
    """None: any other PromQL. Commas too many, as an empty cohort leaves them, are no matter.

    `le="1"` fits the `le="1.0"` of a server or client that writes numbers so.
    """
    whole = _SELECTOR.fullmatch(tidy(text))
    if whole is None:
        return None
    found, body, at = [], whole[2] or "", 0
    while at < len(body.rstrip()):
        match = _MATCHER.match(body, at)
        if match is None:
            return None
        found.append(_canonical(Matcher(match[1], match[2], match[3])))
        at = match.end()
    return Selector(whole[1], frozenset(found))


def _canonical(matcher: Matcher) -> Matcher:
    """Equal matchers look equal, so that what they ask for is asked for once."""
    if matcher.value is None:
        return matcher
    if matcher.label != "le" or matcher.operator != "=":
        return Matcher(matcher.label, matcher.operator, quote(matcher.value))
    pattern = "|".join(_SPECIAL.sub(r"\\\g<0>", each) for each in spellings(matcher.value))
    return Matcher("le", "=~", quote(pattern))


def spellings(bound: str) -> list[str]:
    """How clients and servers write the same number: 1, 1.0, 1e+06, 1000000.0, +Inf."""
    try:
        value = float(bound)
    except ValueError:
        return [bound]
    if not math.isfinite(value):
        return sorted({bound, "+Inf"} if value > 0 else {bound})
    shortest = next(text for p in range(18) if float(text := f"{value:.{p}e}") == value)
    found = {bound, repr(value), shortest, f"{value:g}", f"{value:.0f}"}
    return sorted(text for text in found if float(text) == value)


def tidy(text: str) -> str:
    """Without the commas between braces that separate nothing: PromQL takes none too many."""
    found: list[str] = []
    inside, separates = 0, False
    for kind, piece in _tokens(text):
        if kind == "other" and inside:
            kept = []
            for letter in piece:
                if letter != "," or separates:
                    kept.append(letter)
                separates = letter != "," if not letter.isspace() else separates
            found.append("".join(kept))
            continue
        inside += (piece == "{") - (piece == "}" and inside > 0)
        separates = piece != "{"
        found.append(piece)
    return "".join(found)


def check_embeddable(text: str) -> None:
    """Raises CaseError (without a pointer) unless every bracket and quote is closed in order."""
    stack: list[str] = []
    for kind, token in _tokens(text):
        if kind == "comment":
            raise CaseError("a comment", "a query holds no comment (# outside of quotes)")
        if kind == "stray":
            # MetricsQL lets a backslash take a bracket's meaning away.
            raise CaseError("not closed", f"{token} opens or escapes nothing here")
        if kind == "open":
            stack.append(token)
        elif kind == "close" and (not stack or stack.pop() != _PAIRS[token]):
            raise CaseError("not balanced", f"'{token}' closes nothing that was opened")
    if stack:
        raise CaseError("not closed", f"'{stack[-1]}' is not closed")
    if not text.strip():
        raise CaseError("empty", "there is no query")


def check_template(text: str, *, counts: bool) -> None:
    """A query of a guardrail, before `$cohort` and `$interval` are filled in. Raises CaseError.

    `counts`: its value is to be a count within the interval; so it is a plain selector of
    counters, or speaks of the interval.
    """
    check_embeddable(text)
    stack: list[str] = []
    for kind, token in _tokens(text):
        if kind == "open":
            stack.append(token)
        elif kind == "close":
            stack.pop()
        elif COHORT in token and (kind == "quoted" or stack[-1:] != ["{"]):
            detail = "$cohort stands for matchers, so it stands between { and } and not in quotes"
            raise CaseError("no $cohort", detail)
    told = any(INTERVAL in token for kind, token in _tokens(text) if kind == "other")
    if counts and not told and selector(text.replace(COHORT, 'cohort="x"')) is None:
        detail = (
            "a plain selector such as requests_total{$cohort} is read as a counter; any other "
            "PromQL needs $interval, as in sum(increase(requests_total{$cohort}[$interval]))"
        )
        raise CaseError("no $interval", detail)


def fill_interval(text: str, seconds: float) -> str:
    milliseconds = max(1, round(seconds * 1000))
    whole, rest = divmod(milliseconds, 1000)
    return text.replace(INTERVAL, f"{milliseconds}ms" if rest else f"{whole}s")


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    for match in _TOKEN.finditer(text):
        yield str(match.lastgroup), match[0]
