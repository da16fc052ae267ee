"""Reads a Prometheus, or whatever speaks its HTTP API (VictoriaMetrics, Thanos, Mimir).

config: {"server": NAME}, a name among `sources` in the operator's file. A query that is a plain
selector is read as a counter; any other PromQL is evaluated by the server at the instant of the
read, and its sum taken for the count within the interval (`$interval` in it says how long that is).
All services of one server are read together.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings

from attribution.credentials import credentials
from attribution.errors import CaseError
from attribution.fields import text
from attribution.guardrails import KINDS
from attribution.sources.answering import by_label, question, window_of
from attribution.sources.answers import AnswerError
from attribution.sources.base import Answered, Ask, Reading, SourceError, VersionAsk
from attribution.sources.query_api import QueryApi, RefusedError, Server, UnreadError
from attribution.sources.querying import ask as ask_all
from attribution.sources.questions import questions
from attribution.sources.readings import reading
from attribution.sources.set_aside import set_aside

VERSIONS_WITHIN_S = 3.0


class PrometheusSource:
    kinds = KINDS
    bounded = True

    def validate(self, config: Mapping[str, Any], pointer: str) -> None:
        unknown = sorted(set(config) - {"server"})
        if unknown:
            raise CaseError("unknown field", "known: server", f"{pointer}/{unknown[0]}")
        name = text(config, "server", pointer)
        if name not in settings.OPERATOR.sources:
            known = ", ".join(sorted(settings.OPERATOR.sources)) or "none"
            detail = f"{name!r} is not among `sources` in the operator's file; known: {known}"
            raise CaseError("unknown server", detail, f"{pointer}/server")

    def place(self, config: Mapping[str, Any]) -> str:
        return str(config.get("server"))

    def read(
        self, config: Mapping[str, Any], queries: Mapping[str, str], state: Mapping[str, Any]
    ) -> Reading:
        (found,) = self.read_many([Ask(config, queries, state)])
        if isinstance(found, SourceError):
            raise found
        return found

    def read_many(self, asks: Sequence[Ask]) -> list[Reading | SourceError]:
        """All of one place."""
        try:
            server = self._server(asks[0].config)
        except SourceError as problem:
            return [problem for _ in asks]
        interval_s = settings.GRAYGATE_INTERVAL_S
        asked = [questions(one.queries, interval_s) for one in asks]
        at = time.time()
        api = QueryApi(server, at, timeout_s=min(max(interval_s * 0.6, 0.3), 10.0))
        parts = (part for one in asked for part in one.parts())
        outcome = ask_all(api, parts, set_aside(server.name))
        return [
            reading(questions_, outcome, one.state, at, interval_s)
            for one, questions_ in zip(asks, asked, strict=True)
        ]

    def versions(self, ask: VersionAsk) -> Answered:
        """One query: what does not answer in time keeps no other service waiting for long."""
        window_s = window_of(ask.since_s, settings.GRAYGATE_INTERVAL_S)
        api = QueryApi(self._server(ask.config), time.time(), timeout_s=VERSIONS_WITHIN_S)
        try:
            answer = api.answer(question(ask, window_s))
            return Answered(by_label(answer, ask.label), window_s)
        except (RefusedError, UnreadError, AnswerError) as problem:
            raise SourceError(str(problem)) from None

    def _server(self, config: Mapping[str, Any]) -> Server:
        try:
            self.validate(config, "/source/config")
            entry = settings.OPERATOR.sources[config["server"]]
            return Server(config["server"], str(entry["url"]), credentials(entry))
        except CaseError as problem:
            raise SourceError(f"{problem.detail} ({problem.pointer})") from None
        except ValueError as problem:
            raise SourceError(f"source {config['server']!r}: {problem}") from None
