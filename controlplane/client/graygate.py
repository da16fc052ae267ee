#!/usr/bin/env python3
"""Graygate's client for CI jobs: submit a change, wait for the decision, get an exit code.

One file on purpose, long as it is: a job downloads it and runs it. It needs Python 3.9 or newer
and nothing but the standard library. `graygate.py COMMAND --help` tells the options.

Exit codes: 0 reached (or accepted, without --wait), 1 usage or transport, 2 needs approval, halted
or paused, 3 rejected, failed, canceled, expired or rolled back, 4 time-out.

One JSON object (or --format text, markdown) to standard output, what happens to standard error.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import ipaddress
import json
import os
import random
import re
import secrets
import ssl
import sys
import threading
import time
import unicodedata
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

VERSION = "1"

# --- what a decision means -------------------------------------------------------------------

REACHED, USAGE, NEEDS_PEOPLE, REFUSED, TIMED_OUT = 0, 1, 2, 3, 4
ALLOWED = frozenset({"allowed", "scheduled", "running", "completed"})
BY_DECISION = {
    "needs_approval": NEEDS_PEOPLE,
    "halted": NEEDS_PEOPLE,
    "paused": NEEDS_PEOPLE,
    **dict.fromkeys(
        ("rejected", "failed", "canceled", "expired", "rolled_back", "rollback_failed"), REFUSED
    ),
}
LEVELS = ("low", "medium", "high", "critical")


def exit_code(decision: str, until: str, *, waiting: bool) -> int | None:
    """None: keep waiting. `waiting` false: the time is up, or nobody asked to wait."""
    if decision == "completed" or (until == "allowed" and decision in ALLOWED):
        return REACHED
    code = BY_DECISION.get(decision)
    if code == REFUSED:
        return REFUSED
    # An approval may come, a halt may end: both are worth waiting for.
    return None if waiting else code or TIMED_OUT


class UsageError(Exception):
    """What was asked cannot be done as it was asked."""


class UnreachableError(Exception):
    """No answer that tells anything, until the time was up."""


class RefusedError(Exception):
    """An answer that repeating does not change: the request itself is wrong."""


# --- text that others wrote ------------------------------------------------------------------

# What ends a line, and what turns the direction of all that follows.
_NOT_SHOWN = frozenset({"Cc", "Zl", "Zp"})
_TURNS = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|~@:/])")
_PLAIN_URL = re.compile(r"https?://[A-Za-z0-9\[\]._~:/?#@!&=%+,;-]+")
MOST_SIGNALS = 50
LONGEST_TEXT = 1000
STDIN = "-"


def printable(value: Any) -> Any:
    """Texts on one line and without control characters: a terminal obeys these, and a CI system
    takes a line of its own that begins with `::` for an order.
    """
    if isinstance(value, str):
        return _shown(" ".join(value.split()))
    if isinstance(value, Mapping):
        return {key: printable(inner) for key, inner in value.items()}
    return [printable(inner) for inner in value] if isinstance(value, (list, tuple)) else value


def _shown(text: str) -> str:
    return "".join(
        one for one in text if unicodedata.category(one) not in _NOT_SHOWN and one not in _TURNS
    )


def _visible(text: str) -> str:
    """A runner overlooks blanks before an order, and letters without width within it."""
    return "".join(one for one in text if unicodedata.category(one) != "Cf")


def for_log(value: Any) -> str:
    """One line that no runner takes for an order of the job: neither `::set-output` nor the old
    `##[…]` and `##vso[…]`, which are obeyed anywhere in a line.
    """
    line = str(printable(_visible(str(printable(str(value))))))[:LONGEST_TEXT]
    return re.sub(r"#(?=#)", "# ", re.sub(r"^:(?=:)", ": ", line))


def one_json(value: Any) -> str:
    """ASCII alone: nothing in it turns, moves or orders anything."""
    return json.dumps(value).replace("##", "#\\u0023")


def markdown(value: Any) -> str:
    """Text inside Markdown that stays text: no link, image, tag, mention, heading or new line."""
    line = str(printable(str(value)))[:LONGEST_TEXT]
    escaped = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKDOWN.sub(r"\\\1", escaped)


def markdown_link(text: str, url: Any) -> str:
    plain = isinstance(url, str) and _PLAIN_URL.fullmatch(url)
    return f"[{markdown(text)}](<{url}>)" if plain else markdown(text)


def annotation(kind: str, message: Any, **properties: Any) -> str:
    """A line such as `::error file=a.sql,line=3::message`, escaped as GitHub's runner reads it."""
    given = ",".join(
        f"{name}={_property(value)}" for name, value in properties.items() if value is not None
    )
    return f"::{kind}{' ' + given if given else ''}::{_data(str(message)[:LONGEST_TEXT])}"


