"""Text or object → a policy's statements, in bounded time."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from controlplane.risk.iam.actions import Action, covers, everything, expand
from controlplane.risk.iam.findings import Finding, Path
from controlplane.risk.located import documents
from controlplane.risk.reading import PARSE_ERRORS, UnreadableError

# AWS takes 6,144 characters of a managed policy and 20,480 of a bucket's.
MOST_CHARACTERS = 100_000
MOST_ENTRIES = 1_500
MOST_LEVELS = 12

# How AWS's own tools wrap a policy when they show or take one.
WRAPPERS = ("PolicyDocument", "AssumeRolePolicyDocument", "Document", "PolicyVersion", "Policy")


class NotJsonError(ValueError):
    """The text says where."""


@dataclass(frozen=True)
class Statement:
    body: Mapping[str, Any]
    path: Path

    @property
    def allows(self) -> bool:
        return self.body.get("Effect") == "Allow"

    @property
    def own(self) -> bool:
        """It says who may reach the resource it is attached to: its `*` are that one's actions."""
        return "Principal" in self.body or "NotPrincipal" in self.body

    @property
    def sid(self) -> Any:
        return self.body.get("Sid")

    @property
    def condition(self) -> Mapping[str, Any]:
        found = self.body.get("Condition")
        return found if isinstance(found, Mapping) else {}

    @cached_property
    def actions(self) -> tuple[str, ...]:
        return texts(self.body.get("Action"))

    @cached_property
    def resources(self) -> tuple[str, ...]:
        """`NotResource` can be anything else, and a trust policy's resource is the role itself."""
        return texts(self.body.get("Resource")) if "Resource" in self.body else ("*",)

    @cached_property
    def expanded(self) -> tuple[Action, ...]:
        """Without those that `*` means."""
        found = (action for pattern in self.actions for action in expand(pattern))
        return tuple(dict.fromkeys(found))

    @property
    def all_actions(self) -> bool:
        return any(everything(pattern) for pattern in self.actions)

    def takes_in(self, full: str) -> bool:
        if "Action" in self.body:
            return any(covers(pattern, full) for pattern in self.actions)
        excluded = texts(self.body.get("NotAction"))
        return "NotAction" in self.body and not any(covers(one, full) for one in excluded)


@dataclass(frozen=True, slots=True)
class Policy:
    """`root` is where the policy lies in a wrapper; `source` what lines are looked up in."""

    body: Mapping[str, Any]
    statements: Sequence[Statement]
    source: Any
    root: Path

    def allowing(self) -> Iterator[Statement]:
        return (one for one in self.statements if one.allows)


Rule = Callable[[Policy], Iterable[Finding]]


def policy_of(artefact: Any) -> Policy | None:
    """None: there is nothing. Raises UnreadableError and NotJsonError."""
    source = artefact
    if isinstance(artefact, str):
        if not artefact.strip("\ufeff \t\r\n"):
            return None
        source = artefact = _parsed(artefact)
    if not artefact:
        return None
    _check_size(artefact)
    body, root = _unwrapped(artefact)
    if isinstance(body, str):
        body, source = _unwrapped(_parsed(body))[0], None
        _check_size(body)
    if not isinstance(body, Mapping):
        raise UnreadableError("a policy is an object")
    return Policy(body, _statements(body, root), source, root)


def _parsed(text: str) -> Any:
    """With the lines, where the YAML parser reads the same: JSON is nearly a part of YAML."""
    if len(text) > MOST_CHARACTERS:
        raise UnreadableError(f"more than {MOST_CHARACTERS:,} characters")
    try:
        plain = json.loads(text.removeprefix("\ufeff"), object_pairs_hook=_once)
    except json.JSONDecodeError as problem:
        raise NotJsonError(f"line {problem.lineno} is not JSON") from None
    except PARSE_ERRORS as problem:
        raise NotJsonError(str(problem)[:100] or "it is not JSON") from None
    try:
        located, trouble = documents(text)
    except UnreadableError:
        return plain
    return located[0] if not trouble and len(located) == 1 and located[0] == plain else plain


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice[:40]} is there twice")
    return found


def _check_size(value: Any) -> None:
    todo, seen = [(value, 1)], 0
    while todo:
        part, level = todo.pop()
        seen += 1
        if seen + len(todo) > MOST_ENTRIES:
            raise UnreadableError(f"more than {MOST_ENTRIES:,} entries; AWS takes no such policy")
        if level > MOST_LEVELS:
            raise UnreadableError(f"nested more than {MOST_LEVELS} levels deep")
        if isinstance(part, str) and len(part) > MOST_CHARACTERS:
            raise UnreadableError(f"more than {MOST_CHARACTERS:,} characters")
        if isinstance(part, Mapping | list):
            inner = part.values() if isinstance(part, Mapping) else part
            todo += [(one, level + 1) for one in inner]


def _unwrapped(value: Any) -> tuple[Any, Path]:
    path: Path = ()
    while isinstance(value, Mapping) and "Statement" not in value:
        name = next((one for one in WRAPPERS if one in value), None)
        if name is None:
            break
        value, path = value[name], (*path, name)
    return value, path


def _statements(body: Mapping[str, Any], root: Path) -> list[Statement]:
    found = body.get("Statement")
    path = (*root, "Statement")
    if isinstance(found, Mapping):
        return [Statement(found, path)]
    listed = enumerate(found) if isinstance(found, list) else ()
    return [Statement(one, (*path, index)) for index, one in listed if isinstance(one, Mapping)]


def listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def texts(value: Any) -> tuple[str, ...]:
    return tuple(one[:2_048] for one in listed(value) if isinstance(one, str))


def principals(element: Any) -> Iterable[tuple[str, str]]:
    """(kind, name); `*` alone is of the kind AWS."""
    for one in listed(element):
        if isinstance(one, Mapping):
            for kind, names in one.items():
                yield from ((str(kind), name) for name in texts(names))
        elif isinstance(one, str):
            yield ("AWS" if one == "*" else ""), one
