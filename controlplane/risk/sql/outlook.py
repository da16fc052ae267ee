"""What the whole file comes to, which no single statement shows: a default that is dropped again
further down, a table that is copied and put in the place of the old one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from controlplane.risk.sql.steps import Column, Step, Tokens


@dataclass(frozen=True, slots=True)
class Rebuild:
    """A live table whose rows were copied into a new one that ends up under its name.
    `copies`: column of the new table → column of the old one that fills it, or ''.
    """

    table: str
    columns: tuple[Column, ...]
    copies: dict[str, str]
    start: int


@dataclass(slots=True)
class Outlook:
    """`defaults`: the last word on a column's default, None where it was dropped.
    `excused`: table and place of the drops and renames that are part of a rebuild.
    """

    defaults: dict[tuple[str, str], Tokens | None] = field(default_factory=dict)
    views: set[str] = field(default_factory=set)
    created_objects: set[tuple[str, str, str]] = field(default_factory=set)
    promoted: set[str] = field(default_factory=set)
    rebuilds: list[Rebuild] = field(default_factory=list)
    excused: set[tuple[str, int]] = field(default_factory=set)


def outlook_of(steps: Sequence[Step]) -> Outlook:
    found = Outlook()
    for step in steps:
        if step.action in ("set_default", "drop_default"):
            kept = step.expression if step.action == "set_default" else None
            found.defaults[step.table, step.name] = kept
        elif step.action == "create_object":
            found.created_objects |= {(kind, step.table, step.name) for kind in step.flags}
            found.views |= {step.name} if "view" in step.flags else set()
        elif step.constraint and step.constraint.using_index:
            found.promoted.add(step.constraint.using_index)
    _Swaps(found).follow(steps)
    return found


@dataclass(slots=True)
class _Made:
    """A table that the file creates; `copied_from`: the live table that fills it."""

    step: Step
    copied_from: str = ""
    copies: dict[str, str] = field(default_factory=dict)


class _Swaps:
    """Which table stands under which name: either one that the file makes, or a live one."""

    def __init__(self, found: Outlook) -> None:
        self._found = found
        self._made: dict[str, _Made] = {}
        self._live: dict[str, str] = {}
        self._touched: dict[str, list[tuple[str, int]]] = {}

    def follow(self, steps: Iterable[Step]) -> None:
        for step in steps:
            if step.action == "create_table":
                source = self._live_one(step.sources[0]) if step.sources else ""
                self._made[step.table] = _Made(step, source)
            elif step.action == "copy_rows" and step.table in self._made:
                made = self._made[step.table]
                made.copied_from, made.copies = self._live_one(step.sources[0]), dict(step.copies)
            elif step.action in ("rename_table", "drop_table"):
                self._move(step)
        self._settle()

    def _live_one(self, name: str) -> str:
        return "" if name in self._made else self._live.get(name, name)

    def _move(self, step: Step) -> None:
        made = self._made.pop(step.table, None)
        if made is not None:
            if step.new_name:
                self._made[step.new_name] = made
            return
        live = self._live.pop(step.table, step.table)
        self._touched.setdefault(live, []).append((step.table, step.start))
        if step.new_name:
            self._live[step.new_name] = live

    def _settle(self) -> None:
        for live, places in self._touched.items():
            made = self._made.get(live)
            if made and made.copied_from == live:
                step = made.step
                self._found.excused |= set(places)
                self._found.rebuilds.append(Rebuild(live, step.columns, made.copies, step.start))
