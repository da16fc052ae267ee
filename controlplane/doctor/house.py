"""Graygate's own house: settings, database, clocks, broker, beat and workers."""

import time
from collections.abc import Iterator
from datetime import datetime

from django.apps import apps
from django.conf import settings
from django.core import checks
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from attribution.bounded_http import ExchangeError, exchange
from attribution.clock import database_now
from controlplane.bells import BELLS, STALE_AFTER_S, Bell
from controlplane.celery import app
from controlplane.doctor.base import Finding, fail, ok, warn
from controlplane.health import overdue_seconds
from controlplane.models import BellRecord

LEAST_SERVER = 150_000
BROKER_TIMEOUT_S = 3
WEB_TIMEOUT_S = 3.0
# Clocks that differ by more are worth a word; by more than a ring may be old, nothing is heard.
SKEW_S = 2.0
SILENT_S = 30.0
LATE_S = 60.0
NTP = "run NTP on both hosts"
TABLES = "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO the user"


def of_settings() -> Iterator[Finding]:
    """Messages of the system checks repeat neither addresses nor secrets."""
    messages = [each for each in checks.run_checks() if each.level >= checks.WARNING]
    for each in messages:
        name = f"settings {each.id or ''}".strip()
        made = fail if each.level >= checks.ERROR else warn
        yield made(name, str(each.msg), str(each.hint or "mend the setting, then run check"))
    if not messages:
        yield ok("settings", "no complaint")


def of_database() -> Iterator[Finding]:
    try:
        connection.ensure_connection()
        yield from _server()
        yield from _migrations()
        yield from _permissions()
        yield _clock()
    except DatabaseError as problem:
        yield fail(
            "database",
            f"unreachable ({type(problem).__name__})",
            "check DATABASE_URL: is the server running, do user and password fit?",
        )


def _server() -> Iterator[Finding]:
    version = connection.cursor().connection.info.server_version
    shown = f"PostgreSQL {version // 10_000}.{version % 10_000}"
    if version < LEAST_SERVER:
        yield fail("database", shown, "upgrade to PostgreSQL 15 or later")
    elif _asked("SELECT pg_is_in_recovery()"):
        yield fail("database", f"{shown}, a standby", "name the primary in DATABASE_URL")
    else:
        yield ok("database", shown)


def _migrations() -> Iterator[Finding]:
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        yield fail("migrations", f"{len(missing)} not applied", "python manage.py migrate")
    else:
        yield ok("migrations", "all applied")


def _permissions() -> Iterator[Finding]:
    tables = [model._meta.db_table for model in apps.get_models()]  # noqa: SLF001 - Django's way
    there = [table for table in tables if _asked("SELECT to_regclass(%s) IS NOT NULL", table)]
    may = "SELECT has_table_privilege(%s, 'SELECT') AND has_table_privilege(%s, 'INSERT')"
    lacking = [table for table in there if not _asked(may, table, table)]
    if lacking:
        shown = ", ".join(lacking[:5])
        yield fail("permissions", f"{len(lacking)} tables may not be written: {shown}", TABLES)
    else:
        yield ok("permissions", f"{len(there)} tables may be read and written")


def _asked(query: str, *given: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(query, given or None)
        return bool(cursor.fetchone()[0])


def _clock() -> Finding:
    before = time.time()
    now = database_now().timestamp()
    return skew("clock", now - (before + time.time()) / 2, "the database's", STALE_AFTER_S)


def skew(name: str, seconds: float, whose: str, most_s: float) -> Finding:
    """`seconds`: how far it is ahead of the other clock."""
    detail = f"{whose} differs by {abs(seconds):.1f} s"
    if abs(seconds) > most_s:
        return fail(name, detail, NTP)
    return warn(name, detail, NTP) if abs(seconds) > SKEW_S else ok(name, detail)


def of_broker() -> Iterator[Finding]:
    try:
        with app.connection_for_write(connect_timeout=BROKER_TIMEOUT_S) as broker:
            broker.ensure_connection(max_retries=1, timeout=BROKER_TIMEOUT_S)
    except Exception as problem:  # noqa: BLE001 - each transport has its own; any means "no"
        yield fail(
            "broker",
            f"unreachable ({type(problem).__name__})",
            "check CELERY_BROKER_URL: is the server running, do user and password fit?",
        )
    else:
        yield ok("broker", str(getattr(settings, "CELERY_BROKER_URL", "")).partition("://")[0])


def of_web() -> Iterator[Finding]:
    """Where alerts and decisions link to; perhaps it cannot be reached from here."""
    try:
        url = f"{settings.GRAYGATE_URL.rstrip('/')}/healthz"
        status, _content = exchange("GET", url, timeout_s=WEB_TIMEOUT_S)
        told = "" if status == 200 else f"answers with status {status}"
    except (ExchangeError, ValueError) as problem:
        told = f"cannot be reached from here ({problem})"
    if told:
        repair = "start a web process, or set GRAYGATE_URL to where people reach it"
        yield warn("web", f"GRAYGATE_URL {told}", repair)
    else:
        yield ok("web", "answers")


def of_bells() -> Iterator[Finding]:
    """Beat rings, workers answer: both write it down."""
    now = database_now()
    records = {row.name: row for row in BellRecord.objects.all()}
    late = {bell.name: _since(bell, records, now) for bell in BELLS}
    if not any(rung for rung, _ in late.values()):
        repair = "start it: celery -A controlplane.celery beat"
        yield fail("beat", "has not rung lately", repair)
    else:
        yield ok("beat", "rings")
    deaf = sorted({bell.queue for bell in BELLS if late[bell.name] == (True, False)})
    silent = all(not answered for _, answered in late.values())
    if deaf or silent:
        served = f" -Q {','.join(deaf)}" if deaf else ""
        detail = f"nobody answers {', '.join(deaf)}" if deaf else "nobody has answered lately"
        yield fail("workers", detail, f"start one: celery -A controlplane.celery worker{served}")
    else:
        yield ok("workers", "answer")
    waiting = overdue_seconds()
    if waiting > LATE_S:
        detail = f"the oldest due placement waits for {waiting:.0f} s"
        yield fail("loop", detail, "see the worker's log: what it works on hangs or fails")


def _since(bell: Bell, records: dict[str, BellRecord], now: datetime) -> tuple[bool, bool]:
    """Whether it rang, and whether it was answered, within the time that it should."""
    patience = max(3 * bell.every_s, SILENT_S, 3 * settings.GRAYGATE_INTERVAL_S)
    row = records.get(bell.name)
    times = (row.rung_at, row.answered_at) if row else (None, None)
    rung, answered = (at is not None and (now - at).total_seconds() < patience for at in times)
    return rung, answered
