"""A `kubernetes` target of the operator's file: which cluster, which objects, which way."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from attribution.credentials import credentials
from rollout.executors.base import ExecutorError

WAYS = {
    "replicas": ("canary", "stable"),
    "gateway": ("route", "canary", "stable"),
    "argo": ("rollout",),
}
ACCESS = (
    *("bearer_token", "bearer_token_file", "ca_file", "cert_file", "key_file"),
    *("username", "password", "password_file"),
)
COMMON = {"executor", "way", "server", "in_cluster", "namespace", *ACCESS}
COUNTS = {"replicas": {"replicas", "keep"}}
# A sum of weights that divides well.
WHOLE = 1000
MOST_PODS = 10_000
NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
MOUNTED = "/var/run/secrets/kubernetes.io/serviceaccount"


@dataclass(frozen=True)
class Target:
    name: str
    way: str
    server: str
    namespace: str
    access: Mapping[str, Any] = field(repr=False)
    canary: str = ""
    stable: str = ""
    route: str = ""
    rollout: str = ""
    replicas: int = 0
    # So many pods answer, canary and stable together, while exposure goes down.
    keep: int = 0

    @property
    def grain(self) -> float:
        return {"replicas": 1 / max(1, self.replicas), "gateway": 1 / WHOLE}.get(self.way, 0.0)


def target_of(config: Mapping[str, Any]) -> Target:
    """Raises ExecutorError; never repeats an address."""
    name = config.get("target")
    entry = settings.OPERATOR.targets.get(name) if isinstance(name, str) else None
    if entry is None or entry.get("executor") != "kubernetes":
        raise ExecutorError(f"no kubernetes target {name!r} in the operator's file", permanent=True)
    if wrong := problems(entry):
        raise ExecutorError(f"target {name!r}: {'; '.join(wrong)}", permanent=True)
    objects = {each: entry[each] for each in WAYS[entry["way"]]}
    replicas = entry.get("replicas", 0)
    return Target(
        str(name),
        entry["way"],
        _server(entry),
        entry["namespace"],
        access_of(entry),
        **objects,
        replicas=replicas,
        keep=entry.get("keep", replicas // 2),
    )


def access_of(entry: Mapping[str, Any]) -> dict[str, Any]:
    if entry.get("in_cluster"):
        return {"bearer_token_file": f"{MOUNTED}/token", "ca_file": f"{MOUNTED}/ca.crt"}
    return {name: entry[name] for name in ACCESS if name in entry}


def problems(entry: Mapping[str, Any]) -> list[str]:
    way = entry.get("way")
    if way not in WAYS:
        return [f"`way` is none of {', '.join(WAYS)}"]
    known = COMMON | set(WAYS[way]) | COUNTS.get(way, set())
    found = [f"kubernetes by {way} knows no `{name}`" for name in sorted(set(entry) - known)]
    names = ("namespace", *WAYS[way])
    found += [f"`{n}` is not the name of an object" for n in names if not _is_name(entry.get(n))]
    if "canary" in WAYS[way] and entry.get("canary") == entry.get("stable"):
        found.append("`canary` and `stable` are the same")
    if way == "replicas":
        found += _pods(entry)
    return found + _access(entry)


def _is_name(name: object) -> bool:
    return isinstance(name, str) and NAME.fullmatch(name) is not None


def _pods(entry: Mapping[str, Any]) -> list[str]:
    replicas, keep = entry.get("replicas"), entry.get("keep", 0)
    if type(replicas) is not int or not 2 <= replicas <= MOST_PODS:
        return [f"`replicas`, the pods of both sides together, is not 2 to {MOST_PODS}"]
    if type(keep) is not int or not 0 <= keep <= replicas:
        return ["`keep` is not a number of pods from 0 to `replicas`"]
    return []


def _access(entry: Mapping[str, Any]) -> list[str]:
    found = []
    if entry.get("in_cluster") not in (None, True) or bool(entry.get("in_cluster")) == (
        "server" in entry
    ):
        return ["give `server`, or `in_cluster`: true"]
    if entry.get("in_cluster") and any(name in entry for name in ACCESS):
        return ["`in_cluster` takes the service account's own token and authority"]
    if entry.get("in_cluster") and not os.environ.get("KUBERNETES_SERVICE_HOST"):
        return ["`in_cluster`, and this is no pod: KUBERNETES_SERVICE_HOST is not set"]
    if not _is_safe(_server(entry)):
        found.append("`server` is no https:// address (http:// goes to this machine only)")
    try:
        credentials(access_of(entry))
    except ValueError as error:
        found.append(str(error))
    return found


def _server(entry: Mapping[str, Any]) -> str:
    if not entry.get("in_cluster"):
        return str(entry.get("server"))
    host = os.environ.get("KUBERNETES_SERVICE_HOST", "")
    port = os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"


def _is_safe(server: str) -> bool:
    try:
        parts = urlsplit(server)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    if not host or "@" in parts.netloc or parts.query or parts.fragment:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_here(host))


def _is_here(host: str) -> bool:
    """`kubectl proxy`, say. Elsewhere a token in plain text would be anybody's."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
