"""What a platform asks: does the process answer (healthz), can Graygate do its work (readyz)."""

from dataclasses import asdict, dataclass

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import OuterRef, Subquery
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from attribution.clock import database_now
from attribution.models import Sample, Service
from controlplane.celery import app
from rollout import restored
from rollout.machine import FINAL_PHASES
from rollout.models import Placement

BROKER_TIMEOUT_S = 2
# A placement is due each interval; one that nobody took for so long says that the loop stands.
LATE_S = 60.0


@dataclass(frozen=True)
class Check:
    """`required` and not ok: red. The others are told and change nothing."""

    name: str
    ok: bool
    detail: str = ""
    required: bool = True


@require_safe
def healthz(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
def readyz(_request: HttpRequest) -> JsonResponse:
    checks = run_checks()
    red = [check.name for check in checks if check.required and not check.ok]
    body = {"status": "red" if red else "green", "checks": [asdict(check) for check in checks]}
    return JsonResponse(body, status=503 if red else 200, headers={"Cache-Control": "no-store"})


def run_checks() -> list[Check]:
    """Nothing behind an unreachable database can be asked: it alone is reported then."""
    try:
        return [_database(), _migrations(), _broker(), _sources(), _loop(), _restored()]
    except DatabaseError as error:
        detail = f"unreachable ({type(error).__name__}); retried with the next request"
        return [Check("database", ok=False, detail=detail), _broker()]


def _database() -> Check:
    connection.ensure_connection()
    database_now()
    return Check("database", ok=True)


def _migrations() -> Check:
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    detail = f"{len(missing)} not applied: run `python manage.py migrate`" if missing else ""
    return Check("migrations", ok=not missing, detail=detail)


def _broker() -> Check:
    try:
        with app.connection_for_write(connect_timeout=BROKER_TIMEOUT_S) as broker:
            broker.ensure_connection(max_retries=1, timeout=BROKER_TIMEOUT_S)
    except Exception as error:  # noqa: BLE001 - each transport has its own; any means "no"
        return Check("broker", ok=False, detail=f"unreachable ({type(error).__name__})")
    return Check("broker", ok=True)


def _sources() -> Check:
    """Only services that a rollout is judged on now: an idle one may be down without harm."""
    newest = Sample.objects.filter(service=OuterRef("pk")).order_by("-at")
    guarded = Placement.objects.exclude(rollout__phase__in=FINAL_PHASES).values("service")
    read = Service.objects.filter(name__in=guarded).values_list(
        "name", Subquery(newest.values("error")[:1]), Subquery(newest.values("warnings")[:1])
    )
    lost = [name for name, error, _warnings in read if error]
    remarks = [name for name, error, warnings in read if warnings and not error]
    told = [f"metrics cannot be read from: {', '.join(lost)}"] if lost else []
    told += [f"the source warns about: {', '.join(remarks)}"] if remarks else []
    return Check("sources", ok=not lost, detail="; ".join(told))


def _loop() -> Check:
    late = overdue_seconds()
    detail = f"the oldest due placement waits for {late:.0f} s: is a worker running?"
    ok = late < LATE_S
    return Check("loop", ok=ok, detail="" if ok else detail, required=False)


def _restored() -> Check:
    freeze = restored.in_force()
    detail = f"nothing grows: {freeze.reason}" if freeze else ""
    return Check("restored", ok=freeze is None, detail=detail, required=False)


def overdue_seconds() -> float:
    """How long the placement that is most overdue has been waiting; 0: none is."""
    due = Placement.objects.exclude(rollout__phase__in=FINAL_PHASES).order_by("due_at")
    first = due.values_list("due_at", flat=True).first()
    return max(0.0, (database_now() - first).total_seconds()) if first else 0.0
