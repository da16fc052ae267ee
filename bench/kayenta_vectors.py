"""Which of Kayenta's own test vectors does `mann_whitney` answer as Kayenta does?

`python bench/kayenta_vectors.py FOLDER`, the folder that holds judge/kayenta.jsonl.gz. Exit 1 if
one differs. "exact" names those that Kayenta's root search alone decides: without its tolerance
of 1e-4 they would be classified otherwise.
"""

import gzip
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from attribution.judge import judge


def answer_to(vector: dict[str, Any]) -> dict[str, Any]:
    metric = {"name": "metric", "kind": "value", "params": vector["params"]}
    metric |= {side: vector[side] for side in ("control", "canary")}
    case = {"id": vector["id"], "interval_s": 60, "method": "mann_whitney", "metrics": [metric]}
    return judge(case)


def agrees(expect: dict[str, Any], answer: dict[str, Any]) -> bool:
    metric = answer["metrics"][0]
    same = metric["classification"] == expect.get("classification", metric["classification"])
    critical = metric["critical"] == expect.get("critical", metric["critical"])
    number = expect.get("deviation") != "NaN" or metric["effect_size"]["value"] is None
    reason = bool(metric["reason"]) or not expect.get("reason_non_empty")
    return same and critical and number and reason


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with gzip.open(Path(sys.argv[1]) / "judge" / "kayenta.jsonl.gz", "rt") as lines:
        vectors = [json.loads(line) for line in lines]
    right = 0
    for vector in vectors:
        answer = answer_to(vector)
        metric, agreed = answer["metrics"][0], agrees(vector["expect"], answer)
        right += agreed
        exact = metric["exact"]["classification"] or metric["classification"]
        print(
            "agrees " if agreed else "DIFFERS",
            f"{metric['classification']:<8} {answer['verdict']:<13}",
            vector["id"].removeprefix("kayenta:"),
            f"(exact: {exact})" if exact != metric["classification"] else "",
        )
    print(f"{right} of {len(vectors)} as Kayenta")
    sys.exit(right != len(vectors))


if __name__ == "__main__":
    main()
