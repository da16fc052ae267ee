"""Which claims of a verified token mean what: the operator's rules, matched. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from controlplane.access import Role, Scope, scopes_of_role

# What an identity without a person behind it may have at most: it never approves or operates.
ROLES = (Role.VIEWER, Role.SUBMITTER)
FIELDS = frozenset({"claims", "role", "scopes", "services"})
MOST_PATTERNS = 50
_STARS = re.compile(r"(\*\*|\*)")
# Neither a path nor the parts of a subject such as `repo:a/b:ref:c` are left by one star.
_BY_STAR = {"*": "[^/:]*", "**": ".*"}


@dataclass(frozen=True)
class Rule:
    """`claims`: name → patterns, of which one has to fit. `services` None: all of them."""

    claims: Mapping[str, tuple[str, ...]]
    scopes: frozenset[Scope]
    services: tuple[str, ...] | None

    @classmethod
    def of(cls, entry: Any) -> "Rule":
        """Raises ValueError saying what is wrong."""
        if not isinstance(entry, Mapping):
            raise ValueError("is no object")  # noqa: TRY004 - callers look for one kind
        if unknown := sorted(set(entry) - FIELDS):
            raise ValueError(f"has the unknown field `{unknown[0]}`")
        return cls(_patterns(entry.get("claims")), _scopes(entry), _services(entry))

    def fits(self, claims: Mapping[str, Any]) -> bool:
        return all(
            any(_fits(pattern, claim_of(claims, name)) for pattern in patterns)
            for name, patterns in self.claims.items()
        )


def first_fitting(rules: Iterable[Rule], claims: Mapping[str, Any]) -> Rule | None:
    return next((rule for rule in rules if rule.fits(claims)), None)


def claim_of(claims: Mapping[str, Any], name: str) -> Any:
    """By its name; by a JSON pointer where it lies deeper. None: not there."""
    if not name.startswith("/"):
        return claims.get(name)
    found: Any = claims
    for step in name[1:].split("/"):
        key = step.replace("~1", "/").replace("~0", "~")
        found = found.get(key) if isinstance(found, Mapping) else None
    return found


def _fits(pattern: str, value: Any) -> bool:
    """Texts only, and letter by letter; of a list of texts one has to fit."""
    if isinstance(value, list):
        return any(isinstance(one, str) and _fits(pattern, one) for one in value)
    if isinstance(value, bool):
        return pattern == str(value).lower()
    if isinstance(value, int):
        return pattern == str(value)
    if not isinstance(value, str):
        return False
    parts = (_BY_STAR.get(part) or re.escape(part) for part in _STARS.split(pattern))
    return re.fullmatch("".join(parts), value, re.DOTALL) is not None


def _patterns(given: Any) -> dict[str, tuple[str, ...]]:
    if not isinstance(given, Mapping) or not given:
        raise ValueError("has no `claims`: without any it would let in everybody of the issuer")
    found = {}
    for name, value in given.items():
        patterns = tuple(value) if isinstance(value, list) else (value,)
        texts = all(isinstance(one, str) and one and one.count("*") <= 10 for one in patterns)
        if not texts or not 1 <= len(patterns) <= MOST_PATTERNS:
            raise ValueError(f"claim `{name}` wants a text, or a list of texts")
        found[str(name)] = patterns
    if not any(all(one.strip("*/:") for one in patterns) for patterns in found.values()):
        raise ValueError("takes any value: at least one claim has to say more than `*`")
    return found


def _scopes(entry: Mapping[str, Any]) -> frozenset[Scope]:
    role = entry.get("role", Role.SUBMITTER.value)
    if role not in ROLES:
        raise ValueError(f"`role` has to be one of {', '.join(ROLES)}")
    allowed = scopes_of_role(Role(role))
    scopes = entry.get("scopes", sorted(allowed & {Scope.READ, Scope.SUBMIT}))
    if not isinstance(scopes, list) or not scopes or not set(scopes) <= allowed:
        raise ValueError(f"`scopes` has to name some of {', '.join(sorted(allowed))}")
    return frozenset(Scope(one) for one in scopes)


def _services(entry: Mapping[str, Any]) -> tuple[str, ...] | None:
    services = entry.get("services")
    if services is None:
        return None
    texts = isinstance(services, list) and all(isinstance(one, str) and one for one in services)
    if not texts or not services:
        raise ValueError("`services` has to be a list of names; left out: all services")
    return tuple(services)