def _data(text: str) -> str:
    return _shown(_visible(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A"))


def _property(value: Any) -> str:
    return _data(str(value)[:LONGEST_TEXT]).replace(":", "%3A").replace(",", "%2C")


def github_output(values: Mapping[str, Any]) -> str:
    """Lines for the file GITHUB_OUTPUT. What has several lines ends at a mark nobody can guess."""
    lines = []
    for name, value in values.items():
        if isinstance(value, (list, tuple)):
            mark = f"graygate_{secrets.token_hex(16)}"
            inner = [str(printable(str(one)))[:LONGEST_TEXT] for one in value[:MOST_SIGNALS]]
            lines += [f"{name}<<{mark}", *inner, mark]
        else:
            lines.append(f"{name}={printable(str(value if value is not None else ''))}")
    return "".join(f"{line}\n" for line in lines)


def dotenv(values: Mapping[str, Any]) -> str:
    """GitLab's dotenv report: no empty lines, no quotes, no spaces. What does not fit is left out,
    never bent into something else.
    """
    fits = re.compile(r"[A-Za-z0-9._:/?&=%+@,-]{1,1000}")
    lines = [
        f"GRAYGATE_{name.upper()}={value}"
        for name, value in values.items()
        if isinstance(value, str) and fits.fullmatch(value)
    ]
    return "".join(f"{line}\n" for line in lines)


@dataclass(frozen=True)
class Spot:
    """One signal, at its place in one file."""

    signal: Mapping[str, Any]
    file: str

    @property
    def line(self) -> int | None:
        """`where` is "line 3", "file:3", or a path inside of a document, which has no line."""
        found = re.search(r"(?:\bline |:)(\d{1,7})\b", str(self.signal.get("where") or ""))
        return int(found.group(1)) if found and int(found.group(1)) else None

    def text(self, name: str) -> str:
        return str(printable(str(self.signal.get(name) or "")))[:LONGEST_TEXT]

    def message(self) -> str:
        remedy = self.text("remedy")
        return self.text("summary") + (f"\n{remedy}" if remedy else "")

    def annotation(self) -> str:
        kinds = {"critical": "error", "high": "error", "medium": "warning"}
        kind = kinds.get(str(self.signal.get("severity")), "notice")
        title = f"Graygate {self.text('id')}"
        file = None if self.file == STDIN else self.file
        return annotation(kind, self.message(), file=file, line=self.line, title=title)

    def code_quality(self) -> dict[str, Any]:
        """One entry of GitLab's report. The fingerprint outlasts other lines being added above."""
        severities = dict(zip(LEVELS, ("info", "minor", "major", "critical")))
        known = f"{self.file}\n{self.text('id')}\n{self.text('summary')}"
        return {
            "description": self.message().replace("\n", " "),
            "check_name": self.text("id"),
            "fingerprint": hashlib.sha256(known.encode(errors="replace")).hexdigest(),
            "severity": severities.get(str(self.signal.get("severity")), "info"),
            "location": {"path": self.file, "lines": {"begin": self.line or 1}},
        }


def code_quality(spots: Iterable[Spot]) -> str:
    """A fingerprint stands once: GitLab drops a report in which one comes again."""
    seen: dict[str, int] = {}
    entries = []
    for entry in (spot.code_quality() for spot in spots):
        first = str(entry["fingerprint"])
        seen[first] = seen.get(first, 0) + 1
        if seen[first] > 1:
            again = f"{first}\n{seen[first]}"
            entry["fingerprint"] = hashlib.sha256(again.encode()).hexdigest()
        entries.append(entry)
    return json.dumps(entries, indent=1)


# --- one exchange over HTTP ------------------------------------------------------------------

MOST_BYTES = 8_000_000
REQUEST_TIMEOUT_S = 10.0
LONGEST_TIMEOUT_S = 7 * 86400
LONG_POLL_S = 30
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 15.0
# Graygate is there but cannot answer now.
AGAIN = frozenset({425, 429, 500, 502, 503, 504})
# Of the conflicts only those end by themselves.
AGAIN_PROBLEMS = ("idempotency-key-in-flight", "conflict")


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    # How long the server may take on purpose (long poll).
    wait_s: float = 0.0


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def json(self) -> dict[str, Any]:
        """{} for whatever is no JSON object."""
        try:
            found = json.loads(self.content)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    def retry_after_s(self) -> float:
        """Seconds or a date; 0 when there is neither."""
        text = (self.headers.get("retry-after") or "").strip()
        if re.fullmatch(r"\d{1,6}", text):
            return float(text)
        try:
            return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
        except (TypeError, ValueError, IndexError, OverflowError):
            return 0.0

    def is_passing(self) -> bool:
        if self.status in AGAIN:
            return True
        kind = str(self.json.get("type", ""))
        return self.status == 409 and kind.endswith(AGAIN_PROBLEMS)


@dataclass(frozen=True)
class Answer:
    body: dict[str, Any]
    etag: str = ""
    retry_after_s: float = 0.0


def answer_of(reply: Reply) -> Answer:
    """Raises RefusedError with what the server says is wrong, pointers included."""
    body = reply.json
    if body and 200 <= reply.status < 300:
        return Answer(body, reply.headers.get("etag") or "", reply.retry_after_s())
    if 300 <= reply.status < 400:
        raise RefusedError(
            f"HTTP {reply.status}: the address leads elsewhere. Nothing is sent there: set "
            "GRAYGATE_URL to the address itself."
        )
    problem = printable(body)
    lines = [f"HTTP {reply.status}: {problem.get('detail') or problem.get('title') or ''}"]
    errors = problem.get("errors")
    given = errors[:MOST_SIGNALS] if isinstance(errors, list) else []
    lines += [
        f"  {one.get('pointer')}: {one.get('detail')}" for one in given if isinstance(one, dict)
    ]
    raise RefusedError("\n".join(lines).strip())


def checked_address(url: str, *, insecure: bool, what: str = "GRAYGATE_URL") -> str:
    """HTTPS, or HTTP to this very machine. Raises UsageError."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise UsageError(f"{what} is no web address.") from None
    if parts.scheme not in ("http", "https") or not host:
        raise UsageError(f"{what} (or --url) is no https:// address.")
    if "@" in parts.netloc or parts.fragment or re.search(r"[^!-~]", url):
        raise UsageError(f"{what} must hold no login, no fragment and no blanks.")
    if parts.scheme == "http" and not is_local(host) and not insecure:
        raise UsageError(
            f"{what} is not https://: the token would be read on its way. Where that is meant, "
            "say --insecure-http."
        )
    return url.rstrip("/")


def is_local(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """An answer that leads elsewhere is an answer: no token follows it."""

    def redirect_request(self, *_args: Any, **_named: Any) -> None:
        return None


def exchange(request: urllib.request.Request, limit_s: float, ca_file: str | None) -> Reply:
    """The whole answer within `limit_s`, wherever it hangs: name, handshake, headers, content.
    Raises UnreachableError, RefusedError, UsageError.
    """
    found: list[Reply | Exception] = []

    def run() -> None:
        try:
            found.append(_exchange(request, limit_s, ca_file))
        except Exception as error:  # noqa: BLE001 - told by the thread that waits
            found.append(error)

    # A time-out of a socket begins anew with each byte; that of a join does not.
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(limit_s)
    answer = found[0] if found else TimeoutError()
    if isinstance(answer, Reply):
        return answer
    if isinstance(answer, (RefusedError, UsageError, MemoryError)):
        raise answer
    reason = getattr(answer, "reason", answer)
    if isinstance(reason, ssl.SSLCertVerificationError):
        detail = reason.verify_message
        raise RefusedError(f"The server's certificate is not trusted: {detail} (--ca-file).")
    if isinstance(answer, ValueError):
        # A header or a host name that cannot be written: no server was asked.
        raise RefusedError(f"The request cannot be sent: {type(answer).__name__}.")
    raise UnreachableError(type(reason if isinstance(reason, Exception) else answer).__name__)


def tls(ca_file: str | None) -> ssl.SSLContext:
    """Raises UsageError: a file that is not there must not read as a server that is not there."""
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ValueError) as error:
        raise UsageError(f"--ca-file {ca_file}: {error}") from None


def _exchange(request: urllib.request.Request, limit_s: float, ca_file: str | None) -> Reply:
    handlers: list[Any] = [_NoRedirects(), urllib.request.HTTPSHandler(context=tls(ca_file))]
    if is_local(urlsplit(request.full_url).hostname or ""):
        handlers.append(urllib.request.ProxyHandler({}))
    opener = urllib.request.build_opener(*handlers)
    try:
        response: Any = opener.open(request, timeout=limit_s)
    except urllib.error.HTTPError as error:
        response = error
    with response:
        content = response.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise RefusedError(f"The answer is longer than {MOST_BYTES} bytes.")
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Reply(response.status, headers, content)


# --- who the job is --------------------------------------------------------------------------

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
JWT = "urn:ietf:params:oauth:token-type:jwt"
HOW_TO_SAY_WHO = (
    "No way to say who this job is. Set GRAYGATE_TOKEN; or let the job have an identity token: "
    "on GitHub `permissions: id-token: write`, on GitLab `id_tokens: GRAYGATE_ID_TOKEN`."
)


@dataclass
class Identity:
    """A token that was given, or one that is exchanged for the identity the CI vouches for."""

    given: str
    environment: Mapping[str, str]
    audience: str
    insecure: bool = False
    ca_file: str | None = None
    exchanged: str = ""

    @property
    def is_exchanged(self) -> bool:
        return not self.given

    def check(self) -> None:
        """Raises UsageError when there is no token and no way to one."""
        if self.given and re.search(r"[^!-~]", self.given):
            raise UsageError("The token holds letters that a header cannot carry.")
        named = ("GRAYGATE_ID_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL")
        if not self.given and not any(self.environment.get(name) for name in named):
            raise UsageError(HOW_TO_SAY_WHO)

    def subject_token(self, limit_s: float) -> str:
        """Raises UnreachableError, RefusedError, UsageError."""
        if token := self.environment.get("GRAYGATE_ID_TOKEN"):
            return token
        url = self.environment.get("ACTIONS_ID_TOKEN_REQUEST_URL", "")
        checked_address(url, insecure=self.insecure, what="ACTIONS_ID_TOKEN_REQUEST_URL")
        parts = urlsplit(url)
        query = urlencode([*parse_qsl(parts.query), ("audience", self.audience)])
        bearer = self.environment.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "")
        request = urllib.request.Request(  # noqa: S310 - checked above
            urlunsplit(parts._replace(query=query)), headers={"Authorization": f"Bearer {bearer}"}
        )
        reply = exchange(request, limit_s, self.ca_file)
        if reply.is_passing():
            raise UnreachableError(f"GitHub's identity tokens: HTTP {reply.status}")
        token = reply.json.get("value")
        if reply.status != 200 or not isinstance(token, str):
            raise RefusedError(f"GitHub gave no identity token: HTTP {reply.status}")
        return token


# --- Graygate --------------------------------------------------------------------------------


@dataclass
class Client:
    """`deadline` in the time of time.monotonic()."""

    url: str
    identity: Identity
    deadline: float

    def left(self) -> float:
        return max(0.0, self.deadline - time.monotonic())

    def submit(self, body: Any, key: str) -> Answer:
        """Safe to repeat: the key makes one change of however many attempts."""
        return self.ask(Request("POST", "/api/v1/changes", {"Idempotency-Key": key}, body=body))

    def decision(self, change: str, etag: str) -> Answer:
        """Comes back when the decision differs from the one with this ETag, or after the wait."""
        # Without an ETag there is nothing to differ from: take what is true now.
        wait_s = min(LONG_POLL_S, self.left()) if etag else 0.0
        headers = {"If-None-Match": etag} if etag else {}
        path = f"/api/v1/changes/{quote(change, safe='')}/decision"
        query = {"wait": f"{wait_s:.0f}"}
        return self.ask(Request("GET", path, headers, query, wait_s=wait_s))

    def ask(self, request: Request) -> Answer:
        """Raises UnreachableError when the time is up, RefusedError for a definite no."""
        pause, renewed = FIRST_PAUSE_S, False
        while True:
            least = 0.0
            try:
                reply = self._send(request, self._token())
                if reply.status == 401 and self.identity.is_exchanged and not renewed:
                    # It was good for minutes; the wait may have taken longer.
                    self.identity.exchanged, renewed = "", True
                    continue
                if not reply.is_passing():
                    return answer_of(reply)
                problem, least = f"HTTP {reply.status}", reply.retry_after_s()
            except UnreachableError as error:
                problem = str(error)
            # Jobs that failed together come back apart.
            rest = max(least, pause * (0.5 + random.random() / 2))  # noqa: S311 - no secret
            if self.left() <= rest:
                raise UnreachableError(problem)
            time.sleep(rest)
            pause = min(2 * pause, LONGEST_PAUSE_S)

    def _token(self) -> str:
        """Raises UnreachableError (try again), RefusedError."""
        identity = self.identity
        if not identity.is_exchanged:
            return identity.given
        if not identity.exchanged:
            identity.exchanged = self._exchanged()
        return identity.exchanged

    def _exchanged(self) -> str:
        body = {
            "grant_type": EXCHANGE,
            "subject_token": self.identity.subject_token(self._limit_s()),
            "subject_token_type": JWT,
        }
        reply = self._send(Request("POST", "/api/v1/tokens/exchange", body=body), "")
        if reply.is_passing():
            raise UnreachableError(f"HTTP {reply.status}")
        token = answer_of(reply).body.get("access_token")
        if not isinstance(token, str) or re.search(r"[^!-~]", token):
            raise RefusedError("The exchange gave no token.")
        return token

    def _limit_s(self) -> float:
        return max(1.0, min(REQUEST_TIMEOUT_S, self.left()))

    def _send(self, request: Request, token: str) -> Reply:
        query = f"?{urlencode(request.query)}" if request.query else ""
        headers = {
            "Accept": "application/json",
            "User-Agent": f"graygate-ci/{VERSION}",
            **({"Authorization": f"Bearer {token}"} if token else {}),
            **request.headers,
        }
        data = None
        if request.body is not None:
            data = json.dumps(request.body).encode()
            headers["Content-Type"] = "application/json"
        made = urllib.request.Request(  # noqa: S310 - the address was checked
            self.url + request.path + query, data=data, headers=headers, method=request.method
        )
        return exchange(made, self._limit_s() + request.wait_s, self.identity.ca_file)


def follow(
    client: Client, answer: Answer, until: str, told: Callable[[dict[str, Any]], None]
) -> dict[str, Any]:
    """Poll until the decision is what was waited for, or final, or the time is up. `told` is
    called with each decision that differs from the one before.
    """
    seen = None
    while True:
        if answer.body["decision"] != seen:
            seen = answer.body["decision"]
            told(answer.body)
        reached = exit_code(answer.body["decision"], until, waiting=True) is not None
        if reached or not client.left():
            return answer.body
        started = time.monotonic()
        answer = client.decision(answer.body["change"], answer.etag)
        # A server without a free place to wait answers at once; it is not to be asked in a loop.
        pause = max(answer.retry_after_s, 1.0 - (time.monotonic() - started))
        time.sleep(max(0.0, min(pause, client.left())))


def run_key(environment: Mapping[str, str], body: Any) -> str:
    """The Idempotency-Key of this run and this change. The same when the job is run again, also
    as another attempt; another one in the next run, or for another change of the same job.
    """
    content = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    runs = {
        "github": ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID", "GITHUB_JOB"),
        "gitlab": ("CI_SERVER_URL", "CI_PROJECT_ID", "CI_PIPELINE_ID", "CI_JOB_NAME"),
        "run": ("GRAYGATE_RUN",),
    }
    for name, variables in runs.items():
        # The id of the run is what makes it one; the rest tells jobs apart.
        if environment.get(variables[min(2, len(variables) - 1)]):
            parts = [environment.get(variable, "") for variable in variables]
            digest = hashlib.sha256(json.dumps([*parts, content]).encode()).hexdigest()
            return f"{name}-{digest[:48]}"
    return str(uuid.uuid4())


# --- what a command leaves behind ------------------------------------------------------------


@dataclass
class Report:
    """All outputs of one command, for people and for the CI it runs in."""

    options: argparse.Namespace
    environment: Mapping[str, str]

    def tell(self, text: Any) -> None:
        print(for_log(text), file=sys.stderr, flush=True)

    def tell_decision(self, answer: Mapping[str, Any]) -> None:
        told = (answer.get("decision"), f"(risk {answer.get('level')})", answer.get("url") or "")
        self.tell("  ".join(str(one) for one in told))
        for reason in reasons_of(answer):
            print(f"  - {for_log(reason)}", file=sys.stderr, flush=True)

    def warn(self, text: str) -> None:
        self.tell(text)
        if self._on_github:
            print(annotation("warning", text, title="Graygate"), file=sys.stderr)

    def fail(self, text: str) -> None:
        lines = [line for line in text.splitlines() if line.strip()]
        for index, line in enumerate(lines):
            print(("  " if index else "") + for_log(line), file=sys.stderr, flush=True)
        if self._on_github:
            print(annotation("error", "\n".join(lines), title="Graygate"), file=sys.stderr)

    def decision(self, answer: Mapping[str, Any], spots: Sequence[Spot], code: int) -> None:
        values = {
            name: answer.get(name) for name in ("change", "decision", "level", "url", "rollout")
        }
        self._append("GITHUB_OUTPUT", github_output({**values, "reasons": reasons_of(answer)}))
        summary = decision_markdown(answer, spots)
        self._print(answer, decision_text(answer, spots), summary)
        # GRAYGATE_URL is where Graygate is: in the next job it would lead the client elsewhere.
        values["change_url"] = values.pop("url")
        self._leave(spots, summary, {**values, "exit_code": str(code)})
        if code and self._on_github:
            title = f"Graygate {printable(str(answer.get('decision')))}"
            text = "\n".join(str(printable(str(one))) for one in reasons_of(answer))
            print(annotation("error", text or "no reason given", title=title), file=sys.stderr)

    def findings(self, answers: Sequence[Mapping[str, Any]], spots: Sequence[Spot]) -> None:
        worst = max((str(one.get("level")) for one in answers), key=severity, default="low")
        summary = "".join(finding_markdown(one) for one in answers)
        text = "\n".join(finding_text(one) for one in answers)
        for one in answers:
            self._print(one, "", "")
        if self.options.format != "json":
            self._print({}, text, summary)
        self._append("GITHUB_OUTPUT", github_output({"level": worst}))
        self._leave(spots, summary, {"level": worst})

    def _leave(self, spots: Sequence[Spot], summary: str, values: Mapping[str, Any]) -> None:
        self._append("GITHUB_STEP_SUMMARY", summary)
        if name := self.options.dotenv:
            self._write(name, dotenv(values))
        if name := self.options.codequality:
            self._write(name, code_quality(spots))
        if self._on_github:
            for spot in spots[:MOST_SIGNALS]:
                print(spot.annotation(), file=sys.stderr)

    def _print(self, answer: Mapping[str, Any], text: str, summary: str) -> None:
        formats = {"json": one_json(answer), "text": text, "markdown": summary}
        if shown := formats[self.options.format].rstrip("\n"):
            print(shown, flush=True)

    @property
    def _on_github(self) -> bool:
        return self.environment.get("GITHUB_ACTIONS") == "true"

    def _append(self, variable: str, text: str) -> None:
        if path := self.environment.get(variable):
            self._write(path, text, "a")

    def _write(self, path: str, text: str, mode: str = "w") -> None:
        """A report that cannot be written must not change what the job is told."""
        try:
            with open(path, mode, encoding="utf-8", errors="replace", newline="\n") as stream:
                stream.write(text)
        except OSError as error:
            self.tell(f"Cannot write {path}: {error.strerror}")


def severity(level: str) -> int:
    return LEVELS.index(level) if level in LEVELS else -1


def reasons_of(answer: Mapping[str, Any]) -> list[Any]:
    reasons = answer.get("reasons")
    return reasons[:MOST_SIGNALS] if isinstance(reasons, list) else []


def decision_text(answer: Mapping[str, Any], spots: Sequence[Spot]) -> str:
    lines = [f"{for_log(answer.get('decision'))} (risk {for_log(answer.get('level'))})"]
    lines += [f"  - {for_log(reason)}" for reason in reasons_of(answer)]
    lines += [_spot_text(spot) for spot in spots[:MOST_SIGNALS]]
    return "\n".join([*lines, for_log(answer.get("url") or "")])


def decision_markdown(answer: Mapping[str, Any], spots: Sequence[Spot]) -> str:
    head = f"{answer.get('decision')}, risk {answer.get('level')}"
    lines = [f"### Graygate: {markdown(head)}", ""]
    lines += [f"- {markdown(reason)}" for reason in reasons_of(answer)]
    lines += ["", *_spots_markdown(spots)]
    if answer.get("url"):
        lines += [markdown_link("The change", answer["url"]), ""]
    return "\n".join(lines) + "\n"


def finding_text(answer: Mapping[str, Any]) -> str:
    head = f"{for_log(answer.get('id'))}: {for_log(answer.get('level'))} risk"
    return "\n".join([head, *(_spot_text(spot) for spot in spots_of(answer, str(answer["id"])))])


def finding_markdown(answer: Mapping[str, Any]) -> str:
    head = f"{answer.get('id')}: {answer.get('level')} risk"
    spots = spots_of(answer, str(answer.get("id")))
    return "\n".join([f"### {markdown(head)}", "", *_spots_markdown(spots)]) + "\n"


def _spot_text(spot: Spot) -> str:
    at = f"{spot.file}:{spot.line}" if spot.line else f"{spot.file} {spot.text('where')}"
    told = f"{spot.text('severity')}: {spot.text('summary')} ({at})"
    return f"  {for_log(told)}"


def _spots_markdown(spots: Sequence[Spot]) -> list[str]:
    if not spots:
        return []
    head = ["| severity | signal | where | what | remedy |", "| --- | --- | --- | --- | --- |"]
    rows = [
        "| "
        + " | ".join(
            markdown(spot.signal.get(name) or "")
            for name in ("severity", "id", "where", "summary", "remedy")
        )
        + " |"
        for spot in spots[:MOST_SIGNALS]
    ]
    more = [f"| | | | and {len(spots) - MOST_SIGNALS} more | |"] * (len(spots) > MOST_SIGNALS)
    return [*head, *rows, *more, ""]


def spots_of(answer: Mapping[str, Any], file: str) -> list[Spot]:
    signals = answer.get("signals")
    given = signals if isinstance(signals, list) else []
    return [Spot(one, file) for one in given if isinstance(one, dict)]


# --- commands --------------------------------------------------------------------------------


def read_file(name: str) -> str:
    """Raises UsageError."""
    try:
        if name == STDIN:
            return sys.stdin.read(MOST_BYTES)
        with open(name, encoding="utf-8-sig") as stream:
            return stream.read(MOST_BYTES)
    except OSError as error:
        raise UsageError(f"Cannot read {name}: {error.strerror}") from None
    except ValueError:
        raise UsageError(f"{name} is not UTF-8.") from None


def read_json(name: str) -> Any:
    text = read_file(name)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{name} is not JSON: {error}") from None


def client_of(options: argparse.Namespace, environment: Mapping[str, str]) -> Client:
    """Raises UsageError."""
    if not 0 <= options.timeout <= LONGEST_TIMEOUT_S:
        raise UsageError(f"--timeout takes 0 to {LONGEST_TIMEOUT_S} seconds.")
    if not options.url:
        raise UsageError("Set GRAYGATE_URL (or --url).")
    url = checked_address(options.url, insecure=options.insecure_http)
    tls(options.ca_file)
    identity = Identity(
        environment.get(options.token_env, ""),
        environment,
        options.audience or url,
        options.insecure_http,
        options.ca_file,
    )
    identity.check()
    return Client(url, identity, time.monotonic() + options.timeout)


def submit(options: argparse.Namespace, report: Report) -> int:
    body = read_json(options.file)
    client = client_of(options, report.environment)
    key = options.idempotency_key or run_key(report.environment, body)
    if not re.fullmatch(r"[ -~]{1,255}", key):
        raise UsageError("--idempotency-key takes 1 to 255 plain letters.")
    try:
        first = client.submit(body, key)
    except UnreachableError as error:
        return unreachable(str(error), options.on_unreachable, report)
    except RefusedError as error:
        report.fail(f"Graygate did not take the change.\n{error}")
        return USAGE
    return _followed(client, first, body, options, report)


def wait(options: argparse.Namespace, report: Report) -> int:
    client = client_of(options, report.environment)
    try:
        first = client.decision(options.change, "")
    except UnreachableError as error:
        return unreachable(str(error), "block", report)
    options.wait, options.file = True, STDIN
    return _followed(client, first, {}, options, report)


def _followed(
    client: Client, first: Answer, body: Any, options: argparse.Namespace, report: Report
) -> int:
    answer = first.body
    try:
        if options.wait:
            answer = follow(client, first, options.until, report.tell_decision)
        else:
            report.tell_decision(answer)
    except (UnreachableError, RefusedError) as error:
        # The change is in: what became of it is not known, so nothing is let through.
        report.fail(f"The change was taken, but its decision is lost: {error}")
        report.decision(answer, [], USAGE)
        return USAGE
    code = _code(answer["decision"], options)
    report.decision(answer, _signals(client, answer, body, options, report), code)
    return code


def _code(decision: str, options: argparse.Namespace) -> int:
    if not options.wait:
        refused = exit_code(decision, "completed", waiting=False) == REFUSED
        return REFUSED if refused else REACHED
    code = exit_code(decision, options.until, waiting=False)
    return TIMED_OUT if code is None else code


def _signals(
    client: Client,
    answer: Mapping[str, Any],
    body: Any,
    options: argparse.Namespace,
    report: Report,
) -> list[Spot]:
    """What was found in the artefact, where somebody wants to read it. Never decides anything."""
    on_github = report.environment.get("GITHUB_ACTIONS") == "true"
    if not (on_github or options.codequality or options.format != "json"):
        return []
    client.deadline = max(client.deadline, time.monotonic() + 1)
    try:
        path = f"/api/v1/changes/{quote(str(answer['change']), safe='')}"
        assessment = client.ask(Request("GET", path)).body.get("assessment")
    except (UnreachableError, RefusedError) as error:
        report.tell(f"What was found in it cannot be read: {error}")
        return []
    source = body.get("source") if isinstance(body, dict) else None
    file = source.get("path") if isinstance(source, dict) else None
    return spots_of(assessment if isinstance(assessment, dict) else {}, str(file or options.file))


def unreachable(problem: str, policy: str, report: Report) -> int:
    answer = {"change": None, "decision": None, "reasons": [f"Graygate unreachable: {problem}"]}
    code = REACHED if policy == "allow" else USAGE
    report.decision(answer, [], code)
    told = f"Graygate is unreachable ({problem}); "
    if policy == "allow":
        report.warn(f"{told}--on-unreachable=allow lets the change pass UNCHECKED.")
    else:
        report.tell(f"{told}the change is blocked.")
    return code


def classify(options: argparse.Namespace, report: Report) -> int:
    """Each file by itself, nothing stored."""
    if options.before and len(options.files) > 1:
        raise UsageError("--before is of one FILE: give one.")
    client = client_of(options, report.environment)
    answers: list[Mapping[str, Any]] = []
    spots: list[Spot] = []
    for name in options.files:
        case = {"id": name, "path": name, "artefact": read_file(name), **_case(options)}
        try:
            found = client.ask(Request("POST", "/api/v1/classify", body=case)).body
        except RefusedError as error:
            raise RefusedError(f"{name}: {error}") from None
        answer = {**found, "id": name}
        answers.append(answer)
        spots += spots_of(answer, name)
    report.findings(answers, spots)
    worst = max((severity(str(one.get("level"))) for one in answers), default=-1)
    too_high = options.fail_on != "never" and worst >= severity(options.fail_on)
    return REFUSED if too_high else REACHED


def _case(options: argparse.Namespace) -> dict[str, Any]:
    context = {"service": options.service, "environment": options.environment}
    case: dict[str, Any] = {name: value for name, value in (("kind", options.kind),) if value}
    if options.before:
        case["before"] = read_file(options.before)
    if given := {name: value for name, value in context.items() if value}:
        case["context"] = given
    return case


def check(options: argparse.Namespace, report: Report) -> int:
    """Tell the result of a check that the change's policy waits for."""
    client = client_of(options, report.environment)
    body = {"name": options.name, "passed": options.passed}
    body.update({k: v for k, v in (("url", options.link), ("detail", options.detail)) if v})
    path = f"/api/v1/changes/{quote(options.change, safe='')}/checks"
    answer = client.ask(Request("POST", path, body=body)).body
    told = answer.get("checks")
    checks = [one for one in told if isinstance(one, dict)] if isinstance(told, list) else []
    lines = [f"{one.get('name')}: {one.get('state')}" for one in checks[:MOST_SIGNALS]]
    for line in lines:
        report.tell(line)
    shown = {
        "json": one_json(answer),
        "text": "\n".join(for_log(line) for line in lines),
        "markdown": "\n".join(f"- {markdown(line)}" for line in lines),
    }
    print(shown[options.format])
    return REACHED


def event(options: argparse.Namespace, report: Report) -> int:
    """Tell of a deployment that Graygate did not make: one event for one run of the job."""
    client = client_of(options, report.environment)
    told = {"service": options.service, "version": options.version, "chain": options.change}
    subject: dict[str, Any] = {"id": options.service, "content": {}}
    if options.version:
        subject["content"]["artifactId"] = options.version
    body = {
        "specversion": "1.0",
        "id": run_key(report.environment, told),
        "source": source_of(report.environment),
        "type": "dev.cdevents.service.deployed.0.2.0",
        "data": {
            "context": {"chainId": options.change} if options.change else {},
            "subject": subject,
        },
    }
    answer = client.ask(Request("POST", "/api/v1/events", body=body)).body
    line = "told" if answer.get("accepted") else "told before"
    shown = {"json": one_json(answer), "text": line, "markdown": f"- {line}"}
    print(shown[options.format])
    return REACHED


def source_of(environment: Mapping[str, str]) -> str:
    if repository := environment.get("GITHUB_REPOSITORY"):
        return f"{environment.get('GITHUB_SERVER_URL', '')}/{repository}"[:300]
    return environment.get("CI_PROJECT_URL", "")[:300] or "graygate-ci"


# --- the command line ------------------------------------------------------------------------


def add_common(parser: argparse.ArgumentParser, environment: Mapping[str, str]) -> None:
    parser.add_argument("--url", default=environment.get("GRAYGATE_URL", ""))
    parser.add_argument(
        "--token-env",
        default="GRAYGATE_TOKEN",
        metavar="NAME",
        help="environment variable with the API token (GRAYGATE_TOKEN); without a token the job's "
        "identity (GitHub's, or GRAYGATE_ID_TOKEN) is exchanged for one",
    )
    parser.add_argument(
        "--audience",
        default=environment.get("GRAYGATE_AUDIENCE", ""),
        help="for whom GitHub's identity token is made: the address of Graygate unless told",
    )
    parser.add_argument("--ca-file", default=environment.get("GRAYGATE_CA_FILE") or None)
    parser.add_argument(
        "--insecure-http", action="store_true", help="send the token without TLS to another host"
    )
    parser.add_argument("--timeout", type=float, default=600.0, metavar="SECONDS")
    parser.add_argument("--format", choices=("json", "text", "markdown"), default="json")
    parser.add_argument("--dotenv", metavar="FILE", help="write GitLab's dotenv report")
    parser.add_argument("--codequality", metavar="FILE", help="write GitLab's code quality report")


def add_submit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="the change as JSON; - is standard input")
    parser.add_argument("--wait", action="store_true")
    parser.add_argument("--until", choices=("allowed", "completed"), default="allowed")
    parser.add_argument(
        "--on-unreachable",
        choices=("block", "allow"),
        default="block",
        help="when Graygate gives no answer at all: fail (block) or let the pipeline go on",
    )
    parser.add_argument(
        "--idempotency-key",
        metavar="KEY",
        default=None,
        help="made of the run, the job and the change unless told",
    )


def _add_wait(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("change", metavar="CHANGE")
    parser.add_argument("--until", choices=("allowed", "completed"), default="allowed")


def _add_classify(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", metavar="FILE", nargs="+")
    parser.add_argument("--kind", help="found out from name and content unless told")
    parser.add_argument("--before", metavar="FILE", help="what is there now, of one FILE")
    parser.add_argument("--service")
    parser.add_argument("--environment")
    parser.add_argument(
        "--fail-on",
        choices=(*LEVELS, "never"),
        default="never",
        help="exit 3 at this risk level or above",
    )


def _add_check(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("change", metavar="CHANGE")
    parser.add_argument("--name", required=True)
    result = parser.add_mutually_exclusive_group(required=True)
    result.add_argument("--passed", dest="passed", action="store_true")
    result.add_argument("--failed", dest="passed", action="store_false")
    parser.add_argument("--link", metavar="URL", help="where the result can be read")
    parser.add_argument("--detail")


def _add_event(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--service", required=True, help="what was deployed")
    parser.add_argument("--version", help="of what: an image, or a purl")
    parser.add_argument("--change", help="the change that it belongs to")


COMMANDS: Mapping[str, tuple[Any, Any, str]] = {
    "submit": (add_submit, submit, "submit a change and wait for the decision"),
    "wait": (_add_wait, wait, "wait for the decision on a change that is in already"),
    "classify": (_add_classify, classify, "say how risky files are; nothing is stored"),
    "check": (_add_check, check, "tell the result of a check that a change waits for"),
    "event": (_add_event, event, "tell of a deployment that Graygate did not make"),
}


class Parser(argparse.ArgumentParser):
    """argparse's own exit code for wrong usage, 2, would read as "needs approval"."""

    def error(self, message: str) -> Any:
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: {message}\n")


def parser_of(environment: Mapping[str, str]) -> Parser:
    parser = Parser(prog="graygate.py", description="Graygate for CI jobs.")
    parser.add_argument("--version", action="version", version=VERSION)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (add, _, told) in COMMANDS.items():
        one = commands.add_parser(name, help=told, description=told)
        add_common(one, environment)
        add(one)
    return parser


def run(command: str, options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """The exit code. Raises nothing that a job would have to read a traceback for."""
    report = Report(options, environment)
    try:
        return int(COMMANDS[command][1](options, report))
    except (UsageError, RefusedError) as error:
        report.fail(str(error))
    except UnreachableError as error:
        report.fail(f"Graygate is unreachable ({error}).")
    except (KeyError, TypeError, ValueError, RecursionError, http.client.HTTPException):
        report.fail("Graygate's answer is none that this client understands: download it again.")
    except BrokenPipeError:
        os.close(sys.stdout.fileno())
    return USAGE


def main() -> int:
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    options = parser_of(os.environ).parse_args()
    try:
        return run(options.command, options, os.environ)
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
