"""The objects of an artefact: their identity, their pods, and where in the text they stand."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from controlplane.risk.located import MOST_VALUES, documents, place_of, step_into
from controlplane.risk.reading import MOST_LEVELS, PARSE_ERRORS, UnreadableError

MOST_OBJECTS = 2_000

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Manifest:
    """One object. `root` is its pointer in the artefact ("" for a text's single document).

    An object without a namespace goes to the same place as all others without one.
    """

    body: Mapping[str, Any]
    root: str
    order: int
    api: str
    kind: str
    metadata: Mapping[str, Any]
    name: str
    namespace: str
    spec: Mapping[str, Any]

    @property
    def group(self) -> str:
        return self.api.rpartition("/")[0]

    @property
    def labels(self) -> Mapping[str, Any]:
        return mapping(self.metadata.get("labels"))

    @property
    def annotations(self) -> Mapping[str, Any]:
        return mapping(self.metadata.get("annotations"))

    @property
    def title(self) -> str:
        return f"{self.kind or 'Object'} {self.name or '(unnamed)'}"[:150]

    def at(self, *path: str | int) -> Any:
        return at(self.body, *path)

    def where(self, path: Path) -> str:
        return place_of(self.body, path, self.root)


Identity = tuple[str, str, str]


@dataclass(frozen=True, slots=True, eq=False)
class Objects:
    """All of one side, before or after. `problems` says what of it could not be read."""

    manifests: Sequence[Manifest] = ()
    problems: tuple[str, ...] = ()
    by_identity: Mapping[Identity, Manifest] = field(default_factory=dict)
    by_kind: Mapping[str, Sequence[Manifest]] = field(default_factory=dict)

    def of_kind(self, *kinds: str) -> Iterator[Manifest]:
        return chain.from_iterable(self.by_kind.get(kind, ()) for kind in kinds)

    def named(self, kind: str, namespace: str, name: str) -> Manifest | None:
        return self.by_identity.get((kind, namespace, name))


def manifest_of(body: Mapping[str, Any], root: str = "", order: int = 0) -> Manifest:
    metadata = mapping(body.get("metadata"))
    return Manifest(
        body=body,
        root=root,
        order=order,
        api=text(body.get("apiVersion")),
        kind=text(body.get("kind")),
        metadata=metadata,
        name=text(metadata.get("name")) or text(metadata.get("generateName")),
        namespace=text(metadata.get("namespace")) or "default",
        spec=mapping(body.get("spec")),
    )


def identity_of(manifest: Manifest) -> Identity:
    """Without the API's version: a move from v1beta1 to v1 leaves the object the same one."""
    namespace = "" if manifest.kind.startswith("Cluster") else manifest.namespace
    return manifest.kind, namespace, manifest.name


def objects_of(artefact: Any) -> Objects:
    """Raises UnreadableError."""
    roots, problem = _roots(artefact)
    manifests: list[Manifest] = []
    problems = [problem] if problem else []
    for root, document in roots:
        for pointer, body in _members(root, document):
            if not isinstance(body, Mapping):
                problems.append("a document is no object")
            elif not text(body.get("kind")):
                problems.append("an object has no kind")
            else:
                manifests.append(manifest_of(body, pointer, len(manifests)))
            if len(manifests) > MOST_OBJECTS:
                raise UnreadableError(f"more than {MOST_OBJECTS:,} objects")
    return Objects(manifests, tuple(problems[:5]), *_indexes(manifests))


def _indexes(
    manifests: Sequence[Manifest],
) -> tuple[dict[Identity, Manifest], dict[str, list[Manifest]]]:
    """The last one of a name counts, as it does when they are applied in order."""
    kinds: dict[str, list[Manifest]] = {}
    for one in manifests:
        kinds.setdefault(one.kind, []).append(one)
    return {identity_of(one): one for one in manifests}, kinds


def _roots(artefact: Any) -> tuple[list[tuple[str, Any]], str]:
    if not isinstance(artefact, str):
        measure(artefact)
        return _listed(artefact), ""
    if artefact.lstrip("\ufeff \t\r\n")[:1] in ("{", "["):
        try:
            parsed = json.loads(artefact.removeprefix("\ufeff"))
        except PARSE_ERRORS:
            pass  # YAML's flow style begins with the same letters
        else:
            measure(parsed)
            return _listed(parsed), ""
    found, problem = documents(artefact)
    if problem and "{{" in artefact:
        problem += "; it looks like a template that was not rendered"
    return [("", one) for one in found if one is not None], problem


def _listed(value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, list):
        return [(f"/{index}", one) for index, one in enumerate(value)]
    return [("", value)] if value else []


def _members(root: str, document: Any) -> Iterator[tuple[str, Any]]:
    """A List holds objects; so does a YAML document that is a sequence of them."""
    if isinstance(document, list):
        for index, one in enumerate(document):
            yield from _members(f"{root}/{index}", one)
    elif isinstance(document, Mapping) and text(document.get("kind")).endswith("List"):
        for index, one in enumerate(sequence(document.get("items"))):
            yield f"{root}/items/{index}", one
    else:
        yield root, document


def measure(value: Any) -> None:
    """Raises UnreadableError for what no rule should walk."""
    todo, seen = [(value, 1)], 0
    while todo:
        part, level = todo.pop()
        seen += 1
        if seen + len(todo) > MOST_VALUES:
            raise UnreadableError(f"more than {MOST_VALUES:,} values")
        if level > MOST_LEVELS:
            raise UnreadableError(f"nested more than {MOST_LEVELS} levels deep")
        inner = part.values() if isinstance(part, Mapping) else part
        if isinstance(part, Mapping | list):
            todo += [(one, level + 1) for one in inner]


def at(value: Any, *path: str | int) -> Any:
    """None where the path leads nowhere."""
    for step in path:
        found = step_into(value, step)
        if found is None:
            return None
        value = found[0]
    return value


def text(value: Any) -> str:
    return value[:500] if isinstance(value, str) else ""


def mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def sequence(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
