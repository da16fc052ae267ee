"""What must have come of a round, read back from Graygate's API and from production itself."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from demo.cast import Round
from demo.fleet.faults import LATENCY
from demo.infrastructure import Edge, Json, OnCall, World
from demo.played import AGAINST, Played, culprit_of, section_of

# Seconds: what is promised, from the first bad response that the generator itself counted.
ZERO_WITHIN_S = 60.0
FIRST_ROLLBACK_WITHIN_S = 90.0
# An answer that was under way when exposure went to zero may still come in.
IN_FLIGHT_S = 6.0
RECOVERED_BELOW = 0.03
FEWEST_REQUESTS = 200
# As the webhooks name it, and as Alertmanager does.
ALARMING = frozenset({"halted", "rolling_back", "rolled_back", "rollback_failed"}) | frozenset(
    {"GraygateRolloutHalted", "GraygateRolledBack", "GraygateRollbackFailed"}
)


HALTED = frozenset({"halted", "GraygateRolloutHalted"})


@dataclass(frozen=True)
class Check:
    what: str
    holds: bool
    seen: str


def checks(scene: Round, played: Sequence[Played], world: World) -> Iterator[Check]:
    for each in played:
        if each.actor.role == "culprit":
            yield from culprit_checks(scene, each, world)
        else:
            yield from sound_checks(each, world, scene.forgiven)
    if scene.culprit is None:
        yield no_alarm(played, world)


def culprit_checks(scene: Round, it: Played, world: World) -> Iterator[Check]:
    decision = str(it.decision.get("decision"))
    yield Check(f"{it.title}: API says rolled back", decision == "rolled_back", decision)
    report = world.production.report(section_of(scene))
    log = world.edge.exposure_log(it.actor.service, it.rollout.get("id", ""), report["started_at"])
    yield exposed_before(it, log)
    yield exposure_is(it, world.edge, 0.0)
    zero_at = zeroed_at(log)
    yield from timing(it, report, zero_at)
    slow = (scene.fault or {}).get("kind") == LATENCY
    yield recovery(it, report, zero_at, column=3 if slow else 2)
    for each in world.on_call:
        yield paged(it, each)
    if not it.actor.guarded:
        yield by_attribution(it)


def sound_checks(it: Played, world: World, forgiven: frozenset[str]) -> Iterator[Check]:
    decision = str(it.decision.get("decision"))
    yield Check(f"{it.title}: API says completed", decision == "completed", decision)
    yield exposure_is(it, world.edge, 1.0)
    against, seen = it.against(forgiven), ", ".join(it.against()) or "no such decision"
    never = "rolled back" if "halt" in forgiven else "halted"
    yield Check(f"{it.title}: never {never}", not against, seen)
    blamed = [word for word in alarms(it, world) if not ("halt" in forgiven and word in HALTED)]
    yield Check(f"{it.title}: never blamed", not blamed, ", ".join(blamed) or "no page about it")


def alarms(it: Played, world: World) -> list[str]:
    told = {word for each in world.on_call for word in each.told(it.change)}
    return sorted(ALARMING & told)


def paged(it: Played, by: OnCall) -> Check:
    told = ", ".join(by.told(it.change)) or "-"
    return Check(f"{it.title}: {by.name} was paged, and it resolved", by.resolved(it.change), told)


def exposure_is(it: Played, edge: Edge, wanted: float) -> Check:
    rollout = it.rollout.get("id")
    what = f"{it.title}: {edge.name} exposes {wanted:.0%}"
    if not rollout:
        return Check(what, holds=False, seen="there is no rollout")
    shown = edge.exposure(it.actor.service, rollout)
    return Check(what, shown == wanted, f"{shown:.0%}")


def exposed_before(it: Played, log: Sequence[Json]) -> Check:
    """Nothing was proved by taking back what nobody ever met."""
    most = max((entry["exposure"] for entry in log), default=0.0)
    return Check(f"{it.title}: it was exposed", most > 0, f"{most:.0%} at most")


def zeroed_at(log: Sequence[Json]) -> float | None:
    """The last change of the exposure, if that was to zero."""
    return log[-1]["at"] if log and log[-1]["exposure"] == 0 else None


def timing(it: Played, report: dict[str, Any], zero_at: float | None) -> Iterator[Check]:
    first, last = report["first_fault_at"], report["last_fault_at"]
    what = f"{it.title}: first bad response to zero exposure ≤ {ZERO_WITHIN_S:.0f} s"
    if first is None or zero_at is None:
        yield Check(what, holds=False, seen="no bad response" if first is None else "never zero")
        return
    yield Check(what, zero_at - first <= ZERO_WITHIN_S, f"{zero_at - first:.1f} s")
    late = last - zero_at
    yield Check(
        f"{it.title}: no bad response after that",
        late <= IN_FLIGHT_S,
        f"{report['faults']} bad in all, the last {abs(late):.1f} s "
        f"{'after' if late > 0 else 'before'} zero",
    )


def recovery(it: Played, report: dict[str, Any], zero_at: float | None, column: int) -> Check:
    """Errors (or slow answers: the fault's own kind) of all visitors, by the generator's count."""
    after = [w for w in report["windows"] if zero_at and w[0] > zero_at + IN_FLIGHT_S]
    requests = sum(window[1] for window in after)
    bad = sum(window[column] for window in after)
    share = bad / requests if requests else 1.0
    return Check(
        f"{it.title}: visitors are well again",
        requests >= FEWEST_REQUESTS and share < RECOVERED_BELOW,
        f"{share:.2%} {'slow' if column > 2 else 'errors'} of {requests}",
    )


def by_attribution(it: Played) -> Check:
    decisions = it.rollout.get("decisions", [])
    why = [r for d in decisions if d["decision"] in AGAINST for r in d["reasons"]]
    named = any("attribution" in reason for reason in why)
    suspects = it.rollout.get("suspects", [])
    first = suspects[0]["change"] == it.change if suspects else False
    seen = f"{why[0] if why else 'no decision'}; {'first' if first else 'not first'} of suspects"
    return Check(f"{it.title}: attribution alone named it", named and first, seen)


def no_alarm(played: Sequence[Played], world: World) -> Check:
    found = {word for each in played for word in alarms(each, world)}
    return Check("round three: nobody was paged", not found, ", ".join(found) or "no page")


def first_rollback(played: Sequence[Played], world: World, up_at: float) -> Check | None:
    culprit = culprit_of(played)
    if culprit is None:
        return None
    log = world.edge.exposure_log(culprit.actor.service, culprit.rollout.get("id", ""), up_at)
    what = f"services up to first rollback ≤ {FIRST_ROLLBACK_WITHIN_S:.0f} s"
    zero_at = zeroed_at(log)
    if zero_at is None:
        return Check(what, holds=False, seen="never")
    taken = zero_at - up_at
    return Check(what, taken <= FIRST_ROLLBACK_WITHIN_S, f"{taken:.1f} s")
