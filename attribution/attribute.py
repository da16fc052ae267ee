"""attribute(case): which of the changes under way did it, with proof; "none of them" included.

PURE. Each change gets a sum of log-odds, each one a piece of evidence with a sentence of its own
(`weighing.py`), and so does "none of them"; probabilities are their softmax. The parts, after
ChangeRCA (FSE'24) and Gandalf (NSDI'20):

- time: a change that began after the symptom is vetoed; a recent growth of exposure counts for it;
- footprint: which services hurt, and which of them for no reason below (`footprint.py`);
- dose: the trouble follows the exposed share, up and down (`dose.py`);
- cohorts: canary against control (`cohorts.py`); silence of the canary scores high;
- explaining away: adj(c) = score(c) − 0.9·min(score(c), max score of changed services below it);
- the symptom equal in the change's own control clears it;
- where evidence is known to be missing, what was not seen counts half.
"""

import math
from collections.abc import Mapping
from typing import Any

from attribution.attribute_case import read_case
from attribution.localize import localize_case
from attribution.weighing import Suspect, logit_of_none, scene_of, sizes_of_none, suspects_of


def attribute(case: Mapping[str, Any]) -> dict[str, Any]:
    """The contract's answer. Raises CaseError for a case that cannot be read."""
    read = read_case(case)
    scene = scene_of(read)
    suspects = suspects_of(scene)
    none = logit_of_none(sizes_of_none(scene, suspects))
    shares = _softmax([none, *(suspect.logit for suspect in suspects)])
    ranked = sorted(zip(shares[1:], suspects, strict=True), key=lambda pair: _order(*pair))
    return {
        "id": read.id,
        "suspects": [
            {
                "change": suspect.change.id,
                "probability": share,
                "evidence": sorted(suspect.evidence, key=lambda piece: -abs(piece["weight"])),
                "vetoes": suspect.vetoes,
            }
            for share, suspect in ranked
        ],
        "none_of_them": shares[0],
        "localized": localize_case(read),
        "incomplete": list(read.incomplete),
    }


def _order(share: float, suspect: Suspect) -> tuple[float, float, str]:
    """By probability; ties by who began last, then by name, never by the order of the input."""
    begins = suspect.change.begins
    return (-round(share, 9), -begins if math.isfinite(begins) else math.inf, suspect.change.id)


def _softmax(logits: list[float]) -> list[float]:
    highest = max(logits)
    raised = [math.exp(logit - highest) for logit in logits]
    total = math.fsum(raised)
    return [each / total for each in raised]
