"""What the operator's file names: metric sources, endpoints of alerts, targets of executors."""

import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import DatabaseError

from attribution.bounded_http import ExchangeError, exchange
from attribution.clock import database_now
from attribution.credentials import credentials
from attribution.sources.answers import AnswerError
from attribution.sources.query_api import QueryApi, RefusedError, Server, UnreadError
from controlplane.bells import STALE_AFTER_S
from controlplane.doctor.base import Check, Finding, fail, ok, untested, warn
from controlplane.doctor.house import skew
from rollout.executors.base import ExecutorError, Key, executor

TIMEOUT_S = 8.0
# A rollout that there never was: nothing is exposed to it.
NO_ROLLOUT = "00000000-0000-0000-0000-000000000000"
HERE = "is it running, and may this host reach it? Its `url` is in the operator's file"


def checks() -> list[Check]:
    operator = settings.OPERATOR
    return [
        *(_check(f"source {name}", _source, name, one) for name, one in operator.sources.items()),
        *(
            _check(f"endpoint {one.get('name')}", _endpoint, str(one.get("name")), one)
            for one in operator.webhooks
            if isinstance(one, Mapping)
        ),
        *(_check(f"target {name}", _target, name, one) for name, one in operator.targets.items()),
    ]


def _check(label: str, run: Any, name: str, entry: Any) -> Check:
    return Check(label, lambda: run(label, name, entry))


# --- sources ---------------------------------------------------------------------------------


def _source(label: str, name: str, entry: Mapping[str, Any]) -> Iterator[Finding]:
    try:
        server = Server(name, str(entry["url"]), credentials(entry))
        before = time.time()
        answer = QueryApi(server, None, TIMEOUT_S).answer("vector(time())")
        # As of the middle of the exchange, in the database's time.
        now = _now() - (time.time() - before) / 2
        told = float(answer.results[0]["value"][1])
    except (ValueError, KeyError, TypeError, IndexError) as problem:
        repair = f"mend `sources.{name}` of the operator's file; manage.py check says more"
        yield fail(label, str(problem)[:200], repair)
    except (RefusedError, UnreadError, AnswerError) as problem:
        yield fail(label, str(problem), _mended(str(problem), name))
    else:
        yield ok(label, "answers queries")
        yield skew(f"{label} clock", told - now, "its clock, from the database's,", STALE_AFTER_S)


def _now() -> float:
    try:
        return database_now().timestamp()
    except DatabaseError:
        return time.time()


def _mended(told: str, name: str) -> str:
    if "credentials" in told:
        return f"give `sources.{name}` a bearer_token_file, or username and password_file"
    if "no query API" in told or "no answer of a Prometheus" in told:
        return f"the `url` of `sources.{name}` has to end where /api/v1 begins"
    return HERE


# --- endpoints -------------------------------------------------------------------------------


def _endpoint(label: str, name: str, entry: Mapping[str, Any]) -> Iterator[Finding]:
    kind = entry.get("notifier", "webhook")
    if kind == "alertmanager":
        yield _alertmanager(label, name, entry)
    elif kind == "webhook":
        yield _reachable(label, entry)
    else:
        yield untested(label, f"how the notifier {kind} is tested is not known")


def _alertmanager(label: str, name: str, entry: Mapping[str, Any]) -> Finding:
    try:
        access = credentials(entry)
        url = f"{str(entry['url']).rstrip('/')}/api/v2/status"
        status, _content = exchange(
            "GET", url, timeout_s=TIMEOUT_S, headers=access.headers(), tls=access.tls
        )
    except ExchangeError as problem:
        return fail(label, f"cannot be reached: {problem}", HERE)
    except (ValueError, KeyError) as problem:
        return fail(label, f"{type(problem).__name__} in its entry", f"mend webhook {name!r}")
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return fail(label, "refuses the credentials", f"mend the credentials of webhook {name!r}")
    if status != HTTPStatus.OK:
        repair = f"the `url` of webhook {name!r} has to end where /api/v2 begins"
        return fail(label, f"answers with status {status}", repair)
    return ok(label, "Alertmanager answers")


def _reachable(label: str, entry: Mapping[str, Any]) -> Finding:
    """Whoever gets a message would wake somebody: a connection is made, and nothing sent."""
    try:
        parts = urlsplit(str(entry.get("url")))
        secure = parts.scheme == "https"
        place = (str(parts.hostname), parts.port or (443 if secure else 80))
        with socket.create_connection(place, timeout=TIMEOUT_S) as plain:
            if secure:
                with ssl.create_default_context().wrap_socket(plain, server_hostname=place[0]):
                    pass
    except (OSError, ValueError) as problem:
        return fail(label, f"cannot be reached: {type(problem).__name__}", HERE)
    return ok(label, "reachable; nothing was sent")


# --- targets ---------------------------------------------------------------------------------


def _target(label: str, name: str, entry: Mapping[str, Any]) -> Iterator[Finding]:
    kind = str(entry.get("executor", "http"))
    try:
        made = executor(kind)
    except (LookupError, ImportError):
        known = ", ".join(sorted(settings.GRAYGATE_EXECUTORS))
        yield fail(label, f"no executor {kind!r}", f"registered are {known}")
        return
    config = {"target": name}
    if problems := made.validate(config):
        yield fail(label, "; ".join(problems), f"mend `targets.{name}` of the operator's file")
        return
    try:
        seen = made.observe(config, Key(0, NO_ROLLOUT, name, 0))
    except ExecutorError as problem:
        yield fail(label, f"cannot be observed: {problem}", _observable(kind))
        return
    shown = f"{kind} shows {100 * seen.share:.3g}% exposed"
    if made.exclusive and seen.share > 0:
        repair = "if no rollout is under way, make that version the stable one, then set it back"
        yield warn(label, shown, repair)
    else:
        yield ok(label, shown)


def _observable(kind: str) -> str:
    if kind == "haproxy":
        return "is the stats socket there, of level admin, and does it have backend and servers?"
    return "is it running, does the secret fit, and does it answer GET as docs/extending.md says?"
