"""One entry of `resource_changes` → an operation, with what only a plan says about it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from controlplane.risk.documents import flatten
from controlplane.risk.edits import Edit, edits
from controlplane.risk.operations import Action, Operation
from controlplane.risk.reading import UnreadableError
from controlplane.risk.signals import Signal
from controlplane.risk.terraform.catalogue import holds_data, is_lost_for_good

LONGEST_ADDRESS = 200

# In the order in which they are carried out; `forget` alone or with a new one beside it.
_ACTIONS: Mapping[tuple[str, ...], Action] = {
    (): "none",
    ("no-op",): "none",
    ("read",): "read",
    ("open",): "read",
    ("renew",): "read",
    ("close",): "read",
    ("create",): "create",
    ("update",): "update",
    ("delete",): "delete",
    ("delete", "create"): "replace",
    ("create", "delete"): "replace",
    ("forget",): "forget",
    ("create", "forget"): "forget",
    ("forget", "create"): "forget",
}
_CHANGING: frozenset[Action] = frozenset({"create", "update", "replace"})


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """`old`, `new`: JSON pointer inside the resource → value, of what is created, updated or
    replaced; `edits`: where they differ. `unknown`, `sensitive`: as in the plan, shaped like
    the resource.
    """

    operation: Operation
    type: str
    reason: str
    create_first: bool
    replace_paths: tuple[str, ...]
    unknown: Any
    sensitive: Any
    old: Mapping[str, Any] = field(default_factory=dict)
    new: Mapping[str, Any] = field(default_factory=dict)
    edits: tuple[Edit, ...] = ()

    @property
    def address(self) -> str:
        return self.operation.resource

    @property
    def action(self) -> Action:
        return self.operation.action

    @property
    def before(self) -> Mapping[str, Any]:
        return self.operation.before if isinstance(self.operation.before, Mapping) else {}

    @property
    def after(self) -> Mapping[str, Any]:
        return self.operation.after if isinstance(self.operation.after, Mapping) else {}

    def is_unknown(self, pointer: str) -> bool:
        """Known only after it has been applied."""
        return _marked(self.unknown, pointer)

    def is_sensitive(self, pointer: str) -> bool:
        """By the provider's word."""
        return _marked(self.sensitive, pointer)

    def told(self, signal: Signal) -> Signal:
        """Of this resource; `where` counts from inside it."""
        path = self.operation.path
        return replace(
            signal,
            summary=f"{self.address}: {signal.summary}",
            where=f"{path}/change/after{signal.where}" if signal.where else path,
        )


def _marked(tree: Any, pointer: str) -> bool:
    """`tree` is shaped like the value; true at a place marks all below it."""
    for step in pointer.split("/")[1:]:
        if tree is True:
            return True
        if isinstance(tree, Mapping):
            tree = tree.get(step.replace("~1", "/").replace("~0", "~"))
        elif isinstance(tree, list) and step.isdigit() and int(step) < len(tree):
            tree = tree[int(step)]
        else:
            return False
    return tree is True


def planned_change(entry: Any, path: str) -> PlannedChange:
    """Raises UnreadableError, also where the action is none that is known."""
    change = entry.get("change") if isinstance(entry, Mapping) else None
    if not isinstance(change, Mapping):
        raise UnreadableError("an entry that says nothing about a change")
    action, create_first = _action(change.get("actions"))
    kind = _text(entry.get("type")) or _type_in(_text(entry.get("address")))
    return PlannedChange(
        operation=Operation(
            resource=_address(entry),
            action=action,
            path=path,
            before=change.get("before"),
            after=change.get("after"),
            stateful=holds_data(kind),
            reversible=action not in ("delete", "replace") or not is_lost_for_good(kind),
        ),
        type=kind,
        reason=_text(entry.get("action_reason")),
        create_first=create_first,
        replace_paths=tuple(_replace_paths(change.get("replace_paths"))),
        unknown=change.get("after_unknown"),
        sensitive=change.get("after_sensitive"),
    )


def with_attributes(change: PlannedChange) -> PlannedChange:
    """Raises UnreadableError where it has too many, or they are nested too deep."""
    if change.action not in _CHANGING:
        return change
    old, new = _flat(change.operation.before), _flat(change.operation.after)
    return replace(change, old=old, new=new, edits=tuple(edits(old, new)))


def _action(actions: Any) -> tuple[Action, bool]:
    named = tuple(actions) if isinstance(actions, list) and len(actions) <= 2 else ("?",)
    if not all(isinstance(one, str) for one in named) or named not in _ACTIONS:
        raise UnreadableError("an action that is not known")
    return _ACTIONS[named], named[0] == "create" if named else False


def _flat(value: Any) -> Mapping[str, Any]:
    return flatten(value) if isinstance(value, Mapping) and value else {}


def _address(entry: Mapping[str, Any]) -> str:
    address = _text(entry.get("address")) or "a resource without an address"
    deposed = _text(entry.get("deposed"))
    return address[:LONGEST_ADDRESS] + (f" (deposed {deposed[:8]})" if deposed else "")


def _type_in(address: str) -> str:
    """`module.a["x.y"].aws_instance.web[0]` → `aws_instance`."""
    plain = (
        address.split("[", maxsplit=1)[0] if "]." not in address else address.rpartition("].")[2]
    )
    names = plain.split(".")
    return names[-2] if len(names) >= 2 else ""


def _replace_paths(paths: Any) -> Iterator[str]:
    for path in paths[:20] if isinstance(paths, list) else ():
        if isinstance(path, list):
            yield ".".join(str(step)[:60] for step in path[:8] if isinstance(step, str | int))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def attribute_names(pointer: str) -> tuple[str, str]:
    """`/versioning/0/enabled` → `enabled`, `versioning.enabled`."""
    steps = [step for step in pointer.split("/") if step and not step.isdigit()]
    last = steps[-1] if steps else ""
    return last, ".".join(steps[-2:])
