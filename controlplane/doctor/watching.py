"""Each guardrail of each service: is its query understood, has it data for the control, how old?

Services of one server are asked together, as the collector does (attribution/sources): two
thousand of them take some dozens of requests. Of what has to be read service by service, some.
"""

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings

from attribution import exposures
from attribution.credentials import credentials
from attribution.errors import CaseError
from attribution.measured import Measured, measured_of
from attribution.models import Guardrail, Service
from attribution.sources.base import SharedSource, SourceError, source_named
from attribution.sources.batching import Raw
from attribution.sources.query_api import QueryApi, Server
from attribution.sources.querying import Outcome, ask
from attribution.sources.questions import Questions, questions
from attribution.sources.set_aside import SetAside
from attribution.versions import PREVIOUS, VERSION, filled, uses_versions
from attribution.watched import watched
from controlplane.doctor.base import Check, Finding, fail, ok, untested, warn
from controlplane.handover import HANDED_OUT
from controlplane.registered import executor_problems

# Of those that are read one by one.
MOST_ALONE = 50
# Lines of one kind; the rest is counted.
MOST_LINES = 20
READ_S = 25.0
# No rollout has said a version yet: whatever is not of this one is the control.
NO_VERSION = "graygate-doctor"
RUN_DISCOVER = "compare its query with what `discover` proposes"


@dataclass(frozen=True)
class Watched:
    """A service with its standing guardrails, the cohorts filled in as far as they can be."""

    service: Service
    metrics: Sequence[Measured]

    def queries(self) -> dict[str, str]:
        found = (one.queries() for one in self.metrics)
        return {key: text for each in found for key, text in each.items()}


def checks(most: int) -> list[Check]:
    """`most`: how many services are looked at; read from the database now."""
    return [Check("services", lambda: _services(most)), *_readings(most)]


