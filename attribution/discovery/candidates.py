"""Which of a server's metrics are worth asking about, and by which labels. PURE.

A large server has ten thousand names; a bounded number of each signal is looked at, the
well-known ones first.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from attribution.discovery.facts import Candidate
from attribution.discovery.statuses import is_status
from attribution.discovery.vocabulary import (
    DURATIONS,
    ENVIRONMENT_LABELS,
    FIXED,
    FOREIGN,
    GROUP_LABELS,
    INFO,
    MAKERS,
    OTHER,
    REQUESTS,
    REVISION_LABELS,
    SATURATIONS,
    SERVICE_LABELS,
    STATUS_LABELS,
    TEAM_LABELS,
    VERSION_LABELS,
    WORDS,
    Known,
)

MOST = {"requests": 40, "duration": 25, "saturation": 25, "calls": 4, "info": 10}
# Labels of unknown names whose values are looked at: one may hold a status.
MOST_UNKNOWN = 6
# Series of different values of these are counted together.
CALLS = {
    "istio_requests_total": ("source_workload", "destination_workload"),
    "traces_service_graph_request_total": ("client", "server"),
    "envoy_cluster_upstream_rq": (*SERVICE_LABELS, "envoy_cluster_name"),
}
# Names that need no quotes in PromQL; newer servers have others.
PLAIN = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
# A status that nobody has named has few values.
NEVER_STATUS = frozenset(
    ("instance", "pod", "le", "quantile", "path", "route", "uri", "method", "handler", "node")
)


def maker(name: str) -> Known:
    return next((each for each in MAKERS if each.pattern.fullmatch(name)), OTHER)


def candidates(names: Iterable[str], types: Mapping[str, str]) -> list[Candidate]:
    """`types`: what the server's metadata says, as far as it says anything."""
    known = set(filter(PLAIN.fullmatch, names))
    found: dict[str, list[Candidate]] = {signal: [] for signal in MOST}
    for name in sorted(known):
        for candidate in _of(name, known, types):
            found[candidate.signal].append(candidate)
    return [
        each
        for signal, most in MOST.items()
        for each in sorted(found[signal], key=lambda one: (one.rank, one.name))[:most]
    ]


def _of(name: str, known: Collection[str], types: Mapping[str, str]) -> Iterator[Candidate]:
    if name in CALLS:
        yield Candidate(name, "calls")
    for number, kind in enumerate(SATURATIONS):
        if kind.pattern.fullmatch(name) and not name.endswith(("_bucket", "_count", "_sum")):
            yield Candidate(name, "saturation", number, kind.what, kind.rate)
            return
    if FOREIGN.fullmatch(name):
        return
    if INFO.fullmatch(name):
        yield Candidate(name, "info", 0 if name == "target_info" else 1)
    base, _, suffix = name.rpartition("_")
    if suffix == "bucket" and f"{base}_count" in known:
        if (rank := _rank_of_duration(base)) is not None:
            yield Candidate(name, "duration", rank)
    elif _is_counter(name, base, suffix, known, types) and (
        REQUESTS.fullmatch(name) or WORDS.search(name)
    ):
        yield Candidate(name, "requests", _rank_of_requests(name))


def _is_counter(
    name: str, base: str, suffix: str, known: Collection[str], types: Mapping[str, str]
) -> bool:
    if REQUESTS.fullmatch(name):
        return True
    if suffix == "count":
        return f"{base}_sum" in known
    return suffix == "total" or types.get(name) == "counter"


def _rank_of_requests(name: str) -> int:
    """Of one service: as the service itself counts, then meshes, then proxies."""
    if not REQUESTS.fullmatch(name):
        return 8 if name.endswith("_count") else 6
    return {"own": 0, "mesh": 2, "proxy": 4}[maker(name).view]


def _rank_of_duration(base: str) -> int | None:
    if not DURATIONS.search(base):
        return None
    told = bool(REQUESTS.fullmatch(f"{base}_count")) or bool(WORDS.search(base))
    return {"own": 0, "mesh": 2, "proxy": 4}[maker(base).view] + (0 if told else 6)


# --- labels ----------------------------------------------------------------------------------


def grouping(candidate: Candidate, labels: Collection[str]) -> tuple[str, ...]:
    """Labels by which the series of a candidate are counted."""
    if candidate.signal == "calls":
        return tuple(label for label in CALLS[candidate.name] if label in labels)
    wanted = (*maker(candidate.name).service, *SERVICE_LABELS, *VERSION_LABELS, *REVISION_LABELS)
    wanted += (*GROUP_LABELS, *ENVIRONMENT_LABELS, *TEAM_LABELS, *FIXED)
    if candidate.signal == "requests":
        wanted += STATUS_LABELS
    return tuple(label for label in dict.fromkeys(wanted) if label in labels)


def unknown_labels(candidate: Candidate, labels: Collection[str]) -> list[str]:
    """Of a request counter without a status by name: labels whose values may tell one."""
    if candidate.signal != "requests" or set(STATUS_LABELS) & set(labels):
        return []
    named = {*grouping(candidate, labels), *NEVER_STATUS}
    found = sorted(set(filter(PLAIN.fullmatch, labels)) - named - {"__name__"})
    return found[:MOST_UNKNOWN]


def status_among(values: Mapping[str, Sequence[str]]) -> str:
    """The label whose values are those of a status; empty: none's are."""
    return next((label for label in sorted(values) if is_status(values[label])), "")
