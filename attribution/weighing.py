"""What speaks for and against each change of a case, piece by piece, each with its sentence. PURE.

A change can have done harm in several ways (`ways.py`), and each is weighed by itself. A piece of
evidence has a size (0 to about 1, of cohorts a score of 0 to 8) on one or more scales; the size
times the scale's weight for the way (`weights.py`) is its contribution in log-odds.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from attribution.attribute_case import Case, Change
from attribution.cohorts import Difference, comparing, control_rise, differences
from attribution.dose import dose
from attribution.footprint import WORSE
from attribution.scene import Scene
from attribution.symptoms import Symptom, began_before, reaches
from attribution.ways import Way, victims
from attribution.weights import CHANGE

VETO = -10.0
COHORT_MOST = 8.0
EXPLAINED = 0.9
SOON_S, LATER_S = 60.0, 600.0
MOST_STEPS = 6
MOST_LOAD = 1.5
# Whether a canary is as good as its control is no evidence on harm that both would do alike.
OF_CLEAN_CANARIES = frozenset(
    {"uncompared", "too_early", "unclear", "cleared", "cleared.power", "cleared.hurt"}
)
JUDGED_BY_THESE = (Way.CANARY, Way.WHOLE)
RISKS = {"low": -0.6, "medium": 0.0, "high": 0.6, "critical": 1.0}

Sizes = dict[str, float]


@dataclass(frozen=True)
class Piece:
    kind: str
    summary: str
    sizes: Sizes

    def weight(self, way: Way) -> float:
        return math.fsum(CHANGE[way].get(scale, 0.0) * size for scale, size in self.sizes.items())


@dataclass
class Suspect:
    """One change and all that speaks for and against it, the ways in which it may have done it."""

    change: Change
    common: list[Piece] = field(default_factory=list)
    by_way: dict[Way, list[Piece]] = field(default_factory=lambda: {way: [] for way in Way})
    vetoes: list[Piece] = field(default_factory=list)
    # Why it must not be taken back yet, however likely it is.
    not_yet: list[str] = field(default_factory=list)

    def add(self, kind: str, summary: str, sizes: Sizes) -> None:
        self.common.append(Piece(kind, summary, sizes))

    def veto(self, kind: str, summary: str) -> None:
        self.vetoes.append(Piece(kind, summary, {}))

    def pieces(self, way: Way) -> list[Piece]:
        return [*self.common, *self.by_way[way]]

    def sizes(self, way: Way) -> Sizes:
        found: Sizes = {"way": 1.0}
        for piece in self.pieces(way):
            for scale, size in piece.sizes.items():
                if way in JUDGED_BY_THESE or scale not in OF_CLEAN_CANARIES:
                    found[scale] = found.get(scale, 0.0) + size
        return found

    def prior(self, way: Way) -> float:
        return CHANGE[way].get("way", 0.0)

    def logit(self, way: Way) -> float:
        own = self.prior(way) + VETO * bool(self.vetoes)
        return math.fsum([own, *(piece.weight(way) for piece in self.pieces(way))])


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
        _veto_by_time(suspect, scene, scores[change.id])
        _weigh_calls(suspect, scene)
        _weigh_cohorts(suspect, scene, found[change.id], scores)
        if change.risk in RISKS:
            suspect.add("risk", f"assessed as {change.risk}", {"risk": RISKS[change.risk]})
        for way in Way:
            _weigh_way(suspect, scene, way)
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


# --- by way: whom it would hurt, and whether these hurt as they would --------------------------


def _weigh_way(suspect: Suspect, scene: Scene, way: Way) -> None:
    change = suspect.change
    hurt = victims(scene, change.service, way)
    add = suspect.by_way[way].append
    add(_place(scene, change.service, hurt, way))
    if suspect.vetoes:
        return
    unexplained = scene.unexplained(hurt)
    if unexplained:
        worst = min(unexplained, key=lambda name: (-unexplained[name], name))
        sizes = {"unexplained": unexplained[worst], "unexplained.many": math.log(len(unexplained))}
        add(Piece("unexplained", f"{_seen(scene, worst)}, which this does not explain", sizes))
    add(_time(scene, change, hurt))
    add(_follows(scene, change, hurt, way))
    if way in (Way.CANARY, Way.WHOLE, Way.SHARED):
        add(_control(scene, change))


def _place(scene: Scene, service: str, hurt: tuple[str, ...], way: Way) -> Piece:
    """Where the victims lie in the footprint."""
    found = scene.footprint
    known = [each for each in hurt if each in found.hurts]
    worse = [each for each in known if found.worse(each)]
    sizes = {}
    if way in (Way.CALLERS, Way.CALLEES):
        sizes["self_worse"] = float(found.worse(service))
        sizes["hit"] = len(worse) / len(known) if known else 0.0
    if way is Way.CALLEES:
        sizes["load"] = max((_load(scene, each) for each in worse), default=0.0)
    noticed = found.roots.intersection(hurt)
    roots = {each for each in noticed if found.worse(each)}
    if roots:
        sizes |= {"root": 1.0, "coverage": len(roots) / len(found.roots)}
        return Piece("place", f"{_seen(scene, min(roots))}, and nothing below explains it", sizes)
    if found.path.intersection(worse):
        first = min(found.path.intersection(worse))
        return Piece("place", f"{_seen(scene, first)}, and so did something below", sizes | {"path": 1.0})
    if worse:
        summary = f"{_seen(scene, worse[0])}, but not on the calls from where it was noticed"
        return Piece("place", summary, sizes | {"elsewhere": 1.0})
    if noticed:
        return Piece("place", _seen(scene, min(noticed)), sizes | {"noticed": 1.0})
    name = {Way.CALLERS: f"who calls {service}", Way.CALLEES: f"what {service} calls"}.get(way, service)
    if not known:
        return Piece("place", f"nothing is reported of {name}", sizes | {"unreported": scene.absence})
    faint = max(found.hurts[each].z for each in known) / WORSE
    sizes |= {"calm": scene.absence, "faint": min(max(faint, 0.0), 1.0)}
    return Piece("place", f"no metric of {name} moved", sizes)


def _seen(scene: Scene, service: str) -> str:
    hurt = scene.footprint.hurts.get(service)
    if hurt is None or not hurt.worse:
        return f"it was noticed on {service}"
    if hurt.seen_by:
        return f"{hurt.seen_by} has trouble calling {service}"
    return f"{hurt.metric} of {service} moved"


def _load(scene: Scene, service: str) -> float:
    """How many times more requests it gets than before, beyond what most services do; log."""
    own = scene.footprint.traffic_of.get(service, 0.0)
    return min(max(own - scene.footprint.traffic, 0.0), MOST_LOAD)


def _follows(scene: Scene, change: Change, hurt: tuple[str, ...], way: Way) -> Piece:
    """Of what would hurt, or where that is calm, of what was noticed."""
    hurting = scene.hurting(hurt)
    shown = hurting or scene.noticed()
    if not shown:
        return Piece("dose", "nothing is measured that could follow its exposure", {})
    spread = way in (Way.SHARED, Way.CALLEES)
    score = dose(shown, change, scene.onset_of(hurt), spread=spread)
    follows = "follows" if score > -1 else "does not follow"
    summary = f"{shown[0].metric} of {shown[0].service} {follows} its exposure"
    return Piece("dose", summary, {"dose" if hurting else "dose.noticed": score})


def _control(scene: Scene, change: Change) -> Piece:
    """How much of the rise of the whole its control shows too."""
    hurt = scene.footprint.hurts.get(change.service)
    ratio = None
    if hurt is not None and hurt.worse:
        ratio = control_rise(scene.case.about(change), hurt.series, scene.onset_of([change.service]))
    if ratio is None:
        return Piece("control_rise", "its control's part in it is not known", {})
    summary = f"its control shows {min(max(ratio, 0.0), 1.0):.0%} of the rise of {hurt.metric}"
    return Piece("control_rise", summary, {"control": ratio, "control.known": 1.0})


def _time(scene: Scene, change: Change, hurt: tuple[str, ...]) -> Piece:
    onset = scene.onset_of(hurt)
    # The first bad point tells of the interval that it ends.
    gap = max(onset - change.last_growth(onset + scene.case.lag_s / 4), 0.0)
    beyond = max(gap - scene.step, 0.0)
    sizes = {
        "at_once": math.exp(-beyond / scene.step),
        "soon": math.exp(-gap / SOON_S),
        "soon2": math.exp(-gap / (2 * SOON_S)),
        "later": math.exp(-gap / LATER_S),
    }
    strength = scene.strength(hurt)
    if strength:  # the clearer the trouble, the surer is when it began
        sizes |= {"strength": strength, "at_once.strength": sizes["at_once"] * strength}
        sizes |= {"soon.strength": sizes["soon"] * strength}
    return Piece("time", f"exposure grew {gap:.0f} s before the anomaly began", sizes)


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
