"""Configuration within objects: ConfigMaps and environments go through the configuration reader."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from controlplane.risk import config
from controlplane.risk.kubernetes.objects import Manifest, Path, mapping, sequence, text
from controlplane.risk.kubernetes.pods import Container, pod_of
from controlplane.risk.signals import Signal, Source

# Secrets have checks of their own here; a file that is no configuration is none of our business.
_NOT_HERE = ("unparsed", "no_before", "secret_in_clear")


def signals(old: Manifest, new: Manifest) -> Iterator[Signal]:
    if new.kind == "ConfigMap":
        yield from _configmap(old, new)
    before, after = pod_of(old), pod_of(new)
    if before is not None and after is not None:
        known = {one.name: one for one in before.containers()}
        for one in after.containers():
            if one.name in known:
                yield from _environment(known[one.name], one, new)


def _configmap(old: Manifest, new: Manifest) -> Iterator[Signal]:
    """A file among the values is compared as the file that its key names, the rest as keys."""
    was, now = mapping(old.body.get("data")), mapping(new.body.get("data"))
    files = {key for key in was.keys() & now.keys() if _is_file(was[key]) or _is_file(now[key])}
    plain = [{key: side[key] for key in side if key not in files} for side in (was, now)]
    yield from _compared(plain[0], plain[1], "", new, ("data",))
    for key in sorted(files):
        if was[key] != now[key]:
            yield from _compared(was[key], now[key], str(key), new, ("data", key))


def _is_file(value: Any) -> bool:
    return isinstance(value, str) and "\n" in value.strip()


def _environment(old: Container, new: Container, manifest: Manifest) -> Iterator[Signal]:
    before, after = _variables(old), _variables(new)
    yield from _compared(before, after, "", manifest, (*new.path, "env"))


def _variables(one: Container) -> dict[str, Any]:
    listed = [mapping(each) for each in sequence(one.spec.get("env"))]
    return {text(each.get("name")): each.get("value") for each in listed if "value" in each}


def _compared(
    before: Any, after: Any, path: str, manifest: Manifest, where: Path
) -> Iterator[Signal]:
    if before == after:
        return
    for one in config.read(Source(after, before, path, {})):
        if one.id in _NOT_HERE:
            continue
        key = one.where.lstrip("/")
        spot = manifest.where((*where, key) if isinstance(after, Mapping) else where)
        yield replace(one, where=spot, summary=f"{manifest.title}: {one.summary}")
