"""Bad settings, told before anything starts: `manage.py check`, and every command that runs it."""

import os
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, register
from django.utils.module_loading import import_string

from attribution.credentials import credentials
from controlplane.environment import UNREADABLE
from controlplane.heartbeat import problem_of
from controlplane.identity import providers
from controlplane.reviewer import Reviewer
from rollout.executors import command, haproxy
from rollout.executors.kubernetes import target as kubernetes
from rollout.signing import secret_bytes

# Schemes, and the package that speaks each.
BROKERS = dict.fromkeys(("redis", "rediss", "sentinel"), "redis")
BROKERS |= dict.fromkeys(("amqp", "amqps", "pyamqp"), "amqp")
BROKERS |= dict.fromkeys(("filesystem", "memory"), "")
# One call and the transactions around it have to fit into a lease.
CALL_TIMEOUT_S = 5.0
CALL_TIMEOUTS_IN_A_LEASE = 2
NEW_SECRET = (
    "python -c \"import base64,os;print('whsec_'+base64.b64encode(os.urandom(32)).decode())\""  # noqa: S105 — how to make one, not one
)

# What finds the faults of a target, and how a good one looks.
DESCRIBED: dict[str, tuple[Callable[[Mapping[str, Any]], list[str]], str]] = {
    "command": (
        command.problems,
        '{"executor": "command", "argv": ["/opt/deploy/weight.sh"], "env": ["HOME"]}',
    ),
    "haproxy": (
        haproxy.problems,
        (
            '{"executor": "haproxy", "address": "/run/haproxy/admin.sock", "backend": "stock", '
            '"canary": ["c0"]}'
        ),
    ),
    "kubernetes": (
        kubernetes.problems,
        (
            '{"executor": "kubernetes", "way": "gateway", "in_cluster": true, "namespace": "shop", '
            '"route": "stock", "stable": "stock", "canary": "stock-canary"}'
        ),
    ),
}


@register()
def check_graygate(**_: Any) -> list[CheckMessage]:
    return [
        *_operator_file(),
        *_registries(),
        *_webhooks(),
        *_targets(),
        *_sources(),
        *_reviewer(),
        *_heartbeat(),
        *_identity_providers(),
        *_timing(),
        *_broker(),
        *_url(),
        *_secret_key(),
        *_peppers(),
    ]


def _operator_file() -> Iterator[CheckMessage]:
    if settings.OPERATOR.error:
        yield Error(
            f"The operator's file cannot be read: {settings.OPERATOR.error}",
            hint="GRAYGATE_OPERATOR_FILE names a JSON object with targets, sources, webhooks "
            "and allowed_destinations.",
            id="graygate.E001",
        )


def _registries() -> Iterator[CheckMessage]:
    for setting in ("GRAYGATE_EXECUTORS", "GRAYGATE_SOURCES", "GRAYGATE_NOTIFIERS"):
        for name, path in getattr(settings, setting).items():
            try:
                import_string(path)
            except ImportError as problem:
                yield Error(
                    f"{setting}[{name!r}] cannot be imported: {problem}",
                    hint="Give the dotted path of a class, such as package.module.Class.",
                    id="graygate.E002",
                )


def _webhooks() -> Iterator[CheckMessage]:
    seen: set[object] = set()
    for index, one in enumerate(settings.OPERATOR.webhooks):
        if not isinstance(one, Mapping) or not isinstance(one.get("name"), str):
            yield Error(f"webhooks[{index}] of the operator's file has no name", id="graygate.E003")
            continue
        if one["name"] in seen:
            yield Error(f"Two webhooks are called {one['name']!r}", id="graygate.E003")
        seen.add(one["name"])
        what = f"webhook {one['name']!r}"
        signed = one.get("notifier", "webhook") == "webhook"
        yield from _reachable(what, one) if signed else _accessible(what, one)
        if one.get("notifier", "webhook") not in settings.GRAYGATE_NOTIFIERS:
            known = ", ".join(sorted(settings.GRAYGATE_NOTIFIERS))
            yield Error(
                f"webhook {one['name']!r} asks for an unknown notifier",
                hint=f"Registered: {known}",
                id="graygate.E002",
            )


def _targets() -> Iterator[CheckMessage]:
    for name, one in settings.OPERATOR.targets.items():
        if not isinstance(one, Mapping):
            yield Error(f"target {name!r} of the operator's file is no object", id="graygate.E003")
        elif (executor := one.get("executor", "http")) == "http":
            yield from _reachable(f"target {name!r}", one)
        elif executor in DESCRIBED:
            problems, example = DESCRIBED[executor]
            for problem in problems(one):
                yield Error(f"target {name!r}: {problem}", hint=example, id="graygate.E003")
        elif executor not in settings.GRAYGATE_EXECUTORS:
            known = ", ".join(sorted(settings.GRAYGATE_EXECUTORS))
            yield Error(
                f"target {name!r} asks for an unknown executor",
                hint=f"Registered: {known}",
                id="graygate.E002",
            )


def _sources() -> Iterator[CheckMessage]:
    for name, one in settings.OPERATOR.sources.items():
        if not isinstance(one, Mapping):
            yield Error(f"source {name!r} of the operator's file is no object", id="graygate.E003")
            continue
        yield from _accessible(f"source {name!r}", one)
        if any(mark in str(one.get("url")) for mark in "?#@"):
            yield Error(
                f"the `url` of source {name!r} holds more than an address",
                hint="No query in it; user name and password have fields of their own.",
                id="graygate.E004",
            )


