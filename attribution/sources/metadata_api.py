"""What a server that speaks Prometheus' HTTP API has: names, labels, types.

Each answer is bounded in bytes and in time, and each list in length: a server with ten million
series answers with a clear error or with a part, never for ever.
"""

import json
import time
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from attribution.bounded_http import ExchangeError, TooLateError, TooLongError, exchange
from attribution.sources.answers import clean, read_refusal
from attribution.sources.query_api import DENIALS, Server

MOST_BYTES = 8_000_000
MOST_ITEMS = 100_000
# Labels and names that nobody has written for so long are of the past.
LATELY_S = 3_600.0


class MetadataError(Exception):
    """Why it cannot be told; no secret in it. `denied`: nothing else will be answered either."""

    def __init__(self, what: str, *, denied: bool = False) -> None:
        super().__init__(what)
        self.denied = denied


class MetadataApi:
    """`only`: matchers that every series has to fit, as `namespace="shop"`; empty: all do."""

    def __init__(self, server: Server, at: float, timeout_s: float, only: str = "") -> None:
        self._server, self._at, self._only = server, at, only
        self._deadline = time.monotonic() + timeout_s

    def names(self) -> list[str]:
        """Of all metrics. Raises MetadataError."""
        params = [("match[]", f"{{{self._only}}}")] if self._only else []
        return _texts(self._get("label/__name__/values", [*params, *self._lately()]))

    def labels(self, metric: str) -> list[str]:
        """Names of the labels of a metric's series. Raises MetadataError."""
        return _texts(self._get("labels", [self._match(metric), *self._lately()]))

    def values(self, metric: str, label: str, most: int) -> list[str]:
        params = [self._match(metric), *self._lately(), ("limit", str(most))]
        return _texts(self._get(f"label/{quote(label, safe='')}/values", params))[:most]

    def types(self) -> dict[str, str]:
        """Name -> counter, gauge, histogram, as far as the server keeps it: many do not."""
        found = self._get("metadata", [("limit", "20000"), ("limit_per_metric", "1")])
        if not isinstance(found, dict):
            return {}
        kinds = ((name, each[0]) for name, each in found.items() if isinstance(each, list) and each)
        return {str(name): str(one.get("type")) for name, one in kinds if isinstance(one, dict)}

    def _match(self, metric: str) -> tuple[str, str]:
        return ("match[]", f"{metric}{{{self._only}}}" if self._only else metric)

    def _lately(self) -> list[tuple[str, str]]:
        return [("start", f"{self._at - LATELY_S:.3f}"), ("end", f"{self._at:.3f}")]

    def _get(self, path: str, params: Sequence[tuple[str, str]]) -> Any:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise MetadataError(self._says("was not asked: no time was left"))
        try:
            status, content = exchange(
                "GET",
                f"{self._server.url.rstrip('/')}/api/v1/{path}",
                timeout_s=left,
                most_bytes=MOST_BYTES,
                headers=self._server.credentials.headers(),
                params=dict(params),
                tls=self._server.credentials.tls,
            )
        except TooLongError:
            what = f"tells more than {MOST_BYTES:,} bytes of {path}: look at a part, with --only"
            raise MetadataError(self._says(what)) from None
        except TooLateError as problem:
            what = f"does not answer about {path}: {problem}; look at a part, with --only"
            raise MetadataError(self._says(what)) from None
        except ExchangeError as problem:
            raise MetadataError(self._says(f"cannot be reached: {problem}"), denied=True) from None
        except ValueError as problem:
            raise MetadataError(self._says(f"cannot be asked: {problem}"), denied=True) from None
        return self._data(status, content, path)

    def _data(self, status: int, content: bytes, path: str) -> Any:
        if status != HTTPStatus.OK:
            said = DENIALS.get(status) or read_refusal(content) or f"answers with status {status}"
            denied = status in DENIALS
            raise MetadataError(self._says(f"{said} ({path})"), denied=denied)
        try:
            body = json.loads(content)
            return body["data"] if body["status"] == "success" else body["no data"]
        except (ValueError, KeyError, TypeError, RecursionError):
            what = f"answers about {path} what no Prometheus would"
            raise MetadataError(self._says(what), denied=True) from None

    def _says(self, what: str) -> str:
        return f"source {self._server.name!r} {what}"


def _texts(found: Any) -> list[str]:
    if not isinstance(found, list):
        return []
    return [clean(each) for each in found[:MOST_ITEMS] if isinstance(each, str)]
