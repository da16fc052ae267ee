"""What a folder of YAML files says, item by item, each with the place that it stands at. PURE
but for `read_folder`, which reads the files.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from controlplane.configuration.texts import MOST_CHARACTERS, TextError, Tree, read_text
from controlplane.configuration.values import is_name

MOST_FILES = 20_000
MOST_BYTES = 100_000_000
SUFFIXES = (".yaml", ".yml")
# As they are applied: callees and guarded services before what names them.
KINDS = ("Service", "Guardrail", "Policy", "Freeze", "Silence")

# A body's own `kind` has another name in a file, where `kind` says what the document is.
OWN_KIND = {"Guardrail": "metric_kind", "Policy": "change_kind"}


class Key(NamedTuple):
    """What makes an item one: a guardrail's name counts on its service only."""

    kind: str
    name: str
    service: str = ""

    def __str__(self) -> str:
        name = f"{self.service}/{self.name}" if self.service else self.name
        return f"{self.kind.lower()} {name}"

    @property
    def order(self) -> tuple[int, str, str]:
        return KINDS.index(self.kind), self.service, self.name


@dataclass(frozen=True)
class Item:
    key: Key
    body: Mapping[str, Any]  # as REST takes it, without `kind` and `name`
    file: str
    tree: Tree

    def place(self, pointer: str = "") -> str:
        if pointer == "/kind":
            pointer = f"/{OWN_KIND.get(self.key.kind, 'kind')}"
        return f"{self.file}:{self.tree.line(pointer)}"


@dataclass(frozen=True)
class Problem:
    place: str
    detail: str

    def __str__(self) -> str:
        return f"{self.place}: {self.detail}"


class ConfigurationError(ValueError):
    """Everything that is wrong, so that it can be mended at once."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


def read_folder(path: Path) -> list[tuple[str, str]]:
    """(file as told, text) of one file, or of all YAML files below a folder, in order. Hidden ones
    and links are left alone: neither `.git` nor what lies outside is the folder's.
    """
    if not _is_there(path):
        raise ConfigurationError([Problem(str(path)[:300], "There is no such file or folder.")])
    files = [path] if path.is_file() else _files(path)
    found, size = [], 0
    for file in files:
        size += file.stat().st_size
        if size > MOST_BYTES:
            raise ConfigurationError([Problem(str(path), f"More than {MOST_BYTES:,} bytes.")])
        found.append((str(file), _text(file)))
    return found


def _is_there(path: Path) -> bool:
    """A pipe or a device is neither, and reading it might never end."""
    try:
        return path.is_file() or path.is_dir()
    except OSError:
        return False


def _files(folder: Path) -> list[Path]:
    found: list[Path] = []
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        paths = (Path(where, name) for name in sorted(names) if not name.startswith("."))
        found += [each for each in paths if each.suffix in SUFFIXES and _is_plain(each)]
        if len(found) > MOST_FILES:
            raise ConfigurationError([Problem(str(folder), f"More than {MOST_FILES:,} files.")])
    return sorted(found)


def _is_plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _text(file: Path) -> str:
    if file.stat().st_size > 4 * MOST_CHARACTERS:
        detail = f"A file has at most {MOST_CHARACTERS:,} characters."
        raise ConfigurationError([Problem(f"{file}:1", detail)])
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as problem:
        raise ConfigurationError([Problem(f"{file}:1", f"Cannot be read: {problem}")]) from None


def items_of(texts: Iterable[tuple[str, str]]) -> dict[Key, Item]:
    """Raises ConfigurationError with all problems of all files."""
    found: dict[Key, Item] = {}
    problems: list[Problem] = []
    for file, text in texts:
        try:
            for tree in read_text(text):
                _add(found, problems, tree, file)
        except TextError as problem:
            problems.append(Problem(f"{file}:{problem.line}", problem.detail))
    if problems:
        raise ConfigurationError(problems)
    return found


def _add(found: dict[Key, Item], problems: list[Problem], tree: Tree, file: str) -> None:
    wrong = list(_wrong(tree, file))
    if wrong:
        problems += wrong
        return
    body = _body(tree.value)
    service = str(body["service"]) if tree.value["kind"] == "Guardrail" else ""
    item = Item(Key(tree.value["kind"], tree.value["name"], service), body, file, tree)
    if item.key in found:
        detail = f"{item.key} stands already at {found[item.key].place()}."
        problems.append(Problem(item.place(), detail))
    found.setdefault(item.key, item)


def _body(document: Mapping[str, Any]) -> dict[str, Any]:
    own = OWN_KIND.get(document["kind"])
    return {
        "kind" if name == own else name: value
        for name, value in document.items()
        if name not in ("kind", "name")
    }


def _wrong(tree: Tree, file: str) -> Iterator[Problem]:
    """What keeps a document from being an item at all."""
    value = tree.value
    if not isinstance(value, dict):
        yield Problem(f"{file}:{tree.line('')}", "A document is an object with kind and name.")
        return
    if value.get("kind") not in KINDS:
        own = ", ".join(f"{name} of a {kind}" for kind, name in OWN_KIND.items())
        detail = f"kind is one of {', '.join(KINDS)}; what REST calls kind is {own}."
        yield Problem(f"{file}:{tree.line('/kind')}", detail)
        return
    named = value.get("name")
    # A guardrail's name may hold blanks: its own reader says what is wrong with it.
    if not (isinstance(named, str) and named if value["kind"] == "Guardrail" else is_name(named)):
        detail = "name is a text of 1 to 100 letters, digits, dots, colons, dashes and underscores."
        yield Problem(f"{file}:{tree.line('/name')}", detail)
    if value["kind"] == "Guardrail" and not isinstance(value.get("service"), str):
        detail = "service names the service that it guards."
        yield Problem(f"{file}:{tree.line('/service')}", detail)
