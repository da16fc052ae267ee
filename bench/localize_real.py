"""How often `localized` has the faulty service first, and in three: `bench/localize_real.py`.

On the Nezha and PetShop cases, where GRAYGATE_CASES holds them, and on generated incidents that
have a culprit, three minutes after they were noticed (seeds that no weight was fitted on).
"""

import gzip
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from incident_faults import FAULTS
from incidents import case, incident

from attribution.localize import localize

GENERATED, FIRST_SEED, AFTER_S = 180, 700_001, 180.0
Labelled = tuple[dict, str]


def real(name: str) -> Iterator[Labelled]:
    folder = os.environ.get("GRAYGATE_CASES")
    if not folder:
        return
    with gzip.open(Path(folder) / "attribute" / f"{name}.jsonl.gz", "rt") as lines:
        for line in lines:
            found = json.loads(line)
            yield found, found["expect"]["root_cause"]


def generated() -> Iterator[Labelled]:
    for seed in range(FIRST_SEED, FIRST_SEED + GENERATED):
        found = case(incident(seed, list(FAULTS)), AFTER_S)
        for change in found["changes"]:
            if change["id"] == found["culprit"]:
                yield found, change["service"]


def main() -> None:
    for name, cases in (
        ("nezha", real("nezha")),
        ("petshop", real("petshop")),
        ("generated", generated()),
    ):
        ranked = [([p["service"] for p in localize(found)], cause) for found, cause in cases]
        if not ranked:
            print(
                f"{name:10} none: set GRAYGATE_CASES to the folder with attribute/{name}.jsonl.gz"
            )
            continue
        first = sum(places[:1] == [cause] for places, cause in ranked) / len(ranked)
        three = sum(cause in places[:3] for places, cause in ranked) / len(ranked)
        print(f"{name:10} {len(ranked):4} cases   first {first:.3f}   in three {three:.3f}")


if __name__ == "__main__":
    main()
