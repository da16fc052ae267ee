"""What has to be done so that what is stored is what the files say. PURE."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from controlplane.configuration.items import Key

CREATE, CHANGE, REMOVE, KEEP = "+", "~", "-", "?"
SHOWN = 70
Spec = Mapping[str, Any]


@dataclass(frozen=True)
class Field:
    """`old` and `new` as they are shown; a list of texts shows what came and went."""

    path: str
    old: str
    new: str


@dataclass(frozen=True)
class Step:
    sign: str
    key: Key
    spec: Spec
    fields: tuple[Field, ...] = ()
    why: str = ""


def steps_between(wanted: Mapping[Key, Spec], stored: Mapping[Key, Spec]) -> list[Step]:
    """Creations and changes, in the order in which they can be made."""
    found = []
    for key, spec in sorted(wanted.items(), key=lambda pair: pair[0].order):
        there = stored.get(key)
        if there is None:
            found.append(Step(CREATE, key, spec))
        elif fields := tuple(_fields("", there, _filled(key, spec, there))):
            found.append(Step(CHANGE, key, _filled(key, spec, there), fields))
    return found


def _filled(key: Key, spec: Spec, there: Spec) -> Spec:
    """A freeze whose file does not say when it starts started when it was put."""
    if key.kind == "Freeze" and spec["starts_at"] is None:
        return {**spec, "starts_at": there["starts_at"]}
    return spec


def _fields(path: str, old: Any, new: Any) -> Iterator[Field]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in [*old, *(name for name in new if name not in old)]:
            at = f"{path}.{name}" if path else str(name)
            yield from _fields(at, old.get(name), new.get(name))
    elif not same(old, new):
        yield Field(path, *_both(old, new))


def same(old: Any, new: Any) -> bool:
    """1 and 1.0 are, 1 and true are not."""
    if isinstance(old, bool) or isinstance(new, bool):
        return old is new
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(map(same, old, new))
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return old.keys() == new.keys() and all(same(old[name], new[name]) for name in old)
    return bool(old == new)


def _both(old: Any, new: Any) -> tuple[str, str]:
    if _are_texts(old) and _are_texts(new):
        gone, come = sorted(set(old) - set(new)), sorted(set(new) - set(old))
        if gone or come:
            return _listed(gone, old), _listed(come, new)
    return shown(old), shown(new)


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _listed(some: list[str], whole: list[str]) -> str:
    if len(some) == len(whole):
        return shown(whole)
    return f"{shown(some)} of {len(whole)}" if some else f"none of {len(whole)}"


def shown(value: Any) -> str:
    """Short, on one line, and nothing in it that orders a terminal about."""
    text = value.isoformat() if isinstance(value, datetime) else repr(value)
    text = {"None": "nothing", "True": "true", "False": "false"}.get(text, text)
    text = "".join(each if each.isprintable() else "�" for each in text)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
