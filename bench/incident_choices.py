"""What attribution sees of generated incidents, beside the truth: what its weights are fitted to.

    incident_choices.py FILE [COUNT] [FIRST SEED] [--workers N]

keeps them in FILE, for `incident_fit.py`. Each incident is looked at soon, three and ten minutes
after it was noticed.
"""

import argparse
import pickle
import sys
from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from incidents import case, incident

from attribution.attribute_case import read_case
from attribution.pieces import Sizes
from attribution.scene import scene_of
from attribution.unexplained import Cause, sizes_of_none
from attribution.ways import Way
from attribution.weighing import suspects_of

LOOKS_S = (20.0, 180.0, 600.0)
HOW: Mapping[str, Way | Cause] = {
    **dict.fromkeys(("errors", "latency", "crash", "dead", "leak", "quiet_culprit"), Way.CANARY),
    **dict.fromkeys(("lock", "no_control", "slow_no_control"), Way.WHOLE),
    **dict.fromkeys(("wrong_value", "config_elsewhere"), Way.CALLERS),
    "pool": Way.SHARED,
    "retry_storm": Way.CALLEES,
    "dependency": Cause.DEPENDENCY,
    "surge": Cause.TRAFFIC,
    **dict.fromkeys(("third_party", "visible_shift"), Cause.ELSEWHERE),
    "gap": Cause.MONITORING,
    "noise": Cause.CHANCE,
}


@dataclass(frozen=True)
class Choice:
    """One look at one incident. `culprit` is a place among the changes; None: none of them."""

    seed: int
    look: float
    fault: str
    culprit: int | None
    changes: tuple[Mapping[Way, Sizes], ...]
    vetoed: tuple[bool, ...]
    none: Sizes

    @property
    def how(self) -> Way | Cause:
        return HOW[self.fault]


def choices(seed: int) -> list[Choice]:
    """Nothing of an incident that nothing could tell apart."""
    found = incident(seed)
    return [] if found.twins else [choice(seed, look, case(found, look)) for look in LOOKS_S]


def choice(seed: int, look: float, labelled: Mapping[str, Any]) -> Choice:
    scene = scene_of(read_case(labelled))
    suspects = suspects_of(scene)
    ids = [suspect.change.id for suspect in suspects]
    culprit = labelled["culprit"]
    return Choice(
        seed=seed,
        look=look,
        fault=labelled["fault"],
        culprit=None if culprit is None else ids.index(culprit),
        changes=tuple({way: suspect.sizes(way) for way in Way} for suspect in suspects),
        vetoed=tuple(bool(suspect.vetoes) for suspect in suspects),
        none=sizes_of_none(scene, suspects),
    )


def kept(files: Iterable[Path]) -> list[Choice]:
    found: list[Choice] = []
    for each in files:
        found += pickle.loads(each.read_bytes())  # noqa: S301 - what this program wrote itself
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("count", type=int, nargs="?", default=2000)
    parser.add_argument("first", type=int, nargs="?", default=1)
    parser.add_argument("--workers", type=int, default=1)
    given = parser.parse_args()
    seeds = range(given.first, given.first + given.count)
    with ProcessPoolExecutor(given.workers) as pool:
        found = [each for some in pool.map(choices, seeds, chunksize=4) for each in some]
    given.file.write_bytes(pickle.dumps(found))


if __name__ == "__main__":
    main()
