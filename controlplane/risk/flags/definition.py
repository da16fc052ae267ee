"""One flag of a flagd document, and what share of everybody gets which variant."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from controlplane.risk.documents import flatten, parse
from controlplane.risk.reading import MOST_LEVELS, UnreadableError

# Of a disabled flag, and where targeting gives nothing: what the calling code falls back to.
CODE_DEFAULT = "(the code's default)"
Shares = Mapping[str, float]  # by variant, 1 in all


@dataclass(frozen=True, slots=True)
class Branch:
    """`condition`: written out, so that equal ones are seen; "" for everybody else."""

    condition: str
    shares: Shares
    # What decides who falls into which part; "" where nobody is split.
    bucketing: str = ""
    # The weights as they were given, empty where nobody is split.
    weights: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Flag:
    key: str
    enabled: bool
    variants: Mapping[str, Any]
    default: str
    branches: tuple[Branch, ...] = field(default=())
    # Targeting that this reader cannot follow: who gets what is not known.
    opaque: bool = False

    @property
    def everybody_else(self) -> Branch:
        """Whom no condition names, and whoever an evaluation without context is for."""
        if not self.enabled:
            return Branch("", {CODE_DEFAULT: 1.0})
        last = self.branches[-1] if self.branches else None
        return last if last and not last.condition else Branch("", self.by_default)

    @property
    def by_default(self) -> Shares:
        return {self.default or CODE_DEFAULT: 1.0}

    @property
    def named(self) -> set[str]:
        """Variants that somebody may get."""
        given = {variant for branch in self.branches for variant in branch.shares}
        return (given | {self.default}) - {CODE_DEFAULT, ""}


def flags_of(document: Any, path: str) -> dict[str, Flag]:
    """Raises UnreadableError: it is no document of flags."""
    parsed = parse(document, path) if isinstance(document, str) else document
    flatten(parsed)  # within the limits of depth and size
    if not isinstance(parsed, Mapping) or not isinstance(parsed.get("flags", {}), Mapping):
        raise UnreadableError("a document of flags is an object with `flags`")
    found = parsed.get("flags")
    if found is None:
        raise UnreadableError("it has no `flags`; other formats of flags are not read")
    return {str(key): _flag(str(key), given) for key, given in found.items()}


def _flag(key: str, given: Any) -> Flag:
    if not isinstance(given, Mapping) or not isinstance(given.get("variants", {}), Mapping):
        raise UnreadableError("a flag is an object with `variants`")
    default = given.get("defaultVariant")
    flag = Flag(
        key=key,
        enabled=given.get("state", "ENABLED") == "ENABLED",
        variants={str(name): value for name, value in given.get("variants", {}).items()},
        default="" if default is None else _variant(default),
    )
    targeting = given.get("targeting")
    if not targeting:
        return flag
    try:
        branches = tuple(_branches(targeting, flag, 0))
    except UnreadableError:
        return Flag(key, flag.enabled, flag.variants, flag.default, opaque=True)
    return Flag(key, flag.enabled, flag.variants, flag.default, branches)


def _branches(rule: Any, flag: Flag, level: int) -> Iterator[Branch]:
    """JsonLogic: `if` with pairs of condition and outcome, and what is left for everybody else."""
    if level > MOST_LEVELS:
        raise UnreadableError("nested too deep")
    if not (isinstance(rule, Mapping) and set(rule) == {"if"}):
        yield _outcome(rule, flag)
        return
    parts = rule["if"] if isinstance(rule["if"], list) else [rule["if"]]
    for place in range(0, len(parts) - 1, 2):
        condition = _written(parts[place])
        for inner in _branches(parts[place + 1], flag, level + 1):
            both = " and ".join(filter(None, (condition, inner.condition)))
            yield Branch(both, inner.shares, inner.bucketing, inner.weights)
    rest = parts[-1] if len(parts) % 2 else None
    yield from _branches(rest, flag, level + 1)


def _outcome(rule: Any, flag: Flag) -> Branch:
    if rule is None:
        return Branch("", flag.by_default)
    if isinstance(rule, str | bool | int | float):
        return Branch("", {_variant(rule): 1.0})
    if isinstance(rule, Mapping) and set(rule) == {"fractional"}:
        return _split(rule["fractional"])
    raise UnreadableError("a rule that this reader does not follow")


def _split(parts: Any) -> Branch:
    """`[bucketing?, [variant, weight?], …]`; without weights all parts are equal."""
    if not isinstance(parts, list) or not parts:
        raise UnreadableError("a split without parts")
    # Without one flagd buckets by the flag's key and the targeting key.
    bucketing, rest = ("", parts) if isinstance(parts[0], list) else (_written(parts[0]), parts[1:])
    weighed = [_part(part) for part in rest]
    total = sum(weight for _, weight in weighed)
    shares: dict[str, float] = defaultdict(float)
    for variant, weight in weighed:
        shares[variant] += weight / total if total > 0 else 0.0
    return Branch("", dict(shares), bucketing or "targetingKey", tuple(w for _, w in weighed))


def _part(part: Any) -> tuple[str, float]:
    if not isinstance(part, list) or not 1 <= len(part) <= 2:
        raise UnreadableError("a part of a split is a variant with its weight")
    weight = part[1] if len(part) == 2 else 1
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight < 1e12:
        raise UnreadableError("a weight is a number from 0")
    return _variant(part[0]), float(weight)


def _variant(given: Any) -> str:
    """`true` and `false` name variants of that name."""
    if isinstance(given, bool):
        return str(given).lower()
    if not isinstance(given, str | int | float):
        raise UnreadableError("a variant is given by its name")
    return str(given)


def _written(rule: Any) -> str:
    return json.dumps(rule, sort_keys=True, ensure_ascii=False)
