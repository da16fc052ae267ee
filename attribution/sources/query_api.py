"""One query to a server that speaks Prometheus' HTTP API, and what its failures mean."""

import time
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlencode

from attribution.bounded_http import ExchangeError, TooLateError, TooLongError, exchange
from attribution.credentials import Credentials
from attribution.sources.answers import Answer, read_answer, read_refusal

MOST_ANSWER_BYTES = 16_000_000
RETRY_AFTER_S = 0.1
REFUSALS = {HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY}
TOO_LONG = {HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.REQUEST_URI_TOO_LONG}
DENIALS: dict[int, str] = {
    HTTPStatus.UNAUTHORIZED: "refuses the credentials",
    HTTPStatus.FORBIDDEN: "refuses the credentials",
    HTTPStatus.NOT_FOUND: "has no query API at this address",
}


class RefusedError(Exception):
    """The server will not evaluate this query, or not answer it in bounds."""


class UnreadError(Exception):
    """Nothing can be said about the query. `again`: a second attempt may help at once."""

    def __init__(self, what: str, *, again: bool = False) -> None:
        super().__init__(what)
        self.again = again


class SlowError(UnreadError):
    """It was asked in vain: that may be the query, it may be the server."""


@dataclass(frozen=True)
class Server:
    """As the operator's file has it; `url` may end in a path, as Mimir's does."""

    name: str
    url: str
    credentials: Credentials


class QueryApi:
    """Every query as of the same instant `at` (epoch seconds; None: the server's own now), all
    before one deadline.
    """

    def __init__(self, server: Server, at: float | None, timeout_s: float) -> None:
        self._server, self._at = server, at
        self._deadline = time.monotonic() + timeout_s

    def answer(self, query: str) -> Answer:
        """Tries twice where that may help. Raises RefusedError, UnreadError, AnswerError."""
        try:
            return self._attempt(query)
        except UnreadError as problem:
            if not problem.again or self._left() < 2 * RETRY_AFTER_S:
                raise
        time.sleep(RETRY_AFTER_S)
        return self._attempt(query)

    def _left(self) -> float:
        return self._deadline - time.monotonic()

    def _attempt(self, query: str) -> Answer:
        status, content = self._exchange(query)
        if status == HTTPStatus.OK:
            return read_answer(content)
        said = read_refusal(content)
        if status in TOO_LONG or (status in REFUSALS and said is not None):
            raise RefusedError(said or f"status {status}")
        if status == HTTPStatus.SERVICE_UNAVAILABLE and said is not None and "time" in said:
            raise SlowError(self._says(said))
        what = DENIALS.get(status, f"answers with status {status}")
        raise UnreadError(self._says(what), again=status == HTTPStatus.SERVICE_UNAVAILABLE)

    def _exchange(self, query: str) -> tuple[int, bytes]:
        left = self._left()
        if left <= 0:
            raise UnreadError(self._says("was not asked: no time was left"))
        try:
            return exchange(
                "POST",
                f"{self._server.url.rstrip('/')}/api/v1/query",
                timeout_s=left,
                most_bytes=MOST_ANSWER_BYTES,
                headers={
                    **self._server.credentials.headers(),
                    "Content-Type": "application/x-www-form-urlencoded",
                },
                body=urlencode(self._form(query, left)).encode(),
                tls=self._server.credentials.tls,
            )
        except TooLongError as problem:
            raise RefusedError(str(problem)) from None
        except TooLateError as problem:
            raise SlowError(self._says(f"does not answer: {problem}")) from None
        except ExchangeError as problem:
            raise UnreadError(self._says(f"cannot be reached: {problem}"), again=True) from None
        except ValueError as problem:
            raise UnreadError(self._says(f"cannot be asked: {problem}")) from None

    def _form(self, query: str, left: float) -> dict[str, str]:
        return {
            "query": query,
            **({} if self._at is None else {"time": f"{self._at:.3f}"}),
            # The server's limit comes first: it says what was slow, and stops working on it.
            "timeout": f"{max(1, int(left * 450))}ms",
            # VictoriaMetrics would answer as of half a minute ago.
            "nocache": "1",
        }

    def _says(self, what: str) -> str:
        return f"source {self._server.name!r} {what}"