def chosen(most: int) -> list[Service]:
    """All, or so many spread evenly over the names."""
    names = list(Service.objects.exclude(source={}).order_by("name").values_list("pk", flat=True))
    if len(names) > most:
        names = [names[index * len(names) // most] for index in range(most)]
    return list(Service.objects.filter(pk__in=names).order_by("name"))


# --- what stands in the rows -----------------------------------------------------------------


def _services(most: int) -> Iterator[Finding]:
    total, read = Service.objects.count(), Service.objects.exclude(source={}).count()
    yield ok("services", f"{total} registered, {read} with a source of metrics")
    if read > most:
        yield untested("services", f"{read - most} of {read} are not read: --services {read}")
    guarded = Guardrail.objects.filter(change_id=None).values("service")
    blind = Service.objects.exclude(pk__in=guarded)
    if count := blind.count():
        shown = ", ".join(blind.order_by("name").values_list("name", flat=True)[:5])
        repair = "give them some (`discover` proposes); without, a change is at most L2"
        yield warn("guardrails", f"{count} services have none: {shown}", repair)
    yield from _executors()


def _executors() -> Iterator[Finding]:
    """Validated, all of them; what a target shows is asked of the target (outside.py)."""
    lines = []
    for service in Service.objects.exclude(executor={}).order_by("name").iterator():
        given = service.executor
        try:
            problems = executor_problems(
                str(given.get("name")), dict(given.get("config") or {}), "/executor/config"
            )
        except (LookupError, CaseError) as problem:
            problems = [str(problem)]
        if problems:
            repair = f"PUT services/{service.name} with an executor of the operator's file"
            lines.append(fail(f"executor of {service.name}", "; ".join(problems)[:300], repair))
    yield from _few(lines, "executors")
    # What is only observed or gated is carried out by others.
    acting = Service.objects.exclude(control_level__in=HANDED_OUT)
    without = acting.filter(executor={}).count()
    if without:
        repair = "give them one, or let each change name it"
        yield warn("executors", f"{without} services have none of their own", repair)
    elif not lines:
        yield ok("executors", "all valid")


# --- what the sources show -------------------------------------------------------------------


def _readings(most: int) -> list[Check]:
    services = chosen(most)
    every = _watched(services)
    shared: dict[str, list[Watched]] = defaultdict(list)
    alone: list[Watched] = []
    for one in every:
        name = str(one.service.source.get("name"))
        server = str((one.service.source.get("config") or {}).get("server"))
        (shared[server] if name == "prometheus" else alone).append(one)
    made = [
        Check(f"guardrails on {server}", lambda s=server, w=some: _of_server(s, w))  # type: ignore[misc]
        for server, some in sorted(shared.items())
    ]
    made += [
        Check(f"guardrails of {one.service.name}", lambda w=one: _alone(w))  # type: ignore[misc]
        for one in alone[:MOST_ALONE]
    ]
    if rest := len(alone) - MOST_ALONE:
        told = untested("guardrails", f"{rest} services that are read one by one were left out")
        made += [Check("guardrails", lambda: [told])] if rest > 0 else []
    return made


def _watched(services: Sequence[Service]) -> list[Watched]:
    rows = Guardrail.objects.filter(service__in=services, change_id=None)
    standing = set(rows.values_list("service_id", "name"))
    every = measured_of(services, ("ratio", "value", "distribution"))
    return [
        Watched(
            service,
            [
                replace(one, cohorts=_cohorts(service))
                for one in every[service.name]
                if (service.pk, one.name) in standing
            ],
        )
        for service in services
    ]


def _cohorts(service: Service) -> dict[str, str]:
    known = watched(service)
    versions = {"version": known.get("version") or NO_VERSION}
    return filled(service.cohorts, {**known, **versions})


def _of_server(name: str, watched_: Sequence[Watched]) -> Iterator[Finding]:
    label = f"guardrails on {name}"
    entry = settings.OPERATOR.sources.get(name)
    if not isinstance(entry, Mapping):
        repair = f"add {name!r} to `sources` of the operator's file"
        yield fail(label, f"{len(watched_)} services name a source that is not there", repair)
        return
    try:
        server = Server(name, str(entry["url"]), credentials(entry))
    except (ValueError, KeyError) as problem:
        yield fail(label, str(problem), f"mend `sources.{name}` of the operator's file")
        return
    at = time.time()
    interval_s = settings.GRAYGATE_INTERVAL_S
    asked = [questions(one.queries(), interval_s) for one in watched_]
    parts = (part for one in asked for part in one.parts())
    outcome = ask(QueryApi(server, at, READ_S), parts, SetAside())
    lines = [
        line
        for one, given in zip(watched_, asked, strict=True)
        for line in _of_service(one, given, outcome, at)
    ]
    count = sum(len(one.metrics) for one in watched_)
    yield from _told(label, lines, f"{count} guardrails of {len(watched_)} services have data")


def _told(label: str, lines: list[Finding], fine: str) -> Iterator[Finding]:
    if not lines:
        yield ok(label, fine)
    yield from _few(lines, label)


def _few(lines: Sequence[Finding], label: str) -> Iterator[Finding]:
    yield from lines[:MOST_LINES]
    if len(lines) > MOST_LINES:
        rest = f"{len(lines) - MOST_LINES} more like these"
        yield fail(label, rest, "mend the first ones, and run it again")


def _of_service(one: Watched, asked: Questions, outcome: Outcome, at: float) -> Iterator[Finding]:
    for metric in one.metrics:
        if found := _of_metric(one, metric, asked, outcome, at):
            yield found


def _of_metric(
    one: Watched, metric: Measured, asked: Questions, outcome: Outcome, at: float
) -> Finding | None:
    """None: it is fine."""
    label = f"guardrail {metric.name} of {one.service.name}"
    if bad := _misread(metric, asked, outcome):
        return fail(label, bad, f"mend its query: PUT guardrails/{metric.name}")
    seen = {each.key: outcome.found.get(each.asked, []) for each in asked.readable}
    parts = _telling(metric)
    counts = {
        cohort: max(len(seen.get(f"{metric.name}|{cohort}|{part}", ())) for part in parts)
        for cohort in ("all", "control", "canary")
    }
    if not counts["all"]:
        return fail(label, "no series fits its query", RUN_DISCOVER)
    if "control" not in metric.cohorts:
        return _no_cohorts(label, one.service)
    if not counts["control"]:
        repair = f"PUT services/{one.service.name} with `cohorts.control` that fits its labels"
        return fail(label, f"no series for the control: {metric.cohorts['control']}", repair)
    if not counts["canary"] and _is_exposed(one.service):
        repair = f"does the label say the version that the change names? {RUN_DISCOVER}"
        return warn(label, f"exposed, but no series for {metric.cohorts.get('canary')}", repair)
    return _age(label, metric, asked, outcome, at)


def _telling(metric: Measured) -> list[str]:
    """The parts that are always there: of events there may be none."""
    return [part for part in metric.asked if part != "events"]


def _misread(metric: Measured, asked: Questions, outcome: Outcome) -> str:
    told = [why for key, why in asked.unreadable.items() if key.startswith(f"{metric.name}|")]
    mine = [each.asked for each in asked.readable if each.metric == metric.name]
    told += [outcome.refused.get(one) or outcome.failed.get(one) or "" for one in mine]
    return next(filter(None, told), "")


def _no_cohorts(label: str, service: Service) -> Finding:
    if uses_versions(service.cohorts):
        return untested(label, f"{PREVIOUS} is known when a change has named {VERSION}'s `before`")
    repair = f"PUT services/{service.name} with `cohorts`; `discover` proposes some"
    return fail(label, "its service has no cohorts: nothing is compared", repair)


def _is_exposed(service: Service) -> bool:
    return any(share > 0 for _change, share, _units in exposures.current(service.name))


def _age(
    label: str, metric: Measured, asked: Questions, outcome: Outcome, at: float
) -> Finding | None:
    times = [
        found.at
        for each in asked.readable
        if each.metric == metric.name and isinstance(each.asked, Raw)
        for found in outcome.found.get(each.asked, ())
    ]
    old = at - max(times) if times else 0.0
    if old <= max(4 * settings.GRAYGATE_INTERVAL_S, 10.0):
        return None
    return warn(label, f"its newest sample is {old:.0f} s old", "is it scraped? See `up` there")


def _alone(one: Watched) -> Iterator[Finding]:
    """A source that is read service by service: twice, since a first look tells no growth."""
    label = f"guardrails of {one.service.name}"
    config: Mapping[str, Any] = one.service.source.get("config") or {}
    try:
        source = source_named(str(one.service.source.get("name")))
        kinds = source.kinds if isinstance(source, SharedSource) else ("ratio",)
        queries = Watched(one.service, [m for m in one.metrics if m.kind in kinds]).queries()
        first = source.read(config, queries, {})
        second = source.read(config, queries, first.state)
    except CaseError as problem:
        repair = f"PUT services/{one.service.name} with a source that is right"
        yield fail(label, f"{problem.detail} ({problem.pointer})", repair)
        return
    except SourceError as problem:
        yield fail(label, str(problem), "is it running, and may this host reach it?")
        return
    told = {**second.increments, **second.values}
    lines = [
        fail(f"guardrail {metric.name} of {one.service.name}", "no data for the control", repair)
        for metric in one.metrics
        for repair in [f"do query and `cohorts.control` fit the labels? {RUN_DISCOVER}"]
        if any(told.get(f"{metric.name}|control|{part}") is None for part in _telling(metric))
    ]
    yield from _told(label, lines, f"{len(one.metrics)} guardrails have data")
