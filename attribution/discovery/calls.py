"""Who calls whom: by meshes, proxies and traces, and by a software catalogue. PURE."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from attribution.discovery.facts import Component, Family
from attribution.discovery.services import name_of

MOST_COMPONENTS = 5_000
# What meshes write where they do not know who it was.
NOBODY = frozenset({"", "unknown", "user", "virtual_node", "blackhole", "passthroughcluster"})
_ENDS = (("source_workload", "destination_workload"), ("client", "server"))


def edges(families: Iterable[Family]) -> set[tuple[str, str]]:
    """(caller, callee) by the names that services get here."""
    found = {
        edge
        for family in families
        if family.candidate.signal == "calls"
        for group in family.groups
        if (edge := _edge(group.labels))
    }
    return {(one, other) for one, other in found if one != other}


def _edge(labels: Mapping[str, str]) -> tuple[str, str] | None:
    for caller, callee in _ENDS:
        if caller in labels or callee in labels:
            return _named(labels.get(caller, ""), labels.get(callee, ""))
    callee = labels.get("envoy_cluster_name", "")
    caller = next((v for k, v in labels.items() if k != "envoy_cluster_name" and v), "")
    return _named(caller, callee)


def _named(caller: str, callee: str) -> tuple[str, str] | None:
    one, other = name_of(caller), name_of(callee)
    return None if {one.lower(), other.lower()} & NOBODY else (one, other)


# --- Backstage -------------------------------------------------------------------------------


def components(documents: Iterable[Any]) -> list[Component]:
    """The components of `catalog-info.yaml` files; what is no entry of a catalogue is passed over.

    A component calls what it depends on, and whoever provides an API that it consumes.
    """
    entries = [one for one in documents if isinstance(one, Mapping) and one.get("kind")]
    found = {_name(one): one for one in entries if str(one["kind"]).lower() == "component"}
    found.pop("", None)
    providers = {
        name_of_ref(api): name
        for name, one in found.items()
        for api in _texts(_spec(one).get("providesApis"))
    }
    return [
        Component(name, _team(one), tuple(sorted(_callees(name, one, providers, found))))
        for name, one in sorted(found.items())[:MOST_COMPONENTS]
    ]


def _callees(
    name: str, one: Mapping[str, Any], providers: Mapping[str, str], known: Mapping[str, Any]
) -> set[str]:
    spec = _spec(one)
    named = {
        name_of_ref(ref)
        for ref in _texts(spec.get("dependsOn"))
        if ref.lower().startswith("component:") or (":" not in ref and name_of_ref(ref) in known)
    }
    consumed = {name_of_ref(ref) for ref in _texts(spec.get("consumesApis"))}
    called = named | {providers[api] for api in consumed if api in providers}
    depended = {
        other
        for other, entry in known.items()
        if name in map(name_of_ref, _texts(_spec(entry).get("dependencyOf")))
    }
    return (called | depended) - {name}


def name_of_ref(ref: str) -> str:
    """Of `[kind:][namespace/]name`."""
    return ref.rpartition(":")[2].rpartition("/")[2].strip()


def _name(entry: Mapping[str, Any]) -> str:
    metadata = entry.get("metadata")
    name = metadata.get("name") if isinstance(metadata, Mapping) else None
    return name.strip() if isinstance(name, str) and name.isprintable() else ""


def _team(entry: Mapping[str, Any]) -> str:
    owner = _spec(entry).get("owner")
    return name_of_ref(owner)[:100] if isinstance(owner, str) and owner.isprintable() else ""


def _spec(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    spec = entry.get("spec")
    return spec if isinstance(spec, Mapping) else {}


def _texts(given: Any) -> Iterator[str]:
    if isinstance(given, Sequence) and not isinstance(given, str):
        yield from (each for each in given if isinstance(each, str))
