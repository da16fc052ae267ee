"""The speeds of a story. PURE."""

from dataclasses import asdict, dataclass
from math import ceil
from typing import Any, Self


@dataclass(frozen=True)
class Pace:
    """Seconds. How fast production is looked at, and how long the story waits for what follows."""

    interval_s: float
    # Outlives the slowest call, and its margin.
    lease_s: float
    # How long a rollout is watched after its last stage.
    undo_s: float
    shares: tuple[float, ...]
    bake_s: float
    longest_bake_s: float
    # Until the last change of a round has ended, and until the page of a rollback has resolved.
    round_patience_s: float
    page_patience_s: float

    def stages(self) -> list[dict[str, Any]]:
        bake = {"min_s": self.bake_s, "max_s": self.longest_bake_s}
        return [{"share": share, **bake} for share in self.shares]

    def slowed(self, factor: float) -> Self:
        """The same story, told `factor` times as slowly, in whole seconds."""
        seconds = {name: ceil(s * factor) for name, s in asdict(self).items() if name != "shares"}
        return type(self)(**seconds, shares=self.shares)


# Preparing the database takes 2.4 s on two idle cores, 5 s on one, 12 s on six tenths of one. And
# the slowest story that somebody would still sit through.
USUAL_PREPARATION_S, SLOWEST = 4.0, 4.0


def slowness(preparation_s: float) -> float:
    """How much slower than usual a machine is, 1 to 4, by what the preparation took on it.

    A production that starves is unhealthy in earnest, and would be judged so: a slow or busy
    machine gets fewer visitors, and more time for each of them.
    """
    return min(max(preparation_s / USUAL_PREPARATION_S, 1.0), SLOWEST)


OWN = Pace(
    interval_s=1,
    lease_s=10,
    undo_s=8,
    shares=(0.33, 0.66, 1.0),
    bake_s=6,
    longest_bake_s=90,
    round_patience_s=120,
    page_patience_s=40,
)
# A Prometheus that looks every five seconds is quick for a production and slow for a story: two
# stages, so that its three rounds still take less than five minutes.
REAL = Pace(
    interval_s=5,
    lease_s=20,
    undo_s=10,
    shares=(0.33, 1.0),
    bake_s=10,
    longest_bake_s=120,
    round_patience_s=180,
    page_patience_s=90,
)
