"""One HTTP exchange that can neither hang nor flood: cut off in time and in size.

Redirects are never followed: an address that the operator did not list is never called.
"""

import time
from collections.abc import Mapping

import requests
import urllib3

CHUNK_BYTES = 16_384


class ExchangeError(Exception):
    """Why there is no answer: the kind of failure, never the address with its credentials."""


def exchange(  # noqa: PLR0913 - one request has these parts
    method: str,
    url: str,
    *,
    timeout_s: float,
    most_bytes: int = 1_000_000,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    params: Mapping[str, str] | None = None,
) -> tuple[int, bytes]:
    """Status and content, after `timeout_s` seconds at most even if it drips in byte by byte."""
    end = time.monotonic() + timeout_s
    try:
        with requests.request(
            method,
            url,
            params=params,
            data=body,
            headers=dict(headers or {}),
            timeout=timeout_s / 2,
            allow_redirects=False,
            stream=True,
        ) as response:
            content = b""
            # read1 returns what has arrived; read would wait for a whole chunk, drip by drip.
            while chunk := response.raw.read1(CHUNK_BYTES, decode_content=True):
                content += chunk
                if len(content) > most_bytes:
                    raise ExchangeError(f"the answer is longer than {most_bytes} bytes")
                if time.monotonic() > end:
                    raise ExchangeError(f"no whole answer within {timeout_s:g} s")
            return response.status_code, content
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise ExchangeError(type(error).__name__) from error
