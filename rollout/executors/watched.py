"""The stand-in for an executor where others carry a change out: it looks, and touches nothing.

The observed exposure is the share of requests that the change's version answers, by the metrics of
its guardrails (seen_share.py).
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

from attribution.clock import database_now
from attribution.seen_versions import steadied
from attribution.series import read_series
from rollout.case import kind_of, reads_of
from rollout.executors.base import Desired, ExecutorError, Key, Observed
from rollout.models import Placement, Rollout
from rollout.readings import samples
from rollout.seen_share import Counted, seen_share

NAME = "watched"
# A level has no number of requests, so it tells no share.
COUNTING = frozenset({"ratio", "distribution"})
LONGEST = timedelta(minutes=30)


class WatchedExecutor:
    bounded = True
    fencing: Literal["target", "none"] = "target"
    repeat: Literal["safe", "unsafe"] = "safe"
    rollback: Literal["revert", "forward", "none"] = "revert"
    timeout_s = 5.0
    grain = 0.0
    exclusive = False

    def validate(self, config: Mapping[str, Any]) -> list[str]:
        del config
        return [f"{NAME} is used by Graygate itself, of changes that others carry out (L0, L1)"]

    def apply(self, config: Mapping[str, Any], desired: Desired, key: Key) -> None:
        del config, desired
        raise ExecutorError(f"{key.target} is only watched: nothing is sent", permanent=True)

    def observe(self, config: Mapping[str, Any], key: Key) -> Observed:
        """Raises ExecutorError where nothing was reported lately: that is not zero."""
        service = str(config["service"])
        rollout = Rollout.every.get(pk=key.rollout)
        guardrails = [g for g in rollout.spec["guardrails"][service] if kind_of(g) in COUNTING]
        now = database_now()
        since = max(rollout.created_at, now - LONGEST)
        series = read_series(service, [g["name"] for g in guardrails], since, now)
        counted = [
            [
                Counted(_requests(kind_of(g), read.canary), _requests(kind_of(g), read.control))
                for read in reads_of(g, series)
            ]
            for g in guardrails
        ]
        # The metric that counts most requests tells the share best.
        busiest = max(counted, key=lambda c: sum(r.canary + r.control for r in c), default=[])
        share = seen_share(busiest)
        if share is None:
            raise ExecutorError(f"nothing was reported of {service} since {since:%H:%M:%S} UTC")
        before = Placement.objects.get(rollout=rollout, target=key.target).observed
        return Observed(steadied(share, before), generation=key.generation)


def _requests(kind: str, reading: Any) -> float:
    """A histogram as it was read still has its bounds."""
    return samples(kind, reading["counts"] if isinstance(reading, Mapping) else reading)
