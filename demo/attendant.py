"""Whoever promotes by hand what no guardrail watches: stage by stage, and only while all is quiet.

It knows neither who is bad nor when: it looks at open anomalies and holds, as an SRE would.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from demo.api import Api
from demo.pace import Pace
from demo.played import Played

REASON = "baked long enough, and nothing has come up"


@dataclass(frozen=True)
class Attendant:
    api: Api
    pace: Pace

    def look(self, played: Sequence[Played]) -> Iterator[str]:
        """Promotes what is ready; what was promoted, for the screen."""
        now = datetime.now(UTC)
        ready = [(each, stage) for each in played if (stage := self.ready(each, now)) is not None]
        if not ready or self.api.get("anomalies?open=1")["results"]:
            return
        for each, stage in ready:
            body = {"reason": REASON, "stage": stage}
            self.api.post(f"rollouts/{each.rollout['id']}/promote", body, "operator")
            yield f"{each.title}: stage {stage + 1} promoted by hand"

    def ready(self, each: Played, now: datetime) -> int | None:
        """Its stage, if that waits for a person and has baked twice as long as it had to."""
        rollout = each.rollout
        if each.actor.guarded or rollout.get("state") != "running" or rollout["holds"]:
            return None
        place = rollout["stage"]
        if place is None or rollout["stages"][place]["state"] != "baking":
            return None
        since = datetime.fromisoformat(rollout["stages"][place]["baking_since"])
        baked = (now - since).total_seconds()
        return place if baked >= 2 * self.pace.bake_s else None
