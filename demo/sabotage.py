"""A worker with one of its senses replaced: `celery -A demo.sabotage`, for the test that a demo
with a broken Graygate is seen to fail. The product knows nothing of this.

GRAYGATE_SABOTAGE: always-pass, always-fail (the judge), newest (attribution).
"""

import importlib
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

from celery.signals import worker_ready

from controlplane.celery import app

__all__ = ["app"]

Json = dict[str, Any]
FLOORS = ("attribution.", "rollout.", "controlplane.")


def always(verdict: str) -> Callable[[Mapping[str, Any]], Json]:
    def judge(case: Mapping[str, Any]) -> Json:
        evidence = 100.0 if verdict == "fail" else 0.0
        return {
            "id": case.get("id"),
            "verdict": verdict,
            "reason": "sabotaged",
            "decided_at": 0,
            "metrics": [],
            "log_e": evidence,
            "log_e_max": evidence,
        }

    return judge


def newest(case: Mapping[str, Any]) -> Json:
    """Blame whoever came last."""
    begun = {
        change["id"]: min(step["at"] for step in change["exposures"])
        for change in case["changes"]
        if change["exposures"]
    }
    last = max(begun, key=lambda change: begun[change], default=None)
    evidence = [{"kind": "time", "summary": "it came last", "weight": 1.0}]
    return {
        "id": case.get("id"),
        "suspects": [
            {
                "change": change["id"],
                "probability": float(change["id"] == last),
                "evidence": evidence if change["id"] == last else [],
                "vetoes": [],
            }
            for change in sorted(case["changes"], key=lambda each: each["id"] != last)
        ],
        "none_of_them": 0.0 if last else 1.0,
        "localized": [],
    }


SABOTAGES: dict[str, tuple[str, str, Callable[[Mapping[str, Any]], Json]]] = {
    "always-pass": ("attribution.judge", "judge", always("pass")),
    "always-fail": ("attribution.judge", "judge", always("fail")),
    "newest": ("attribution.attribute", "attribute", newest),
}


@worker_ready.connect
def sabotage(**_signal: object) -> None:
    home, name, replacement = SABOTAGES[os.environ["GRAYGATE_SABOTAGE"]]
    original = getattr(importlib.import_module(home), name)
    users = [
        module
        for path, module in list(sys.modules.items())
        if path.startswith(FLOORS) and getattr(module, name, None) is original
    ]
    for module in users:
        setattr(module, name, replacement)
    # The home itself is one. A worker that nobody sabotaged must not pass for one that was.
    if len(users) <= 1:
        os._exit(1)
