"""What speaks for and against each change of a case, piece by piece, each with its sentence. PURE.

A change can have done harm in several ways (`ways.py`). What is the same for all of them is here,
the rest in `weighing_by_way.py`.
"""

import math
from collections.abc import Mapping

from attribution.calls import downwards
from attribution.cohorts import Difference, comparing, differences
from attribution.likeliest import likeliest, rarity
from attribution.pieces import Suspect
from attribution.scene import Scene, had_ended
from attribution.symptoms import Symptom, began_before
from attribution.ways import Way
from attribution.weighing_by_way import weigh_way

COHORT_MOST = 8.0
EXPLAINED = 0.9
MOST_STEPS = 6
RISKS = {"low": -0.6, "medium": 0.0, "high": 0.6, "critical": 1.0}


def suspects_of(scene: Scene) -> list[Suspect]:
    case, changes = scene.case, likeliest(scene)
    found = {
        # What it did while it was exposed is no evidence on an anomaly that came after.
        change.id: [] if had_ended(scene, change) else differences(case, change, scene.onset)
        for change in changes
    }
    scores = {change.id: _score(found[change.id]) for change in changes}
    rare = rarity(scene)
    suspects = []
    for change in changes:
        suspect = Suspect(change, rarity=rare)
        _veto_by_time(suspect, scene, scores[change.id])
        _weigh_calls(suspect, scene)
        _weigh_cohorts(suspect, scene, found[change.id], scores)
        if change.risk in RISKS:
            suspect.add("risk", f"assessed as {change.risk}", {"risk": RISKS[change.risk]})
        for way in Way:
            weigh_way(suspect, scene, way)
        suspects.append(suspect)
    return suspects


def _score(found: list[Difference]) -> float:
    return max((each.score for each in found), default=0.0)


# --- time ------------------------------------------------------------------------------------


def _veto_by_time(suspect: Suspect, scene: Scene, score: float) -> None:
    change, onset, detected = suspect.change, scene.onset, scene.case.detected_at
    lead = scene.lead
    if not math.isfinite(change.begins):
        suspect.veto("time", "was never exposed")
    elif change.begins > detected:
        late = change.begins - detected
        suspect.veto("time", f"exposed {late:.0f} s after the anomaly was detected")
    elif had_ended(scene, change):
        early = max(onset, detected - scene.case.lag_s) - change.ends()
        suspect.veto("time", f"exposure ended {early:.0f} s or more before the anomaly")
    elif lead is not None and score < COHORT_MOST and _was_there(scene, lead, change.begins):
        early = change.begins - lead.onset
        suspect.veto("time", f"the anomaly began {early:.0f} s before the first exposure")


def _was_there(scene: Scene, lead: Symptom, moment: float) -> bool:
    """What is hardly to be seen has no beginning that could be trusted."""
    return scene.footprint.worse(lead.peer or lead.service) and began_before(lead, moment)


# --- calls -----------------------------------------------------------------------------------


def _weigh_calls(suspect: Suspect, scene: Scene) -> None:
    service = suspect.change.service
    if not scene.targets:
        return
    where = ", ".join(sorted(scene.targets)[:3])
    steps = scene.distance.get(service)
    if steps is not None:
        summary = f"the anomaly is on {service} itself"
        if steps:
            summary = f"{service} is {steps} call(s) below {where}"
        suspect.add("call_graph", summary, {"steps": min(steps, MOST_STEPS)})
    elif scene.targets.intersection(scene.case.calls.get(service, ())):
        suspect.add("call_graph", f"{service} calls {where}", {"caller": 1.0})
    else:
        summary = f"{where} does not call {service}, directly or not"
        suspect.add("call_graph", summary, {"unreached": scene.absence})


# --- cohorts ---------------------------------------------------------------------------------


def _weigh_cohorts(
    suspect: Suspect, scene: Scene, found: list[Difference], scores: Mapping[str, float]
) -> None:
    if not found and comparing(scene.case, suspect.change):
        summary = "canary and control have hardly reported yet: a few intervals will tell"
        suspect.add("cohorts", summary, {"too_early": 1.0})
        suspect.not_yet.append(summary)
        return
    if not found:
        summary = "no canary and control to compare: time and calls decide"
        suspect.add("cohorts", summary, {"uncompared": 1.0})
        return
    if scores[suspect.change.id] > 0:
        _weigh_differences(suspect, found)
        _explain_away(suspect, scene, scores)
        return
    shared = [each for each in found if each.shared]
    if shared:
        summary = f"control is hit as much: {shared[0].summary}"
        suspect.add("equal_in_control", summary, {"shared": 1.0})
    elif cleared := [each for each in found if each.cleared and each.telling]:
        strongest = max(cleared, key=lambda each: (each.power, each.metric))
        summary = f"canary is no worse than control: {strongest.summary}"
        power = strongest.power
        sizes = {"cleared": 1.0, "cleared.power": power}
        if scene.footprint.worse(suspect.change.service):
            sizes["cleared.hurt"] = power
        suspect.add("equal_in_control", summary, sizes)
    else:
        summary = f"canary and control do not clearly differ: {found[0].summary}"
        suspect.add("cohorts", summary, {"unclear": 1.0})


def _weigh_differences(suspect: Suspect, found: list[Difference]) -> None:
    """The first of them says that there is one, whatever the metric."""
    worse = [each for each in found if each.score > 0]
    silent = next((each for each in worse if each.silent), None)
    first = {"worse": 1.0}
    if silent:
        size = min(silent.score, COHORT_MOST)
        suspect.add("silence", silent.summary, {"silence": size, "silent": 1.0, **first})
        first = {}
    for name in ("failing", "slower", "other"):
        each = next((d for d in worse if _sort(d) == name and not d.silent), None)
        if each is None:
            continue
        size = min(each.score, COHORT_MOST)
        sizes = {f"{name}.stale" if each.stale else name: size} | first
        if name != "other" and not each.stale:
            sizes |= {"differs": 1.0}
        first = {}
        suspect.add("canary_against_control", each.summary, sizes)


def _sort(difference: Difference) -> str:
    if not difference.telling:
        return "other"
    return "failing" if difference.outcome else "slower"


def _explain_away(suspect: Suspect, scene: Scene, scores: Mapping[str, float]) -> None:
    """A caller's error belongs to its callee: a changed service below with a difference."""
    change, score = suspect.change, scores[suspect.change.id]
    below = dict(downwards(scene.case.calls, [change.service]))
    rivals = [
        (scores[other.id], other)
        for other in scene.case.changes
        if other.id in scores and other.service in below and other.service != change.service
    ]
    if not rivals:
        return
    best, rival = max(rivals, key=lambda pair: (pair[0], pair[1].id))
    taken = min(score, COHORT_MOST) - min(score - EXPLAINED * min(score, best), COHORT_MOST)
    if taken > 0:
        summary = f"{rival.service}, which {change.service} calls, changed and explains it"
        suspect.add("explained_by_callee", summary, {"explained": taken})
