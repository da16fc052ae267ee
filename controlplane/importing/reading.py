"""Files of any of the formats → what was found in them. PURE."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from controlplane.configuration.texts import MOST_CHARACTERS, TextError, Tree, read_text
from controlplane.importing import alert_rules, argo, flagger, kayenta, openslo
from controlplane.importing.found import Asked, Found, Note, Place

FORMATS = ("argo", "flagger", "kayenta", "prometheus", "openslo")


def import_texts(chosen: str, texts: Iterable[tuple[str, str]], asked: Asked) -> Found:
    """`chosen`: one of FORMATS. Documents of other formats are told, not guessed at."""
    found = Found()
    mine: list[Place] = []
    for file, text in texts:
        for tree in _trees(file, text, found):
            mine += _documents(chosen, Place(file, tree, "", found))
    _IMPORTS[chosen](mine, asked)
    if not found.metrics:
        for document in mine:
            document.note("", "holds no metric")
    return found


def _trees(file: str, text: str, found: Found) -> Iterator[Tree]:
    try:
        yield from read_text(text)
    except TextError as problem:
        if text.lstrip()[:1] == "{" and (tree := _json(text)) is not None:
            yield tree
            return
        what = "not carried over from here on"
        found.notes.append(Note(f"{file}:{problem.line}", what, problem.detail))


def _json(text: str) -> Tree | None:
    """JSON that is no YAML (tabs), without lines."""
    if len(text) > MOST_CHARACTERS:
        return None
    try:
        return Tree(json.loads(text), {})
    except (ValueError, RecursionError):
        return None


def _documents(chosen: str, document: Place) -> Iterator[Place]:
    """Those of the format; a list of objects counts as so many."""
    if isinstance(document.value, list):
        for each in document.items():
            yield from _documents(chosen, each)
    elif document.text("/kind") in ("List", "ConfigMapList"):
        for each in document.items("/items"):
            yield from _documents(chosen, each)
    elif _is_of(chosen, document.value):
        yield document
    else:
        kind = document.text("/kind") or "a document"
        document.note("", f"{kind} is nothing that this format holds: left alone")


def _is_of(chosen: str, value: Any) -> bool:
    kind = value.get("kind") if isinstance(value, Mapping) else None
    match chosen:
        case "argo":
            return kind in argo.KINDS
        case "flagger":
            return kind in flagger.KINDS
        case "openslo":
            version = str(value.get("apiVersion", "")) if isinstance(value, Mapping) else ""
            return kind in openslo.KINDS and version.startswith("openslo")
        case "kayenta":
            return kayenta.is_config(value)
    return alert_rules.is_rules(value)


def _each(one: Callable[[Place, Asked], None]) -> Callable[[list[Place], Asked], None]:
    def every(documents: list[Place], asked: Asked) -> None:
        for document in documents:
            one(document, asked)

    return every


_IMPORTS: Mapping[str, Callable[[list[Place], Asked], None]] = {
    "argo": _each(argo.import_template),
    "flagger": flagger.import_all,
    "kayenta": _each(kayenta.import_config),
    "prometheus": _each(alert_rules.import_rules),
    "openslo": openslo.import_all,
}
