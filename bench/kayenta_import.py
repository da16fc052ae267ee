"""Do guardrails imported from a Kayenta canary config judge Kayenta's vectors as Kayenta does?

`python bench/kayenta_import.py FOLDER`, the folder that holds judge/kayenta.jsonl.gz. The options
of each vector are written down as a canary config as Kayenta documents it, the config is imported,
and what comes out is applied to the vector's series with `method: mann_whitney`. Exit 1 if one
differs from what Kayenta's own tests expect, or from what the options give without the import.
"""

import gzip
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from attribution.guardrails import parse_guardrail
from attribution.judge import judge
from bench.kayenta_vectors import agrees, answer_to
from controlplane.importing.found import Asked
from controlplane.importing.reading import import_texts

OF_AN_EFFECT = ("allowedIncrease", "allowedDecrease", "criticalIncrease", "criticalDecrease")
OF_THE_JUDGE = ("classifier", "tolerance", "confLevel", "confidence")


def config_of(params: dict[str, Any]) -> dict[str, Any]:
    """A canary config with one Prometheus metric that has these options."""
    left = dict(params)
    size = {name: left.pop(name) for name in OF_AN_EFFECT if name in left}
    if "effectSizeMeasure" in left:
        size["measure"] = left.pop("effectSizeMeasure")
    outliers = {
        name: left.pop(option)
        for option, name in (("outlierStrategy", "strategy"), ("outlierFactor", "outlierFactor"))
        if option in left
    }
    judge_options = {name: left.pop(name) for name in OF_THE_JUDGE if name in left}
    canary = left | ({"effectSize": size} if size else {})
    canary |= {"outliers": outliers} if outliers else {}
    query = {
        "type": "prometheus",
        "metricName": "requests_seconds",
        "labelBindings": ['pod=~"${scope}.*"'],
    }
    metric = {"name": "metric", "query": query, "groups": ["all"], "scopeName": "default"}
    return {
        "name": "vector",
        "judge": {"name": "NetflixACAJudge-v1.0", "judgeConfigurations": judge_options},
        "metrics": [metric | {"analysisConfigurations": {"canary": canary}}],
        "classifier": {
            "groupWeights": {"all": 100},
            "scoreThresholds": {"pass": 95, "marginal": 75},
        },
    }


def imported(config: dict[str, Any]) -> dict[str, Any]:
    """The one guardrail, as it would be stored."""
    found = import_texts("kayenta", [("config.json", json.dumps(config))], Asked("service"))
    (guardrail,) = found.guardrails
    spec = {name: value for name, value in guardrail.items() if name != "service"}
    return parse_guardrail(spec, "")


def judged(guardrail: dict[str, Any], vector: dict[str, Any]) -> dict[str, Any]:
    wanted = ("name", "kind", "direction", "critical", "weight", "params")
    metric = {name: guardrail[name] for name in wanted if name in guardrail}
    metric |= {side: vector[side] for side in ("control", "canary")}
    return judge({"id": "x", "interval_s": 60, "method": "mann_whitney", "metrics": [metric]})


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with gzip.open(Path(sys.argv[1]) / "judge" / "kayenta.jsonl.gz", "rt") as lines:
        vectors = [json.loads(line) for line in lines]
    right = 0
    for vector in vectors:
        answer = judged(imported(config_of(vector["params"])), vector)
        found, wanted = (
            each["metrics"][0]["classification"] for each in (answer, answer_to(vector))
        )
        good = agrees(vector["expect"], answer) and found == wanted
        right += good
        print("agrees " if good else "DIFFERS", f"{found:<18}", vector["id"])
    print(f"{right} of {len(vectors)} as Kayenta")
    sys.exit(right != len(vectors))


if __name__ == "__main__":
    main()
