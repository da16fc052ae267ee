"""attribute(case): which of the changes under way did it, with proof; "none of them" included.

PURE. Each change gets a sum of log-odds contributions, each one a piece of evidence with a sentence
of its own; "none of them" has a prior; probabilities are their softmax. The parts (found to work on
51 public cases with one to six changes at a time, after ChangeRCA, FSE'24, and Gandalf, NSDI'20):

- time: a change that began after the symptom is vetoed; a recent growth of exposure counts for it;
- call graph: an error that a service reports belongs to it or to somebody it calls;
- cohorts: canary against control, score(c) = max over metrics; silence of the canary scores high;
- explaining away: adj(c) = score(c) − 0.9·min(score(c), max score of changed services below it);
- the symptom equal in the change's own control clears it;
- where evidence is known to be missing, what was not seen counts half.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from attribution.attribute_case import Case, Change, read_case
from attribution.cohorts import Difference, comparing, differences
from attribution.localize import localize_case
from attribution.symptoms import Symptom, began_before, nearest, reaches, symptoms

NONE_PRIOR = 1.0
NO_SYMPTOM = 1.5  # added to "none of them" when no series shows anything
COHORT_MOST = 8.0
EXPLAINED = 0.9
CLEARED = -3.0
SHARED = -4.0
VETO = -10.0
UNREACHED = -4.0
PER_CALL = -0.3
RECENT, RECENT_S = 1.5, 300.0
OWN_SYMPTOM = 1.5
SEEN_BY_CALLER = 2.0
QUIET = -1.0
TOO_EARLY = -1.5
INCOMPLETE = 0.5
RISK = {"low": -0.3, "medium": 0.0, "high": 0.3, "critical": 0.5}


@dataclass
class Suspect:
    """One change and all that speaks for and against it, in log-odds."""

    change: Change
    evidence: list[dict[str, Any]] = field(default_factory=list)
    vetoes: list[str] = field(default_factory=list)

    def add(self, kind: str, summary: str, weight: float) -> None:
        self.evidence.append({"kind": kind, "summary": summary, "weight": round(weight, 6)})

    def veto(self, kind: str, summary: str) -> None:
        self.vetoes.append(summary)
        self.add(kind, summary, VETO)

    @property
    def logit(self) -> float:
        return math.fsum(piece["weight"] for piece in self.evidence)


@dataclass(frozen=True)
class Scene:
    """What is the same for every change of the case."""

    case: Case
    symptoms: list[Symptom]
    targets: frozenset[str]  # where the anomaly was noticed
    distance: dict[str, int]  # from there down the calls
    onset: float
    lead: Symptom | None  # the symptom that tells the onset


def attribute(case: Mapping[str, Any]) -> dict[str, Any]:
    """The contract's answer. Raises CaseError for a case that cannot be read."""
    read = read_case(case)
    scene = _scene(read)
    found = {
        # What it did while it was exposed is no evidence on an anomaly that came after.
        change.id: [] if had_ended(scene, change) else differences(read, change)
        for change in read.changes
    }
    scores = {change.id: _score(found[change.id]) for change in read.changes}
    suspects = []
    for change in read.changes:
        suspect = Suspect(change)
        _weigh_time(suspect, scene, found[change.id])
        _weigh_graph(suspect, scene)
        _weigh_cohorts(suspect, scene, found[change.id], scores)
        _weigh_own_symptoms(suspect, scene, found[change.id])
        if change.risk in RISK:
            suspect.add("risk", f"assessed as {change.risk}", RISK[change.risk])
        suspects.append(suspect)
    return _answer(read, scene, suspects, scores)


def _answer(
    case: Case, scene: Scene, suspects: list[Suspect], scores: Mapping[str, float]
) -> dict[str, Any]:
    quiet = not scene.symptoms and not any(score > 0 for score in scores.values())
    none = NONE_PRIOR + (NO_SYMPTOM * absence(case) if quiet else 0.0)
    shares = _softmax([none, *(suspect.logit for suspect in suspects)])
    ranked = sorted(zip(shares[1:], suspects, strict=True), key=lambda pair: _order(*pair))
    return {
        "id": case.id,
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
        "localized": localize_case(case),
        "incomplete": list(case.incomplete),
    }


def absence(case: Case) -> float:
    """The weight of what was not seen: half, when it is known that not everything was shown."""
    return INCOMPLETE if case.incomplete else 1.0


def _order(share: float, suspect: Suspect) -> tuple[float, float, str]:
    """By probability; ties by who began last, then by name, never by the order of the input."""
    begins = suspect.change.begins
    return (-round(share, 9), -begins if math.isfinite(begins) else math.inf, suspect.change.id)


def _softmax(logits: list[float]) -> list[float]:
    highest = max(logits)
    raised = [math.exp(logit - highest) for logit in logits]
    total = math.fsum(raised)
    return [each / total for each in raised]


def _score(found: list[Difference]) -> float:
    return max((each.score for each in found), default=0.0)


