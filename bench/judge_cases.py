"""What `judge_worlds` draws, as JSON cases of the contract.

Units have names, so that a judge can tell whether the canary's past is that of its own units.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from judge_scenarios import ALPHA, BETA, BOUNDS, INTERVAL_S, MARGIN, METRICS, PASS_MARGIN, Scenario
from judge_worlds import Drawn, Floats, Harm, Size, draw

Case = dict[str, Any]


def case(
    rng: np.random.Generator, world: Scenario, harm: Harm | None = None, metrics: int = METRICS
) -> Case:
    """One case; the harm hits every metric."""
    return cases(draw(rng, world, Size(1, metrics), harm), world, metrics)[0]


def cases(drawn: Drawn, world: Scenario, metrics: int = METRICS) -> list[Case]:
    """Every case of a draw, in its order."""
    return [
        {
            "id": world.name,
            "interval_s": INTERVAL_S,
            "alpha": ALPHA,
            "beta": BETA,
            "metrics": [_metric(drawn, world, row) for row in range(first, first + metrics)],
        }
        for first in range(0, drawn.canary.shape[0], metrics)
    ]


def _metric(drawn: Drawn, world: Scenario, row: int) -> Case:
    past = "canary" if drawn.same_units else "before"
    found: Case = {
        "name": f"m{row}",
        "kind": drawn.kind,
        "direction": "increase",
        "margin": MARGIN,
        "pass_margin": PASS_MARGIN,
        "settle_s": world.settle_s,
        "control": _units(drawn, drawn.control[row], "control"),
        "canary": _units(drawn, drawn.canary[row], "canary"),
    }
    if drawn.past_control is not None and drawn.past_canary is not None:
        found["history"] = {
            "control": _units(drawn, drawn.past_control[row], "control"),
            "canary": _units(drawn, drawn.past_canary[row], past),
        }
    return found


def _units(drawn: Drawn, units: Floats, name: str) -> dict[str, Any]:
    """`units`: (U, T, …)."""
    write = WRITERS[drawn.kind]
    return {f"{name}-{place}": write(unit) for place, unit in enumerate(units)}


def _pairs(unit: Floats) -> list[list[int] | None]:
    return [[int(x), int(n)] if n else None for x, n in unit]


def _numbers(unit: Floats) -> list[float | None]:
    return [None if np.isnan(v) else float(v) for v in unit]


def _buckets(unit: Floats) -> dict[str, Any]:
    counts = [[int(n) for n in row] if row.any() else None for row in unit]
    return {"bounds": list(BOUNDS), "counts": counts}


WRITERS: dict[str, Callable[[Floats], Any]] = {
    "ratio": _pairs,
    "value": _numbers,
    "distribution": _buckets,
}
