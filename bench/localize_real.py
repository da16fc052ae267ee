"""HR@1 and HR@3 of `localized` on the Nezha and PetShop cases, where GRAYGATE_CASES holds them."""

import gzip
import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from attribution.attribute import attribute


def main() -> None:
    folder = os.environ.get("GRAYGATE_CASES")
    if not folder:
        sys.exit("Set GRAYGATE_CASES to the folder that holds attribute/nezha.jsonl.gz.")
    for name in ("nezha", "petshop"):
        with gzip.open(Path(folder) / "attribute" / f"{name}.jsonl.gz", "rt") as lines:
            cases = [json.loads(line) for line in lines]
        ranked = [[each["service"] for each in attribute(case)["localized"]] for case in cases]
        causes = [case["expect"]["root_cause"] for case in cases]
        first = sum(r[:1] == [c] for r, c in zip(ranked, causes, strict=True)) / len(cases)
        three = sum(c in r[:3] for r, c in zip(ranked, causes, strict=True)) / len(cases)
        print(f"{name}: {len(cases)} cases, HR@1 {first:.2f}, HR@3 {three:.2f}")


if __name__ == "__main__":
    main()
