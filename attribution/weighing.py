"""What speaks for and against each change of a case, piece by piece, each with its sentence. PURE.

A piece of evidence has a size (0 to about 1, of cohorts a score of 0 to 8) on one or more of the
scales in `weights.py`; size × weight is its contribution in log-odds.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from attribution.attribute_case import Case, Change, Series
from attribution.cohorts import Difference, comparing, differences
from attribution.dose import dose
from attribution.footprint import Footprint, Hurt, footprint
from attribution.symptoms import Symptom, began_before, nearest, reaches, symptoms
from attribution.weights import CHANGE, NONE

VETO = -10.0
COHORT_MOST = 8.0
EXPLAINED = 0.9
INCOMPLETE = 0.5
SOON_S, LATER_S = 60.0, 600.0
MOST_STEPS = 6
MOST_HURTING = 3
RISKS = {"low": -0.6, "medium": 0.0, "high": 0.6, "critical": 1.0}

Sizes = dict[str, float]


@dataclass
class Suspect:
    """One change and all that speaks for and against it."""

    change: Change
    evidence: list[dict[str, Any]] = field(default_factory=list)
    vetoes: list[str] = field(default_factory=list)
    # By scale, for fitting the weights.
    sizes: Sizes = field(default_factory=dict)

    def add(self, kind: str, summary: str, sizes: Sizes) -> None:
        weight = math.fsum(CHANGE.get(scale, 0.0) * size for scale, size in sizes.items())
        self.evidence.append({"kind": kind, "summary": summary, "weight": round(weight, 6)})
        for scale, size in sizes.items():
            self.sizes[scale] = self.sizes.get(scale, 0.0) + size

    def veto(self, kind: str, summary: str) -> None:
        self.vetoes.append(summary)
        self.evidence.append({"kind": kind, "summary": summary, "weight": VETO})
        self.sizes["veto"] = 1.0

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
    footprint: Footprint
    hurting: tuple[Series, ...]  # what shows the trouble best: of its roots, else the symptom

    @property
    def absence(self) -> float:
        """How much counts what was not seen: half, when not everything was shown."""
        return INCOMPLETE if self.case.incomplete else 1.0


def scene_of(case: Case) -> Scene:
    everywhere = symptoms(case)
    if case.symptom is not None:
        targets = frozenset({case.symptom})
    else:
        targets = frozenset(each.service for each in everywhere)
    own = [each for each in everywhere if each.service in targets]
    lead = own[0] if own else None
    onset = min(lead.onset, case.detected_at) if lead else case.detected_at
    found = footprint(case, targets, onset)
    return Scene(
        case, everywhere, targets, nearest(case, targets), onset, lead, found, _hurting(found, lead)
    )


def _hurting(found: Footprint, lead: Symptom | None) -> tuple[Series, ...]:
    hurts = [found.hurts[root] for root in sorted(found.roots) if found.worse(root)]
    worst = sorted(hurts, key=lambda hurt: -hurt.z)[:MOST_HURTING]
    if worst:
        return tuple(hurt.series for hurt in worst)
    return (lead.series,) if lead else ()


def suspects_of(scene: Scene) -> list[Suspect]:
    case = scene.case
    found = {
        # What it did while it was exposed is no evidence on an anomaly that came after.
        change.id: [] if had_ended(scene, change) else differences(case, change, scene.onset)
        for change in case.changes
    }
    scores = {change.id: _score(found[change.id]) for change in case.changes}
    suspects = []
    for change in case.changes:
        suspect = Suspect(change)
        _weigh_time(suspect, scene, found[change.id])
        _weigh_calls(suspect, scene)
        _weigh_place(suspect, scene, compared=bool(found[change.id]))
        _weigh_dose(suspect, scene, compared=bool(found[change.id]))
        _weigh_cohorts(suspect, scene, found[change.id], scores)
        if change.risk in RISKS:
            suspect.add("risk", f"assessed as {change.risk}", {"risk": RISKS[change.risk]})
        suspects.append(suspect)
    return suspects


def sizes_of_none(scene: Scene, suspects: list[Suspect]) -> Sizes:
    """What speaks for "none of them", by scale."""
    print_ = scene.footprint
    differs = any("differs" in s.sizes or "silent" in s.sizes for s in suspects)
    anywhere = any(hurt.worse for hurt in print_.hurts.values())
    changed = {s.change.service for s in suspects if not s.vetoes}
    near = changed | {
        name for name, called in scene.case.calls.items() if changed.intersection(called)
    }
    roots = print_.roots & print_.hurts.keys()
    return {
        "none": 1.0,
        "nothing_seen": scene.absence if not anywhere and not differs else 0.0,
        "roots_unchanged": len(roots - near) / len(roots) if roots else 0.0,
        "many_roots": math.log(len(roots)) if roots else 0.0,
        "traffic": max(print_.traffic - 0.3, 0.0),
        "nobody_differs": 0.0 if differs else 1.0,
    }


def logit_of_none(sizes: Sizes) -> float:
    return math.fsum(NONE.get(scale, 0.0) * size for scale, size in sizes.items())


def _score(found: list[Difference]) -> float:
    return max((each.score for each in found), default=0.0)


# --- time ------------------------------------------------------------------------------------


def _weigh_time(suspect: Suspect, scene: Scene, found: list[Difference]) -> None:
    change, onset, detected = suspect.change, scene.onset, scene.case.detected_at
    if not math.isfinite(change.begins):
        suspect.veto("time", "was never exposed")
        return
    if change.begins > detected:
        late = change.begins - detected
        suspect.veto("time", f"exposed {late:.0f} s after the anomaly was detected")
        return
    if had_ended(scene, change):
        early = max(onset, detected - scene.case.lag_s) - change.ends()
        suspect.veto("time", f"exposure ended {early:.0f} s or more before the anomaly")
        return
    lead = scene.lead
    if lead is not None and began_before(lead, change.begins) and _score(found) < COHORT_MOST:
        early = change.begins - lead.onset
        suspect.veto("time", f"the anomaly began {early:.0f} s before the first exposure")
        return
    gap = _gap(scene, change)
    place, _ = _place(scene, change.service)
    sizes = {
        "time": 1.0,
        "soon": math.exp(-gap / SOON_S),
        "later": math.exp(-gap / LATER_S),
        # Where little else can speak, time does.
        f"soon.{place}{'' if found else '.uncompared'}": math.exp(-gap / (2 * SOON_S)),
    }
    suspect.add("time", f"exposure grew {gap:.0f} s before the anomaly began", sizes)


def _gap(scene: Scene, change: Change) -> float:
    return max(scene.onset - change.last_growth(scene.onset + scene.case.lag_s / 4), 0.0)


def had_ended(scene: Scene, change: Change) -> bool:
    """Its exposure was over, and what it may have left behind too, when the anomaly was there."""
    lag = scene.case.lag_s
    return change.ends() < max(scene.onset, scene.case.detected_at - lag) - lag


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


def _weigh_place(suspect: Suspect, scene: Scene, *, compared: bool) -> None:
    service = suspect.change.service
    place, summary = _place(scene, service)
    size = scene.absence if place in {"calm", "unreported"} else 1.0
    hurt = scene.footprint.hurts.get(service)
    kind = "seen_by_caller" if hurt and hurt.worse and hurt.seen_by else "own_symptom"
    suspect.add(kind, summary, {place if compared else f"{place}.uncompared": size})


def _weigh_dose(suspect: Suspect, scene: Scene, *, compared: bool) -> None:
    near = suspect.change.service in scene.distance or "caller" in suspect.sizes
    if suspect.vetoes or not near or not scene.hurting:
        return
    score = dose(scene.hurting, suspect.change, scene.onset)
    follows = "follows" if score > -1 else "does not follow"
    summary = f"{scene.hurting[0].metric} of {scene.hurting[0].service} {follows} its exposure"
    suspect.add("dose", summary, {"dose" if compared else "dose.uncompared": score})


def _place(scene: Scene, service: str) -> tuple[str, str]:
    """Where the service lies in the footprint, and the sentence."""
    found, hurt = scene.footprint, scene.footprint.hurts.get(service)
    if hurt is not None and hurt.worse:
        return _place_of_hurt(found, service, hurt)
    callees = scene.case.calls.get(service, ())
    callers = sorted(root for root in found.roots if service in scene.case.calls.get(root, ()))
    if callers:
        return "under_root", f"{callers[0]}, which calls {service}, hurts for no other reason"
    if found.roots.intersection(callees):
        return "over_root", f"{service} calls what hurts"
    if hurt is None:
        return "unreported", f"nothing is reported of {service}"
    return "calm", f"no metric of {service} moved"


def _place_of_hurt(found: Footprint, service: str, hurt: Hurt) -> tuple[str, str]:
    seen = f"{hurt.metric} of {service} moved too"
    if hurt.seen_by:
        seen = f"{hurt.seen_by} has trouble calling {service}"
    if service in found.roots:
        return "root", f"{seen}, and nothing that it calls explains it"
    if service in found.path:
        return "path", f"{seen}, and so did something that it calls"
    return "elsewhere", f"{seen}, but not on the calls from where it was noticed"


# --- cohorts ---------------------------------------------------------------------------------


def _weigh_cohorts(
    suspect: Suspect, scene: Scene, found: list[Difference], scores: Mapping[str, float]
) -> None:
    if not found and comparing(scene.case, suspect.change):
        summary = "canary and control have hardly reported yet: a few intervals will tell"
        suspect.add("cohorts", summary, {"too_early": 1.0})
        return
    if not found:
        summary = "no canary and control to compare: time and calls decide"
        suspect.add("cohorts", summary, {"uncompared": 1.0})
        return
    if scores[suspect.change.id] > 0:
        _weigh_differences(suspect, scene, found)
        _explain_away(suspect, scene, scores)
        return
    shared = [each for each in found if each.shared]
    if shared:
        summary = f"control is hit as much: {shared[0].summary}"
        suspect.vetoes.append(summary)
        suspect.add("equal_in_control", summary, {"shared": 1.0})
    elif any(each.cleared for each in found):
        summary = f"canary is no worse than control: {found[0].summary}"
        power = max(each.power for each in found if each.cleared)
        suspect.add("equal_in_control", summary, {"cleared": 1.0, "cleared.power": power})
    else:
        summary = f"canary and control do not clearly differ: {found[0].summary}"
        suspect.add("cohorts", summary, {"unclear": 1.0})


def _weigh_differences(suspect: Suspect, scene: Scene, found: list[Difference]) -> None:
    """The first of them says that there is one, whatever the metric."""
    worse = [each for each in found if each.score > 0]
    silent = next((each for each in worse if each.silent), None)
    first = {"worse": 1.0}
    if silent:
        size = min(silent.score, COHORT_MOST)
        suspect.add("silence", silent.summary, {"silence": size, "silent": 1.0, **first})
        first = {}
    telling = next((each for each in worse if each.telling and not each.silent), None)
    other = next((each for each in worse if not each.telling and not each.silent), None)
    hit = scene.footprint.worse(suspect.change.service)
    for each, name in ((telling, "telling"), (other, "other")):
        if each is None:
            continue
        size = min(each.score, COHORT_MOST)
        sizes = {f"{name}.stale" if each.stale else name: size}
        if name == "telling" and not each.stale:
            sizes |= {"differs": 1.0, "telling.hit": size * hit}
        sizes |= first
        first = {}
        if name == "other" and not each.stale:
            calls = scene.case.calls.get(suspect.change.service, ())
            sizes |= {"other.over_root": size * bool(scene.footprint.roots.intersection(calls))}
        suspect.add("canary_against_control", each.summary, sizes)


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
        suspect.add("explained_by_callee", summary, {"explained": taken})
