"""attribute(case): which of the changes under way did it, with proof; "none of them" included.

PURE. A change can have done harm in several ways (`ways.py`), and it may have been no change, by
several causes (`unexplained.py`). Each of these gets a sum of log-odds, each term a piece of
evidence with a sentence of its own (`weighing.py`); their softmax are the probabilities, and a
change's is the sum over its ways: a conditional logit (McFadden 1974), its weights fitted
(`weights.py`). What is looked at, after ChangeRCA (FSE'24) and Gandalf (NSDI'20):

- time: a change that began after the symptom is vetoed; a recent growth of exposure counts for it;
- footprint: which services hurt, and which of them for no reason below (`footprint.py`);
- dose: the trouble follows the exposed share, up and down (`dose.py`);
- cohorts: canary against control (`cohorts.py`); silence of the canary scores high;
- explaining away: adj(c) = score(c) − 0.9·min(score(c), max score of changed services below it);
- the symptom equal in the change's own control clears it of what a canary does;
- where evidence is known to be missing, what was not seen counts half.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from attribution.attribute_case import Case, Change, read_case
from attribution.localize import localize_case
from attribution.pieces import VETO, Suspect
from attribution.scene import scene_of
from attribution.unexplained import TOLD as CAUSES
from attribution.unexplained import Cause, logit_of_none, sizes_of_none
from attribution.ways import TOLD as WAYS
from attribution.ways import Way
from attribution.weighing import suspects_of

LEAST_REASON = 0.05
# How often the culprit is not among those that were weighed, where nearly all are left out:
# measured in a large fleet (docs/attribution.md).
LEFT_OUT = 0.04


def attribute(case: Mapping[str, Any]) -> dict[str, Any]:
    """The contract's answer. Raises CaseError for a case that cannot be read."""
    return ranked(read_case(case))


def ranked(read: Case) -> dict[str, Any]:
    """The same of a case that has been read."""
    scene = scene_of(read)
    suspects = suspects_of(scene)
    none = sizes_of_none(scene, suspects)
    of_none = {cause: logit_of_none(none, cause) for cause in Cause}
    of_changes = [{way: suspect.logit(way) for way in Way} for suspect in suspects]
    total = _log_sum([*of_none.values(), *(v for each in of_changes for v in each.values())])
    left_out = _left_out(read, suspects)
    missed = LEFT_OUT * len(left_out) / max(len(read.changes), 1)
    total -= math.log1p(-missed)
    told = [
        _suspect(suspect, logits, total)
        for suspect, logits in zip(suspects, of_changes, strict=True)
    ]
    begins = {suspect.change.id: suspect.change.begins for suspect in suspects}
    told.sort(key=lambda each: _order(each, begins))
    return {
        "id": read.id,
        "suspects": _merged(told, _unweighed(left_out, missed, len(suspects))),
        "none_of_them": _share(of_none.values(), total),
        "none_reasons": _reasons(of_none, total),
        "localized": localize_case(scene.case),
        "incomplete": list(read.incomplete),
    }


def _suspect(suspect: Suspect, logits: Mapping[Way, float], total: float) -> dict[str, Any]:
    """With the evidence on the likeliest way, what speaks most for it first."""
    way = max(Way, key=lambda each: logits[each])
    pieces = [(p.kind, p.summary, p.weight(way)) for p in suspect.pieces(way)]
    pieces += [(p.kind, p.summary, VETO / len(suspect.vetoes)) for p in suspect.vetoes]
    pieces = [("way", WAYS[way], suspect.prior(way)), *pieces]
    if suspect.rarity:
        pieces.append(("crowd", "very many changes are under way around it", -suspect.rarity))
    return {
        "change": suspect.change.id,
        "probability": _share(logits.values(), total),
        "how": WAYS[way],
        "evidence": [
            {"kind": kind, "summary": summary, "weight": round(weight, 6)}
            for kind, summary, weight in sorted(pieces, key=lambda each: (-each[2], each[:2]))
        ],
        "vetoes": [*(each.summary for each in suspect.vetoes), *suspect.not_yet],
    }


def _left_out(case: Case, suspects: Iterable[Suspect]) -> list[Change]:
    weighed = {suspect.change.id for suspect in suspects}
    return [change for change in case.changes if change.id not in weighed]


def _unweighed(changes: list[Change], missed: float, weighed: int) -> list[dict[str, Any]]:
    """They share alike how often the culprit is among them."""
    summary = f"not weighed: {weighed} others are nearer to the anomaly by calls and time"
    told = {
        "probability": missed / max(len(changes), 1),
        "how": "",
        "evidence": [{"kind": "far", "summary": summary, "weight": 0.0}],
        "vetoes": [],
    }
    return [{"change": change.id, **told} for change in changes]


def _merged(told: list[dict[str, Any]], left_out: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Both by probability; those that were left out have all the same."""
    least = left_out[0]["probability"] if left_out else 0.0
    ahead = sum(each["probability"] >= least for each in told)
    return [*told[:ahead], *left_out, *told[ahead:]]


def _reasons(logits: Mapping[Cause, float], total: float) -> list[dict[str, Any]]:
    """What it may have been instead, the likeliest first."""
    shares = [(math.exp(logit - total), cause) for cause, logit in logits.items()]
    return [
        {"kind": str(cause), "summary": CAUSES[cause], "probability": share}
        for share, cause in sorted(shares, key=lambda pair: (-pair[0], pair[1]))
        if share >= LEAST_REASON
    ]


def _order(suspect: Mapping[str, Any], begins: Mapping[str, float]) -> tuple[float, float, str]:
    """By probability; ties by who began last, then by name, never by the order of the input."""
    began = begins[suspect["change"]]
    newest = -began if math.isfinite(began) else math.inf
    return (-round(suspect["probability"], 9), newest, suspect["change"])


def _share(logits: Iterable[float], total: float) -> float:
    return min(math.fsum(math.exp(logit - total) for logit in logits), 1.0)


def _log_sum(logits: list[float]) -> float:
    highest = max(logits)
    return highest + math.log(math.fsum(math.exp(each - highest) for each in logits))
