"""The public keys of an issuer: kept for a while, read anew when a token names another one.

They come from the operator's address alone, in bounded time and size, without redirects. A token
with a made-up key must not make Graygate ask the issuer for each: there is a least time between
two reads, whatever comes of them.
"""

import json
import logging
import threading
import time
from collections.abc import Callable
from functools import cache
from typing import Any

import jwt

from attribution.bounded_http import ExchangeError, Tls, exchange

logger = logging.getLogger(__name__)

FRESH_S = 600.0
# While the issuer cannot be read; after that a key that was withdrawn could be trusted for ever.
STALE_S = 3600.0
READ_EVERY_S = 10.0
TIMEOUT_S = 5.0
MOST_BYTES = 256_000
MOST_KEYS = 100
# Who sends made-up keys while the issuer hangs must not keep every thread that serves requests.
MOST_WAITING = 3
LEAST_RSA_BITS = 2048
LONGEST_ID = 200


class KeysUnreadableError(Exception):
    """The issuer's keys are not known at the moment."""


class Keys:
    """Of one issuer. Threads share one."""

    def __init__(
        self, url: str, ca_file: str | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._url, self._tls, self._clock = url, Tls(verify=ca_file or True), clock
        self._lock, self._waiting = threading.Lock(), threading.BoundedSemaphore(MOST_WAITING)
        # By id and type. Replaced as a whole, so that it can be read without the lock.
        self._keys: dict[tuple[str, str], dict[str, Any]] = {}
        self._read_at = self._tried_at = float("-inf")

    def key(self, key_id: str, algorithm: str) -> Any:
        """The public key, or None: no such key for this algorithm. Raises KeysUnreadableError."""
        wanted = (key_id, TYPES[algorithm])
        if self._is_known(wanted, STALE_S):
            if not self._is_known(wanted, FRESH_S):
                self._renew(wanted, patient=False)
        elif not self._waiting.acquire(blocking=False):
            raise KeysUnreadableError
        else:
            try:
                self._renew(wanted, patient=True)
            finally:
                self._waiting.release()
        if self._age() > STALE_S:
            raise KeysUnreadableError
        return _usable(self._keys.get(wanted), algorithm)

    def _is_known(self, wanted: tuple[str, str], longest_s: float) -> bool:
        return wanted in self._keys and self._age() <= longest_s

    def _renew(self, wanted: tuple[str, str], *, patient: bool) -> None:
        """One thread asks. What is known does for the others meanwhile."""
        if self._lock.acquire(blocking=patient):
            try:
                if not self._is_known(wanted, FRESH_S):
                    self._refresh()
            finally:
                self._lock.release()

    def _age(self) -> float:
        return self._clock() - self._read_at

    def _refresh(self) -> None:
        if self._clock() - self._tried_at < READ_EVERY_S:
            return
        self._tried_at = self._clock()
        try:
            self._keys = _read(self._url, self._tls)
            self._read_at = self._clock()
        except (ExchangeError, ValueError, RecursionError) as problem:
            logger.warning("identity_keys_unreadable: %s: %s", self._url, problem)


# Signatures that are trusted at all: by a key pair, never by a secret, never none.
TYPES = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC"}


@cache
def keys_of(url: str, ca_file: str | None) -> Keys:
    return Keys(url, ca_file)


def _read(url: str, tls: Tls) -> dict[tuple[str, str], dict[str, Any]]:
    """Raises ExchangeError, ValueError."""
    status, content = exchange(
        "GET", url, timeout_s=TIMEOUT_S, most_bytes=MOST_BYTES, tls=tls,
        headers={"Accept": "application/json"},
    )  # fmt: skip
    if status != 200:
        raise ValueError(f"it answered with status {status}")
    document = json.loads(content)
    given = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(given, list) or len(given) > MOST_KEYS:
        raise ValueError(f"no list of at most {MOST_KEYS} keys")
    return {(one["kid"], one["kty"]): one for one in given if _is_for_signing(one)}


def _is_for_signing(key: Any) -> bool:
    return (
        isinstance(key, dict)
        and isinstance(key.get("kid"), str)
        and key.get("kty") in TYPES.values()
        and key.get("use", "sig") == "sig"
    )


def _usable(key: dict[str, Any] | None, algorithm: str) -> Any:
    if key is None or key.get("alg", algorithm) != algorithm:
        return None
    public = {name: value for name, value in key.items() if name not in ("d", "p", "q")}
    try:
        found = jwt.PyJWK(public, algorithm=algorithm).key
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        return None
    short = TYPES[algorithm] == "RSA" and found.key_size < LEAST_RSA_BITS
    wrong_curve = TYPES[algorithm] == "EC" and found.curve.name != "secp256r1"
    return None if short or wrong_curve else found
