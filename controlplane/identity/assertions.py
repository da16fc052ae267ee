"""A signed identity token, verified: by whom, for whom, when. Nothing in it is believed before."""

import time
from collections.abc import Iterable
from typing import Any

import jwt

from controlplane.identity.keys import LONGEST_ID, TYPES, keys_of
from controlplane.identity.providers import Provider

LONGEST_TOKEN = 16_384
LEEWAY_S = 30
# A CI job's token lives minutes to hours; one that lives longer is a secret that lies around.
LONGEST_LIFE_S = 24 * 3600
REQUIRED = ["iss", "aud", "sub", "exp", "iat"]
_UNREADABLE = (jwt.PyJWTError, ValueError, TypeError, KeyError, OverflowError, RecursionError)


class NotAcceptedError(Exception):
    """Why, for the log of the operator: whoever sent the token is not told."""


def verified(text: str, providers: Iterable[Provider]) -> tuple[Provider, dict[str, Any]]:
    """Raises NotAcceptedError, KeysUnreadableError."""
    if len(text) > LONGEST_TOKEN or not text.isascii():
        raise NotAcceptedError("too long, or not ASCII")
    algorithm, key_id = _header(text)
    provider = _provider(text, providers)
    key = keys_of(provider.jwks_url, provider.ca_file).key(key_id, algorithm)
    if key is None:
        raise NotAcceptedError(f"{provider.name}: unknown key {key_id!r} for {algorithm}")
    try:
        claims: dict[str, Any] = jwt.decode(
            text,
            key,
            algorithms=[algorithm],
            audience=provider.audience,
            issuer=provider.issuer,
            leeway=LEEWAY_S,
            options={"require": REQUIRED},
        )
        _check_life(claims)
    except _UNREADABLE as problem:
        raise NotAcceptedError(f"{provider.name}: {type(problem).__name__}: {problem}") from None
    return provider, claims


def _header(text: str) -> tuple[str, str]:
    """Algorithm and key id. Keys and addresses of keys that a token brings along are ignored."""
    try:
        header = jwt.get_unverified_header(text)
    except _UNREADABLE as problem:
        raise NotAcceptedError(f"no token: {type(problem).__name__}") from None
    algorithm, key_id = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in TYPES:
        raise NotAcceptedError(f"algorithm {str(algorithm)[:20]!r}")
    if not isinstance(key_id, str) or len(key_id) > LONGEST_ID or "crit" in header:
        raise NotAcceptedError("no key id, or a header that asks for more")
    return algorithm, key_id


def _provider(text: str, providers: Iterable[Provider]) -> Provider:
    """Whose word it claims to be; the signature shows later whether it is."""
    try:
        claimed = jwt.decode(text, options={"verify_signature": False}).get("iss")
    except _UNREADABLE as problem:
        raise NotAcceptedError(f"no token: {type(problem).__name__}") from None
    found = next((one for one in providers if one.issuer == claimed), None)
    if found is None:
        raise NotAcceptedError(f"issuer {str(claimed)[:100]!r} is not trusted")
    return found


def _check_life(claims: dict[str, Any]) -> None:
    made, ends = int(claims["iat"]), int(claims["exp"])
    if ends - made > LONGEST_LIFE_S or time.time() - made > LONGEST_LIFE_S:
        raise ValueError("it lives longer than a day")
