"""Rows → files that `apply` reads: the same bytes for the same rows."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from controlplane.configuration.items import OWN_KIND, Key
from controlplane.configuration.stored import Spec, Stored, is_over
from controlplane.configuration.writing import text_of
from rollout.standstills import TOLD_AS

FOLDERS = {
    "Service": "services",
    "Policy": "policies",
    "Freeze": "freezes",
    "Silence": "silences",
}
_ORDER = (
    *("team", "environment", "tier", "control_level", "calls", "units"),
    *("cohorts", "source", "executor", "telemetry", "scope", "reason", "starts_at", "ends_at"),
    *("metric_kind", "direction", "critical", "query", "events", "total"),
    *("margin", "pass_margin", "margin_abs", "weight", "min_samples", "settle_s", "params"),
    *("when", "then"),
)
# Orders of the moment, not to be given again.
THROWN = frozenset(Key("Freeze", name) for name in TOLD_AS)


def files_of(stored: Stored, now: datetime) -> dict[str, str]:
    """Path → text: a file for each, a service's with its guardrails. What has ended is left out,
    and a kill switch that a person has thrown, or the stop after a restore.
    """
    documents: dict[str, list[Mapping[str, Any]]] = {}
    for key in sorted(stored.specs, key=lambda each: each.order):
        spec = stored.specs[key]
        thrown = key in THROWN and stored.is_by_hand(key)
        if not (thrown or is_over(key, spec, now)):
            documents.setdefault(_file(key), []).append(document(key, spec))
    return {path: text_of(some) for path, some in sorted(documents.items())}


def _file(key: Key) -> str:
    folder = FOLDERS["Service" if key.kind == "Guardrail" else key.kind]
    return f"{folder}/{quote(key.service or key.name, safe=' ')}.yaml"


def document(key: Key, spec: Spec) -> dict[str, Any]:
    """What is empty where empty is the default is left out; numbers that have defaults stay, as a
    default may be another one in the next version.
    """
    head: dict[str, Any] = {"kind": key.kind, "name": key.name}
    if key.service:
        head["service"] = key.service
    body = {_name(key, name): _plain(value) for name, value in spec.items() if name != "name"}
    if key.kind != "Policy":
        body = {name: value for name, value in body.items() if value not in ({}, [], None)}
    return head | {name: body[name] for name in sorted(body, key=_place)}


def _name(key: Key, name: str) -> str:
    return OWN_KIND[key.kind] if name == "kind" else name


def _place(name: str) -> tuple[int, str]:
    return (_ORDER.index(name) if name in _ORDER else len(_ORDER), name)


def _plain(value: Any) -> Any:
    if not isinstance(value, datetime):
        return value
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def write(files: Mapping[str, str], folder: Path) -> list[Path]:
    """Writes what differs; answers with the YAML files that it did not write and that lie there.
    Raises OSError, before anything is written also for a link: it may lead out of the folder.
    """
    _check_links(folder, files)
    for path, text in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        data = text.encode()
        if not file.is_file() or file.read_bytes() != data:
            file.write_bytes(data)
    ours = {folder / path for path in files}
    return [each for each in _there(folder) if each not in ours]


def _check_links(folder: Path, files: Iterable[str]) -> None:
    for path in (*FOLDERS.values(), *files):
        if (folder / path).is_symlink():
            raise OSError(f"{folder / path} is a link")


def _there(folder: Path) -> Iterable[Path]:
    for name in sorted(FOLDERS.values()):
        yield from sorted((folder / name).glob("*.yaml"))
