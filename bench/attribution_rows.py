"""From rows to suspects in a large fleet: `attribution_rows.py [SEED …]`, in a database of its own.

Writes 5,000 services with their calls, 10,000 changes under way and a quarter of an hour of samples
around a generated incident, as the collector and the executors write them; prints what a finding
takes: queries and milliseconds to gather the case, milliseconds to rank it.
"""

# ruff: noqa: E402 - models can be imported only when Django is set up

import os
import sys
import tempfile
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
FOLDER = tempfile.TemporaryDirectory()
os.environ |= {"DJANGO_SETTINGS_MODULE": "controlplane.settings", "GRAYGATE_VAR": FOLDER.name}

import django

django.setup()

from attribution_scale import AFTER_S, first, in_a_fleet
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from incidents import case, incident

from attribution.attribute import ranked
from attribution.attribute_case import read_case
from attribution.models import Anomaly, Exposure, Sample, Service
from attribution.neighbourhood import case_of

SERVICES, CHANGES = 5000, 10_000
EPOCH = 1.7e9
BACK_S = 900.0
SEEDS = (400_003, 400_010, 400_020)


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(EPOCH + seconds, tz=UTC)


def write(large: Mapping[str, Any]) -> dict[str, uuid.UUID]:
    """All rows of a case; the ids of its changes by their names."""
    shares = [s for s in large["series"] if "n" in s]
    told: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for each in shares:
        told[each["service"]].append(each)
    calls = {each["name"]: each["calls"] for each in large["services"]}
    names = sorted({*calls, *(c for each in calls.values() for c in each)})
    rows = [Service(name=name, telemetry=list(_telemetry(told[name]))) for name in names]
    services = {row.name: row for row in Service.objects.bulk_create(rows)}
    Service.calls.through.objects.bulk_create(
        Service.calls.through(from_service_id=services[name].pk, to_service_id=services[callee].pk)
        for name, callees in calls.items()
        for callee in callees
    )
    ids = {change["id"]: uuid.uuid4() for change in large["changes"]}
    Exposure.objects.bulk_create(
        Exposure(
            change_id=ids[change["id"]],
            service=services[change["service"]],
            at=at(step["at"]),
            share=step["share"],
            kind="deploy",
        )
        for change in large["changes"]
        for step in change["exposures"]
    )
    since = large["now"] - BACK_S
    for name in names:
        Sample.objects.bulk_create(_samples(services[name], told[name], since))
    return ids


def _telemetry(series: list[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for name, each in {_name(each): each for each in series}.items():
        spec = {"name": name, "kind": "ratio", "direction": each["direction"]}
        queries = {"events": "bad{$cohort}", "total": "all{$cohort}"}
        yield {**spec, **queries, **({"peer": each["peer"]} if each.get("peer") else {})}


def _name(series: Mapping[str, Any]) -> str:
    return f"{series['metric']}_to_{series['peer']}" if series.get("peer") else series["metric"]


def _samples(service: Service, series: list[Mapping[str, Any]], since: float) -> Iterator[Sample]:
    reads: dict[float, dict[str, dict[str, Any]]] = defaultdict(lambda: defaultdict(dict))
    for each in series:
        for t, v, n in zip(each["t"], each["v"], each["n"], strict=True):
            if t >= since and v is not None and n:
                reads[t][_name(each)][each["cohort"]] = [round(v * n), n]
    for t, values in sorted(reads.items()):
        yield Sample(service=service, at=at(t), values=values)


def look(seed: int) -> None:
    call_command("flush", interactive=False, verbosity=0)
    found = incident(seed)
    small = case(found, AFTER_S)
    settings.GRAYGATE_INTERVAL_S = small["interval_s"]
    ids = write(in_a_fleet(small, SERVICES, CHANGES, seed))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    anomaly = Anomaly.objects.create(
        service=Service.objects.get(name=small["symptom"]["service"]),
        origin=Anomaly.Origin.ALERT,
        key="bench",
        metric="errors",
        started_at=at(small["detected_at"]),
        detected_at=at(small["detected_at"]),
    )
    for _ in range(2):  # the first one fills the database's caches
        with CaptureQueriesContext(
            connection,
        ) as asked:
            began = time.perf_counter()
            gathered = case_of(anomaly, at(small["now"]))
            gathering = time.perf_counter() - began
    read = read_case(gathered)
    began = time.perf_counter()
    answer = ranked(read)
    ranking = time.perf_counter() - began
    names = {str(pk): name for name, pk in ids.items()}
    lead = first(answer)
    print(
        f"{small['id']}: culprit {small['culprit']}, first {names.get(lead or '', 'none')}; "
        f"{len(gathered['services'])} services, {len(gathered['changes'])} changes, "
        f"{len(gathered['series'])} series: {len(asked)} queries, {gathering * 1e3:.0f} ms "
        f"to gather, {ranking * 1e3:.0f} ms to rank",
        flush=True,
    )


def main() -> None:
    call_command("migrate", verbosity=0)
    for seed in map(int, sys.argv[1:] or SEEDS):
        look(int(seed))
    connection.close()


if __name__ == "__main__":
    main()