def _scene(case: Case) -> Scene:
    everywhere = symptoms(case)
    if case.symptom is not None:
        targets = frozenset({case.symptom})
    else:
        targets = frozenset(each.service for each in everywhere)
    own = [each for each in everywhere if each.service in targets]
    lead = own[0] if own else None
    onset = min(lead.onset, case.detected_at) if lead else case.detected_at
    return Scene(case, everywhere, targets, nearest(case, targets), onset, lead)


def _weigh_time(suspect: Suspect, scene: Scene, found: list[Difference]) -> None:
    change, onset = suspect.change, scene.onset
    if not math.isfinite(change.begins):
        suspect.veto("time", "was never exposed")
        return
    if change.begins > scene.case.detected_at:
        late = change.begins - scene.case.detected_at
        suspect.veto("time", f"exposed {late:.0f} s after the anomaly was detected")
        return
    if had_ended(scene, change):
        early = max(onset, scene.case.detected_at - scene.case.lag_s) - change.ends()
        suspect.veto("time", f"exposure ended {early:.0f} s or more before the anomaly")
        return
    lead = scene.lead
    if lead is not None and began_before(lead, change.begins) and not _worse(found):
        early = change.begins - lead.onset
        suspect.veto("time", f"the anomaly began {early:.0f} s before the first exposure")
        return
    gap = max(onset - change.last_growth(onset + scene.case.lag_s / 4), 0.0)
    weight = RECENT * math.exp(-gap / RECENT_S)
    suspect.add("time", f"exposure grew {gap:.0f} s before the anomaly began", weight)


def had_ended(scene: Scene, change: Change) -> bool:
    """Its exposure was over, and what it may have left behind too, when the anomaly was there."""
    lag = scene.case.lag_s
    return change.ends() < max(scene.onset, scene.case.detected_at - lag) - lag


def _worse(found: list[Difference]) -> bool:
    """A canary clearly worse than its control may well be a second trouble of its own."""
    return _score(found) >= COHORT_MOST


def _weigh_graph(suspect: Suspect, scene: Scene) -> None:
    service = suspect.change.service
    if not scene.targets:
        return
    where = ", ".join(sorted(scene.targets)[:3])
    steps = scene.distance.get(service)
    if steps is None:
        summary = f"{where} does not call {service}, directly or not"
        suspect.add("call_graph", summary, UNREACHED * absence(scene.case))
    elif steps == 0:
        suspect.add("call_graph", f"the anomaly is on {service} itself", 0.0)
    else:
        summary = f"{service} is {steps} call(s) below {where}"
        suspect.add("call_graph", summary, PER_CALL * steps)


def _weigh_cohorts(
    suspect: Suspect, scene: Scene, found: list[Difference], scores: Mapping[str, float]
) -> None:
    if not found and comparing(scene.case, suspect.change):
        summary = "canary and control have hardly reported yet: a few intervals will tell"
        suspect.add("cohorts", summary, TOO_EARLY)
        return
    if not found:
        suspect.add("cohorts", "no canary and control to compare: time and calls decide", 0.0)
        return
    score = scores[suspect.change.id]
    if score > 0:
        kind = "silence" if found[0].silent else "canary_against_control"
        suspect.add(kind, found[0].summary, min(score, COHORT_MOST))
        _explain_away(suspect, scene, scores)
        return
    shared = [each for each in found if each.shared]
    if shared:
        summary = f"control is hit as much: {shared[0].summary}"
        suspect.vetoes.append(summary)
        suspect.add("equal_in_control", summary, SHARED)
    elif any(each.cleared for each in found):
        summary = f"canary is no worse than control: {found[0].summary}"
        suspect.add("equal_in_control", summary, CLEARED)


def _explain_away(suspect: Suspect, scene: Scene, scores: Mapping[str, float]) -> None:
    """A caller's error belongs to its callee: a changed service below with a difference."""
    change, score = suspect.change, scores[suspect.change.id]
    below = reaches(scene.case, change.service)
    rivals = [
        (scores[other.id], other)
        for other in scene.case.changes
        if other.service in below and other.service != change.service
    ]
    if not rivals:
        return
    best, rival = max(rivals, key=lambda pair: (pair[0], pair[1].id))
    taken = min(score, COHORT_MOST) - min(score - EXPLAINED * min(score, best), COHORT_MOST)
    if taken > 0:
        summary = f"{rival.service}, which {change.service} calls, changed and explains it"
        suspect.add("explained_by_callee", summary, -taken)


def _weigh_own_symptoms(suspect: Suspect, scene: Scene, found: list[Difference]) -> None:
    """Only where there are no cohorts to compare: does the service itself show something?"""
    service = suspect.change.service
    if found or not scene.targets:
        return
    seen = [each for each in scene.symptoms if each.peer == service]
    own = [each for each in scene.symptoms if each.service == service and each.peer is None]
    if seen:
        summary = f"{seen[0].metric}: {seen[0].service} has trouble calling {service}"
        suspect.add("seen_by_caller", summary, SEEN_BY_CALLER)
    elif own:
        suspect.add("own_symptom", f"{own[0].metric} of {service} moved too", OWN_SYMPTOM)
    elif any(each.service == service for each in scene.case.series):
        summary = f"no metric of {service} moved"
        suspect.add("own_symptom", summary, QUIET * absence(scene.case))
