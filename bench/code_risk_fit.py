"""Fit the published weights of the code-change model: `bench/code_risk_fit.py [--write]`.

On the first four fifths of each project, all projects together. The model card says how each one
is ranked by weights that never saw it.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import code_cases as cases

from controlplane.risk.learned import boosting, scores

WEIGHTS = Path(__file__).resolve().parent.parent / "controlplane/risk/code/weights.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"write {WEIGHTS.name}")
    write = parser.parse_args().write
    parts = cases.projects()
    left_out = {}
    for name, (_, late) in parts.items():
        forest = cases.without(parts, name).forest
        left_out[name] = scores.of(boosting.margins(forest, late.rows), late.true)
        print(f"{name:10} left out: {left_out[name]}", flush=True)
    model = cases.published(parts)
    card = {
        "what": "Does a commit bring a defect that is repaired later? SZZ labels of open-source "
        "projects: noisy, and not the same as an incident in production.",
        "data": "ISSTA'21 replication of just-in-time defect prediction (MIT), first 80% by date",
        "projects": {name: len(early) for name, (early, _) in parts.items()},
        "left_out": left_out,
    }
    model = replace(model, outcomes=0, card=card | dict(model.card))
    if write:
        text = json.dumps(model.as_json(), separators=(",", ":"))
        WEIGHTS.write_text(text.replace('{"feature"', '\n{"feature"') + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
