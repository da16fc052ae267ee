"""What speaks for and against one way in which one change may have done it. PURE."""

import math

from attribution.attribute_case import Change
from attribution.cohorts import control_rise
from attribution.footprint import WORSE
from attribution.pieces import Piece, Suspect
from attribution.scene import Scene
from attribution.ways import Way, victims

SOON_S, LATER_S = 60.0, 600.0
MOST_LOAD = 1.5
JUDGED_BY_CONTROL = (Way.CANARY, Way.WHOLE, Way.SHARED)


def weigh_way(suspect: Suspect, scene: Scene, way: Way) -> None:
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
    for piece in (_follows(scene, change, hurt, way), _control(scene, change, way)):
        if piece is not None:
            add(piece)


def _place(scene: Scene, service: str, hurt: tuple[str, ...], way: Way) -> Piece:
    """Where the victims lie in the footprint."""
    found = scene.footprint
    known = [each for each in hurt if each in found.hurts]
    worse = [each for each in known if found.worse(each)]
    sizes = {"place": 1.0}
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
        return Piece(
            "place", f"{_seen(scene, first)}, and so did something below", sizes | {"path": 1.0}
        )
    if worse:
        summary = f"{_seen(scene, worse[0])}, but not on the calls from where it was noticed"
        return Piece("place", summary, sizes | {"elsewhere": 1.0})
    if noticed:
        return Piece("place", _seen(scene, min(noticed)), sizes | {"noticed": 1.0})
    name = {Way.CALLERS: f"who calls {service}", Way.CALLEES: f"what {service} calls"}.get(
        way, service
    )
    if not known:
        return Piece(
            "place", f"nothing is reported of {name}", sizes | {"unreported": scene.absence}
        )
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


def _follows(scene: Scene, change: Change, hurt: tuple[str, ...], way: Way) -> Piece | None:
    """Of what would hurt, or where that is calm, of what was noticed."""
    hurting = scene.hurting(hurt)
    shown = hurting or scene.noticed
    if not shown:
        return None
    spread = way in (Way.SHARED, Way.CALLEES)
    score = scene.dose(shown, change, scene.onset_of(hurt), spread=spread)
    follows = "follows" if score > -1 else "does not follow"
    summary = f"{shown[0].metric} of {shown[0].service} {follows} its exposure"
    return Piece("dose", summary, {"dose" if hurting else "dose.noticed": score})


def _control(scene: Scene, change: Change, way: Way) -> Piece | None:
    """How much of the rise of the whole its control shows too."""
    service = change.service
    if way not in JUDGED_BY_CONTROL or not scene.footprint.worse(service):
        return None
    hurt = scene.footprint.hurts[service]
    ratio = control_rise(scene.case.about(change), hurt.series, scene.onset_of([service]))
    if ratio is None:
        return None
    summary = f"its control shows {min(max(ratio, 0.0), 1.0):.0%} of the rise of {hurt.metric}"
    return Piece("control_rise", summary, {"control": ratio, "control.known": 1.0})


def _time(scene: Scene, change: Change, hurt: tuple[str, ...]) -> Piece:
    onset = scene.onset_of(hurt)
    # The first bad point tells of the interval that it ends.
    gap = max(onset - change.last_growth(onset + scene.case.lag_s / 4), 0.0)
    beyond = max(gap - scene.step, 0.0)
    sizes = {
        "time": 1.0,
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
