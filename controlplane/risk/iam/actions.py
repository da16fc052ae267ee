"""AWS's actions: which there are, what they act on, which conditions they take.

The table lies beside this file and is read once, one service at a time as policies name them.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files

from controlplane.risk.iam.globs import matches

PERMISSIONS, WRITING = "P", "W"
READING = frozenset("LR")
_ANY_TAG = re.compile(r"<|\$|tag-?key")


@dataclass(frozen=True, slots=True, eq=False)
class Keys:
    """Condition keys in lower case, with their types. Some end in any tag:
    `s3:existingobjecttag/<key>`, `x:resourcetag/${tagkey}`.
    """

    exact: Mapping[str, str]
    heads: tuple[tuple[str, str], ...]

    def type_of(self, key: str) -> str | None:
        lowered = key.lower()
        if lowered in self.exact:
            return self.exact[lowered]
        return next((kind for head, kind in self.heads if lowered.startswith(head)), None)


def _keys(typed: Sequence[tuple[str, str]]) -> Keys:
    heads = [(_ANY_TAG.split(key, maxsplit=1)[0], kind) for key, kind in typed]
    open_ = [
        (head, kind) for (head, kind), (key, _) in zip(heads, typed, strict=True) if head != key
    ]
    return Keys(dict(typed), tuple(open_))


@dataclass(frozen=True, slots=True, eq=False)
class Action:
    """One object for each action; many share their `keys`. `required` and `possible`: patterns
    of ARNs.
    """

    service: str
    name: str
    level: str
    required: tuple[str, ...]
    possible: tuple[str, ...]
    keys: Keys

    @property
    def full(self) -> str:
        return f"{self.service}:{self.name}"

    @property
    def unbound(self) -> bool:
        """It acts on no resource: only `*` will do."""
        return not self.possible


@cache
def _blocks() -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    block: list[str] = []
    for line in (files(__package__) / "actions.txt").read_text("utf-8").splitlines():
        if line.startswith(" "):
            block.append(line)
        elif not line.startswith("#"):
            found[line] = block = []
    return found


def known(service: str) -> bool:
    return service.lower() in _blocks()


@cache
def actions_of(service: str) -> Mapping[str, Action]:
    """Action's name in lower case → action; empty for a service that is not known."""
    keys: list[tuple[str, str]] = []
    arns: list[str] = []
    found: dict[str, Action] = {}
    for line in _blocks().get(service, ()):
        if line.startswith(" c "):
            keys = [(word[1:].lower(), word[0]) for word in line.split()[1:]]
        elif line.startswith(" r "):
            arns.append(line.rpartition(" ")[2])
        else:
            level, resources, numbers, *names = line.split()[1:]
            marks = [] if resources == "-" else resources.split(",")
            required = tuple(arns[int(mark[:-1])] for mark in marks if mark.endswith("*"))
            possible = tuple(arns[int(mark.rstrip("*"))] for mark in marks)
            taken = [] if numbers == "-" else [keys[int(number)] for number in numbers.split(",")]
            shared = _keys(taken)
            for name in names:
                found[name.lower()] = Action(service, name, level, required, possible, shared)
    return found


@lru_cache(maxsize=5_000)
def expand(pattern: str) -> tuple[Action, ...]:
    """`s3:Get*` → all actions that it means; empty where nothing matches, and for `*`."""
    service, _, name = pattern.lower().partition(":")
    listed = actions_of(service)
    if "*" not in name and "?" not in name:
        return (listed[name],) if name in listed else ()
    return tuple(action for key, action in listed.items() if matches(name, key))


def named(full: str) -> Action | None:
    service, _, name = full.lower().partition(":")
    return actions_of(service).get(name)


def everything(pattern: str) -> bool:
    return pattern in ("*", "*:*")


def covers(pattern: str, full: str) -> bool:
    """Whether a policy's action, with its wildcards, takes in the action `full`."""
    return everything(pattern) or matches(pattern.lower(), full.lower())
