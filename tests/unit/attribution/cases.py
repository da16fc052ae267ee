"""Small cases that the tests of the pure cores share. Seeded: the same numbers every time."""

import numpy as np


def counts(rng, length, rate, share):
    totals = rng.poisson(rate, length)
    return [[int(rng.binomial(n, share)), int(n)] for n in totals]


def ratio(control=0.002, canary=0.002, length=120, seed=1, **more):
    """One metric at 60 requests a second on the control and 20 on the canary."""
    rng = np.random.default_rng(seed)
    return {
        "name": "errors",
        "kind": "ratio",
        "direction": "increase",
        "margin": 0.1,
        "margin_abs": 0.01,
        "control": counts(rng, length, 60, control),
        "canary": counts(rng, length, 20, canary),
        **more,
    }


def judge_case(*metrics, **more):
    return {"id": "c", "interval_s": 1, "metrics": list(metrics), **more}


def prefix(case, length):
    metrics = [
        {**m, "control": m["control"][:length], "canary": m["canary"][:length]}
        for m in case["metrics"]
    ]
    return {**case, "metrics": metrics}
