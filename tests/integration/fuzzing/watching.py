"""What must hold whatever was sent: an answer, nothing half-written, nothing that trips later."""

import gc
import json
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.core.management import call_command
from django.db import connection, transaction
from django.http import HttpResponse

from attribution import collect, findings, unmanaged
from attribution.clock import database_now
from controlplane.configuration.exporting import files_of
from controlplane.configuration.items import items_of
from controlplane.configuration.stored import read_stored
from controlplane.intake import advance_changes
from controlplane.notify.deliver import deliver_due
from controlplane.notify.dispatch import dispatch
from controlplane.notify.showing import show_due
from rollout.audit import audit

LISTS = (
    "changes", "rollouts", "services", "guardrails", "policies", "freezes", "silences", "anomalies",
    "ledger?verify=1", "precision", "shadow", "standardisation",
)  # fmt: skip
PAGES = ("/", "/live/", "/anomalies/", "/shadow/", "/practice/", "/metrics")
# Each use of a token is noted; a session is its own; a key is claimed before anything is tried.
NOT_COUNTED = {"controlplane_apitoken", "auth_user", "django_session"}


@contextmanager
def undone() -> Iterator[None]:
    """Whatever happens inside has not happened afterwards."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def tables() -> list[str]:
    found = {model._meta.db_table for model in apps.get_models(include_auto_created=True)}
    return sorted(found - NOT_COUNTED)


def content() -> dict[str, str]:
    """Table → a digest of its rows: half a row is as bad as one more."""
    parts = [
        f"SELECT '{name}', md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) "  # noqa: S608
        f'FROM "{name}" t'
        for name in tables()
    ]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts))
        return dict(cursor.fetchall())


class Failures(logging.Handler):
    """Log lines that carry a traceback, or say that something failed."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(logging.Formatter("%(name)s %(message)s").format(record))


@contextmanager
def logged() -> Iterator[list[str]]:
    handler = Failures()
    logging.getLogger().addHandler(handler)
    try:
        yield handler.lines
    finally:
        logging.getLogger().removeHandler(handler)


def problem_with(answer: HttpResponse, lines: list[str]) -> str:
    """What is wrong with an answer; empty: nothing."""
    if lines:
        return "\n".join(lines)[-1500:]
    if answer.status_code >= 500:
        return f"{answer.status_code} {answer.content[:300]!r}"
    if answer.status_code < 400:
        return ""
    if answer["Content-Type"] != "application/problem+json":
        return f"{answer.status_code} {answer['Content-Type']} {answer.content[:100]!r}"
    told = json.loads(answer.content)
    if len(answer.content) > 20_000:
        return f"an answer of {len(answer.content)} bytes"
    missing = {"type", "title", "status", "detail", "instance"} - told.keys()
    return f"the problem lacks {missing}" if missing else ""


@dataclass
class Afterwards:
    """What reads what was stored: every list and page, the loop, the export."""

    api: Any
    browser: Any
    walk: Any
    found: list[str] = field(default_factory=list)

    def near(self, where: str) -> list[str]:
        """What was written, its list and its page."""
        self.found = []
        word, name, *_ = [*where.split("/"), ""]
        paths = {where, word, f"{word}/{name}"} if name else {where}
        self._read(one for one in paths if one.partition("/")[0] in LISTS and one.count("/") < 2)
        self._browse([f"/{word}/{name}/"] if word in {"changes", "anomalies"} and name else ["/"])
        return self.found

    def everything(self) -> list[str]:
        self.found = []
        self._read(LISTS)
        self._browse([*PAGES, *self._pages()])
        self._loop()
        self._look("export", self._export)
        return self.found

    def _read(self, paths: Iterable[str]) -> None:
        for path in paths:
            self._look(f"GET {path}", lambda path=path: self.api.get(path))

    def _browse(self, paths: Iterable[str]) -> None:
        for path in paths:
            self._look(f"page {path}", lambda path=path: self.browser.get(path))

    def _look(self, what: str, look: Any) -> None:
        with logged() as lines:
            try:
                answer = look()
            except Exception as error:  # noqa: BLE001 - that is what is looked for
                self.found.append(f"{what}: {type(error).__name__}: {str(error)[:500]}")
                return
        if lines or getattr(answer, "status_code", 200) >= 500:
            self.found.append(f"{what}: {answer} {lines}"[:1500])

    def _pages(self) -> Iterator[str]:
        for change in self.api.get("changes").json()["results"]:
            yield f"/changes/{change['id']}/"
            yield f"/changes/{change['id']}/artefact/"
        for anomaly in self.api.get("anomalies").json()["results"]:
            yield f"/anomalies/{anomaly['id']}/"

    def _loop(self) -> None:
        for what in (
            advance_changes, self.walk.tick, collect.collect_due, findings.attribute_due,
            unmanaged.look_due, audit, dispatch, deliver_due, show_due, advance_changes,
            self.walk.wait,
        ):  # fmt: skip
            name = getattr(what, "__name__", str(what))
            self._look(f"loop {name}", what)

    def _export(self) -> None:
        """What is exported is what `apply` reads."""
        texts = files_of(read_stored(), database_now())
        items_of((str(path), text) for path, text in texts.items())
        call_command("docs", "--check")
        gc.collect(0)


def told(troubles: dict[str, list[str]]) -> str:
    return "\n".join(f"{where}: {'; '.join(some)}"[:1500] for where, some in troubles.items())
