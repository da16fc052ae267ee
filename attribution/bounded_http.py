"""One HTTP exchange that can neither hang nor flood: cut off in time and in size.

Redirects are never followed: an address that the operator did not list is never called. A time-out
of a socket begins anew with each byte; so the connection is shut from outside when the time for
the whole exchange is over, wherever it is then: handshake, headers or content.
"""

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

CHUNK_BYTES = 16_384


class ExchangeError(Exception):
    """Why there is no answer: the kind of failure, never the address with its credentials."""


class TooLateError(ExchangeError):
    """Nobody answered, or not wholly, in the time that there was."""


class TooLongError(ExchangeError):
    """The answer is longer than it may be."""


@dataclass(frozen=True)
class Tls:
    """`verify`: the file of the authorities to trust, or True: the system's. `cert`: our
    own, as one file or as (certificate, key).
    """

    verify: bool | str = True
    cert: str | tuple[str, str] | None = None


class Answer(tuple[int, bytes]):  # noqa: SLOT001 - a tuple takes no slots but empty ones
    """Status and content, as a pair; `headers` beside them."""

    headers: Mapping[str, str]


def exchange(  # noqa: PLR0913 - one request has these parts
    method: str,
    url: str,
    *,
    timeout_s: float,
    most_bytes: int = 1_000_000,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    params: Mapping[str, str] | None = None,
    tls: Tls | None = None,
) -> Answer:
    """The whole answer (with `most_bytes` 0: status and headers) within `timeout_s` seconds, even
    if it drips in byte by byte.
    """
    watched = _Watched(timeout_s)
    tls = tls or Tls()
    try:
        with watched.session() as session:
            response = session.request(
                method,
                url,
                params=params,
                data=body,
                headers=dict(headers or {}),
                timeout=timeout_s / 2,
                allow_redirects=False,
                stream=True,
                verify=tls.verify,
                cert=tls.cert,
                auth=_as_given if "Authorization" in (headers or {}) else None,
            )
            answer = Answer((response.status_code, _content(response, most_bytes)))
            answer.headers = response.headers
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        watched.check()
        late = isinstance(error, requests.Timeout)
        kind = TooLateError if late else ExchangeError
        raise kind(type(error).__name__) from error
    # A connection that was shut looks like an answer that ended.
    watched.check()
    return answer


def _as_given(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Instead of the password that a .netrc of this machine may hold for the host."""
    return request


def _content(response: requests.Response, most_bytes: int) -> bytes:
    parts, size = [], 0
    if most_bytes == 0:
        return b""
    # read1 returns what has arrived; read would wait for a whole chunk, drip by drip.
    while chunk := response.raw.read1(CHUNK_BYTES, decode_content=True):
        parts.append(chunk)
        size += len(chunk)
        if size > most_bytes:
            raise TooLongError(f"the answer is longer than {most_bytes} bytes")
    return b"".join(parts)


class _Watched:
    """Keeps a second handle on each connection, and shuts them when the time is over."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._handles: list[socket.socket] = []
        self._lock = threading.Lock()
        self._over = False

    def check(self) -> None:
        if self._over:
            raise TooLateError(f"no whole answer within {self._timeout_s:g} s")

    def add(self, connection: socket.socket) -> None:
        with self._lock:
            self._handles.append(connection.dup())
        if self._over:
            self._shut()

    def _shut(self) -> None:
        with self._lock:
            self._over = True
            for handle in self._handles:
                try:
                    handle.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue  # it has ended by itself

    @contextmanager
    def session(self) -> Iterator[requests.Session]:
        timer = threading.Timer(self._timeout_s, self._shut)
        timer.daemon = True
        timer.start()
        try:
            with requests.Session() as session:
                session.mount("http://", _Adapter(self))
                session.mount("https://", _Adapter(self))
                yield session
        finally:
            timer.cancel()
            with self._lock:
                for handle in self._handles:
                    handle.close()
                self._handles.clear()


class _Adapter(HTTPAdapter):
    """requests' own, with connections that show their sockets to the watch."""

    def __init__(self, watched: _Watched) -> None:
        self._watched = watched
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _pools(self._watched)


def _pools(watched: _Watched) -> dict[str, type[HTTPConnectionPool]]:
    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            made = super()._new_conn()
            watched.add(made)
            return made

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            made = super()._new_conn()
            watched.add(made)
            return made

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}