def _reviewer() -> Iterator[CheckMessage]:
    if not settings.OPERATOR.reviewer:
        return
    try:
        Reviewer.of(settings.OPERATOR.reviewer)
    except ValueError as problem:
        yield Error(
            f"the reviewer of the operator's file {problem}",
            hint='"reviewer": {"url": "https://host/v1/chat/completions", "model": "…", '
            '"token_env": "NAME_OF_A_VARIABLE"}',
            id="graygate.E022",
        )


def _heartbeat() -> Iterator[CheckMessage]:
    if problem := problem_of(settings.OPERATOR.heartbeat):
        hint = '"heartbeat": {"url": "https://hc-ping.com/…"}'
        yield Error(f"the operator's file: {problem}", hint=hint, id="graygate.E031")


def _identity_providers() -> Iterator[CheckMessage]:
    for problem in providers.problems():
        yield Error(
            f"the operator's file: {problem}",
            hint='"identity_providers": [{"name", "issuer", "audience", "jwks_url", "identity", '
            '"rules": [{"claims": {…}, "scopes"?, "services"?}]}]; see docs/ci.md',
            id="graygate.E030",
        )


def _reachable(what: str, one: Mapping[str, Any]) -> Iterator[CheckMessage]:
    """Never repeats the address or the secret: both may open something."""
    if not _is_web(one.get("url")):
        yield Error(f"{what} has no http:// or https:// `url`", id="graygate.E004")
    try:
        secret_bytes(str(one.get("secret", "")))
    except ValueError as problem:
        yield Error(f"{what}: {problem}", hint=f"Make one: {NEW_SECRET}", id="graygate.E005")


def _accessible(what: str, one: Mapping[str, Any]) -> Iterator[CheckMessage]:
    """Where Graygate shows who it is by a header or a certificate, not by a signature."""
    if not _is_web(one.get("url")):
        yield Error(f"{what} has no http:// or https:// `url`", id="graygate.E004")
    try:
        credentials(one)
    except ValueError as problem:
        yield Error(f"{what}: {problem}", id="graygate.E005")


def _is_web(url: object) -> bool:
    try:
        parts = urlsplit(str(url))
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _timing() -> Iterator[CheckMessage]:
    for name in ("GRAYGATE_INTERVAL_S", "GRAYGATE_ALERT_REFRESH_S"):
        if getattr(settings, name) <= 0:
            yield Error(f"{name} has to be above 0", id="graygate.E006")
    least = CALL_TIMEOUTS_IN_A_LEASE * CALL_TIMEOUT_S
    if least > settings.GRAYGATE_LEASE_S:
        yield Error(
            f"GRAYGATE_LEASE_S is {settings.GRAYGATE_LEASE_S:g}, too short for a call",
            hint=f"A call to a target may take {CALL_TIMEOUT_S:g} s: give {least:g} s or more.",
            id="graygate.E007",
        )
    for name in (
        "GRAYGATE_UNDO_S",
        "GRAYGATE_HALT_PATIENCE_S",
        "GRAYGATE_ROLLBACK_TIMEOUT_S",
        "GRAYGATE_SHADOW_S",
    ):
        if getattr(settings, name) < 0:
            yield Error(f"{name} is negative", id="graygate.E006")


def _broker() -> Iterator[CheckMessage]:
    """Never repeats the address: it may contain a password."""
    scheme = str(getattr(settings, "CELERY_BROKER_URL", "")).partition("://")[0]
    if scheme == UNREADABLE.partition("://")[0]:
        yield Error(
            "CELERY_BROKER_URL cannot be taken apart",
            hint="scheme://user:password@host:port/…; in a password write / as %2F, @ as %40.",
            id="graygate.E020",
        )
    elif scheme not in BROKERS:
        yield Error(
            f"CELERY_BROKER_URL has the unknown scheme {scheme[:20]!r}",
            hint="redis://, rediss://, amqp:// or amqps://; leave it out for the local broker.",
            id="graygate.E008",
        )
    elif (package := BROKERS[scheme]) and find_spec(package) is None:
        yield Error(
            f"CELERY_BROKER_URL: {scheme}:// needs the package {package}, which is not here",
            hint=f"pip install {package}, at the version that requirements.txt names.",
            id="graygate.E021",
        )


def _url() -> Iterator[CheckMessage]:
    if not _is_web(settings.GRAYGATE_URL):
        yield Error(
            "GRAYGATE_URL is no web address",
            hint="It is where people reach Graygate: alerts and decisions link to it.",
            id="graygate.E009",
        )


def _secret_key() -> Iterator[CheckMessage]:
    if _may_be_several_hosts() and not os.environ.get("GRAYGATE_SECRET_KEY"):
        yield checks.Warning(
            "No GRAYGATE_SECRET_KEY: who is logged in on one host is not on any other",
            hint="Set it to a long random text, the same for every process; or run on one host, "
            "where all share the file secret-key in GRAYGATE_VAR.",
            id="graygate.W001",
        )


def _may_be_several_hosts() -> bool:
    return bool(settings.DATABASES["default"]["ENGINE"] != "controlplane.embedded")


def _peppers() -> Iterator[CheckMessage]:
    if _may_be_several_hosts() and not os.environ.get("GRAYGATE_TOKEN_PEPPERS", "").strip(" ,"):
        yield checks.Warning(
            "No GRAYGATE_TOKEN_PEPPERS: a token made on one host is unknown on every other",
            hint="Set it to a long random text, the same for every process; or run on one host, "
            "where all share the file token-pepper in GRAYGATE_VAR.",
            id="graygate.W002",
        )
