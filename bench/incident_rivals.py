"""Others' ways to name the culprit: each takes a labelled case and ranks its changes, worst first.

None of them knows "none of them". What ranks services is turned into a ranking of changes by their
service; what is equal goes to the newest change, which helps them.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from attribution.attribute_case import Case, read_case
from attribution.calls import downwards
from attribution.cohorts import differences

try:
    import pandas as pd
    from baro.root_cause_analysis import robust_scorer
except ImportError:  # requirements-bench.txt
    robust_scorer = None

Ranked = list[str]
Rival = Callable[[Mapping[str, Any]], Ranked]
ANOMALOUS = 0.55  # MicroRCA's confidence of an anomaly detected
DAMPING, ROUNDS = 0.85, 100
BEYOND = 3.0  # standard deviations that make a service's latency anomalous


def _newest_first(case: Mapping[str, Any], score: Mapping[str, float]) -> Ranked:
    def order(change: Mapping[str, Any]) -> tuple[float, float, str]:
        return (-score.get(change["id"], 0.0), -_begins(change), change["id"])

    return [change["id"] for change in sorted(case["changes"], key=order)]


def _begins(change: Mapping[str, Any]) -> float:
    return float(change["exposures"][0]["at"]) if change["exposures"] else -math.inf


def most_recent(case: Mapping[str, Any]) -> Ranked:
    """The last thing that moved before the detection."""
    score = {}
    for change in case["changes"]:
        steps = [step["at"] for step in change["exposures"] if step["at"] <= case["detected_at"]]
        score[change["id"]] = max(steps, default=-math.inf)
    return _newest_first(case, score)


def graph_distance(case: Mapping[str, Any]) -> Ranked:
    """The change nearest below where it hurts."""
    steps = dict(downwards(read_case(case).calls, [case["symptom"]["service"]]))
    return _newest_first(
        case, {each["id"]: -steps.get(each["service"], math.inf) for each in case["changes"]}
    )


def canary_difference(case: Mapping[str, Any]) -> Ranked:
    """Canary against control alone, as our own attribution measures it."""
    read = read_case(case)
    return _newest_first(
        case,
        {
            change.id: max((each.score for each in differences(read, change)), default=0.0)
            for change in read.changes
        },
    )


def baro(case: Mapping[str, Any]) -> Ranked:
    """BARO (Pham, Ha & Zhang, FSE'24): the authors' RobustScorer on every whole series."""
    columns: dict[str, Any] = {}
    for series in case["series"]:
        if series["cohort"] == "all":
            columns[f"{series['service']}/{series['metric']}/{series.get('peer', '')}"] = series
    if not columns:
        return most_recent(case)
    t = columns[next(iter(columns))]["t"]
    data = pd.DataFrame({name: each["v"] for name, each in columns.items()}, dtype=float)
    data = data.ffill().fillna(0.0)
    data.insert(0, "time", t)
    ranks = robust_scorer(data, inject_time=case["detected_at"])["ranks"]
    score: dict[str, float] = {}
    for place, name in enumerate(ranks):
        service, _, peer = name.split("/")
        score.setdefault(peer or service, float(-place))
    return _by_service(case, score)


def random_walk(case: Mapping[str, Any]) -> Ranked:
    """After MicroRCA (Wu et al., NOMS 2020): a personalised PageRank on the anomalous subgraph.

    Anomalous services (by latency) and their neighbours; an edge into an anomalous service weighs
    ANOMALOUS, another the correlation of both latencies; a service's own weight is the mean of its
    edges times the correlation of its CPU with its latency.
    """
    read = read_case(case)
    latency, cpu = (_whole(read, name) for name in ("latency_p95_seconds", "cpu_usage"))
    anomalous = {name for name, v in latency.items() if _moved(v, read)}
    if not anomalous:
        return _newest_first(case, {})
    nodes = sorted(
        {n for a, called in read.calls.items() for b in called for n in (a, b)} | anomalous
    )
    weights = np.zeros((len(nodes), len(nodes)))
    for caller, called in read.calls.items():
        for callee in called:
            if {caller, callee} & anomalous:
                i, j = nodes.index(caller), nodes.index(callee)
                sure = callee in anomalous
                weights[i, j] = (
                    ANOMALOUS if sure else _correlation(latency, latency, caller, callee)
                )
                weights[j, i] = weights[i, j] / 2
    edges = weights.sum(axis=0) / np.maximum((weights > 0).sum(axis=0), 1)
    own = np.array([_correlation(latency, cpu, n, n) if n in anomalous else 0.0 for n in nodes])
    return _by_service(case, dict(zip(nodes, _walk(weights, edges * own), strict=True)))


def _walk(weights: "np.ndarray[Any, Any]", preference: "np.ndarray[Any, Any]") -> list[float]:
    """Power iteration of PageRank with restarts at `preference`."""
    rows = weights.sum(axis=1, keepdims=True)
    moves = np.divide(weights, rows, out=np.zeros_like(weights), where=rows > 0)
    total = preference.sum()
    start = preference / total if total > 0 else np.full(len(preference), 1 / len(preference))
    found = start
    for _ in range(ROUNDS):
        found = DAMPING * (found @ moves) + (1 - DAMPING) * start
        found = found / found.sum()
    return [float(each) for each in found]


def _whole(case: Case, metric: str) -> dict[str, "np.ndarray[Any, Any]"]:
    return {s.service: s.v for s in case.series if s.metric == metric and s.cohort == "all"}


def _moved(v: "np.ndarray[Any, Any]", case: Case) -> bool:
    """Is the mean since the detection far from before?"""
    after = max(2, int((case.now - case.detected_at) / 60))
    known = v[np.isfinite(v)]
    before, late = known[:-after], known[-after:]
    if before.size < after or late.size < 2:
        return False
    return bool(late.mean() > before.mean() + BEYOND * before.std())


def _correlation(
    one: Mapping[str, "np.ndarray[Any, Any]"],
    other: Mapping[str, "np.ndarray[Any, Any]"],
    a: str,
    b: str,
) -> float:
    if a not in one or b not in other:
        return 0.1
    both = np.isfinite(one[a]) & np.isfinite(other[b])
    if both.sum() < 4 or one[a][both].std() == 0 or other[b][both].std() == 0:
        return 0.1
    return float(max(abs(np.corrcoef(one[a][both], other[b][both])[0, 1]), 0.1))


def _by_service(case: Mapping[str, Any], score: Mapping[str, float]) -> Ranked:
    return _newest_first(
        case, {each["id"]: score.get(each["service"], -math.inf) for each in case["changes"]}
    )


RIVALS: dict[str, Rival] = {
    "most recent": most_recent,
    "graph distance": graph_distance,
    "canary difference": canary_difference,
    "random walk": random_walk,
    **({"BARO": baro} if robust_scorer else {}),
}
