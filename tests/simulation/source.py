"""What is known for and against each change, as the schedule says it: a stand-in for the judge.

Every answer carries a number, so that a decision can be held against what was really said. What is
silenced is asked of the product (`silences.of`); a silenced guardrail gives no verdict here either.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from random import Random

from rollout import silences
from rollout.evidence import Gathered
from rollout.machine import Phase
from rollout.models import Rollout
from rollout.snapshot import Evidence
from rollout.spec import RolloutSpec

MOODS = {
    "good": Evidence(verdict="pass", reason="passed", samples=1000, fresh=True, asked=True),
    "unclear": Evidence(reason="low_samples", samples=1000, fresh=True, asked=True),
    "bad": Evidence(
        verdict="fail", reason="errors", log_e=9.0, log_e_max=9.0, samples=1000, fresh=True
    ),
    "doubtful": Evidence(
        verdict="fail", reason="errors", log_e=4.5, log_e_max=4.5, samples=1000, fresh=True
    ),
    "silent": Evidence(verdict="fail", reason="silent_canary", log_e=9.0, log_e_max=9.0, samples=0),
}
STATES = ("up", "down", "empty", "raises", "lies")


@dataclass
class Source:
    rng: Random
    state: str = "up"
    moods: dict[str, str] = field(default_factory=dict)
    # number → (rollout, verdict, when)
    said: dict[int, tuple[str, str, datetime]] = field(default_factory=dict)

    def gather(self, rollout: Rollout, now: datetime) -> Gathered:
        if self.state == "raises":
            raise ConnectionError("the source broke off")
        if rollout.phase in {Phase.RUNNING, Phase.WATCHING}:
            return Gathered(self._said(rollout, self._evidence(rollout, now), now))
        if rollout.phase == Phase.ROLLED_BACK and rollout.recovered_at is None:
            # The harm was the exposure's: it ends with it, as far as anybody can see.
            back = self.state == "up"
            return Gathered(Evidence(recovered=back, recovery_reason="as before" if back else ""))
        return Gathered()

    def _evidence(self, rollout: Rollout, now: datetime) -> Evidence:
        if self.state == "down":
            return Evidence(reason="source_error", source_lost="no good read for 60 s")
        if self.state == "empty":
            return Evidence()
        spec = RolloutSpec.from_json(rollout.spec)
        since = rollout.started_at or now
        silenced = silences.of(spec, since.timestamp(), now)
        if any(s.begin <= now.timestamp() < s.end for spans in silenced.values() for s in spans):
            return Evidence(reason="silenced", samples=1000, fresh=True)
        mood = self.moods.get(str(rollout.pk), "good")
        if self.state == "lies":
            mood = "doubtful" if mood == "good" else "unclear"
        return MOODS[mood]

    def _said(self, rollout: Rollout, evidence: Evidence, now: datetime) -> Evidence:
        number = len(self.said) + 1
        self.said[number] = (str(rollout.pk), evidence.verdict, now)
        return replace(evidence, reason=f"{evidence.reason} #{number}")
