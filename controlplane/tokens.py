"""API tokens `gg_<key>.<secret>`: found by secret scanners, kept only as an HMAC of the secret.

Peppers come from GRAYGATE_TOKEN_PEPPERS (comma-separated; the first signs, all verify), so that
one can be rotated: a token that verifies under an older pepper is signed anew under the first.
Without the variable a pepper is made once and kept in the folder GRAYGATE_VAR, mode 0600: outside
the database, so that a stolen dump alone verifies nothing. Several hosts need the variable.
"""

import hashlib
import hmac
import os
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import User

from attribution.clock import database_now
from controlplane.access import Role, Scope, scopes_of, scopes_of_role
from controlplane.kept_secrets import kept
from controlplane.models import ApiToken

PREFIX = "gg_"
# last_used_at answers "is it still in use?"; a write at each request would be for nothing.
USE_RECORDED_EVERY = timedelta(minutes=1)
WITHOUT_A_PERSON = scopes_of_role(Role.SUBMITTER)


class TokenError(Exception):
    """Why a token is not accepted, in words that may be shown to whoever sent it."""


def issue(
    user: User,
    scopes: Iterable[str],
    description: str,
    expires_at: datetime | None = None,
    *,
    issuer: str = "",
    services: Iterable[str] | None = None,
) -> tuple[ApiToken, str]:
    """The row, and the token's text: it is shown now and never again."""
    wanted = frozenset(scopes)
    if unknown := wanted - frozenset(Scope):
        known = ", ".join(Scope)
        raise TokenError(f"Unknown scope {', '.join(sorted(unknown))}. Known: {known}.")
    if excess := wanted - scopes_of(user):
        raise TokenError(f"The role of {user.get_username()} lacks: {', '.join(sorted(excess))}.")
    key, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    row = ApiToken.objects.create(
        key=key,
        digest=_digest(peppers()[0], key, secret),
        user=user,
        scopes=sorted(wanted),
        services=None if services is None else sorted(services),
        issuer=issuer,
        description=description,
        expires_at=expires_at,
    )
    return row, f"{PREFIX}{key}.{secret}"


def verify(text: str) -> ApiToken:
    """The row behind a token. Raises TokenError."""
    key, dot, secret = text.removeprefix(PREFIX).partition(".")
    if not text.startswith(PREFIX) or not dot or not text.isascii():
        raise TokenError("This is no Graygate token: expected gg_<key>.<secret>.")
    row = ApiToken.objects.select_related("user").filter(key=key).first()
    # Without a row the comparison still runs, so that the time taken tells nothing of keys.
    signed_by = _pepper_of(row.digest if row else "", key, secret)
    if row is None or signed_by is None or not row.user.is_active:
        raise TokenError("The token is unknown, revoked, or signed with a retired pepper.")
    now = database_now()
    if row.expires_at is not None and row.expires_at <= now:
        raise TokenError("The token has expired: create a new one.")
    _record_use(row, secret, signed_by, now)
    return row


def granted(token: ApiToken) -> frozenset[Scope]:
    """Never more than the user's role allows at this moment; without a person behind it never
    more than a submitter's, whatever its user has become.
    """
    scopes = scopes_of(token.user) & frozenset(token.scopes)
    return scopes & WITHOUT_A_PERSON if token.issuer else scopes


def peppers() -> list[bytes]:
    """The first signs, all verify."""
    given = [each.strip() for each in os.environ.get("GRAYGATE_TOKEN_PEPPERS", "").split(",")]
    if any(given):
        return [each.encode() for each in given if each]
    return [kept(Path(settings.VAR_DIR) / "token-pepper").encode()]


def _digest(pepper: bytes, key: str, secret: str) -> str:
    return hmac.new(pepper, f"{key}.{secret}".encode(), hashlib.sha256).hexdigest()


def _pepper_of(digest: str, key: str, secret: str) -> int | None:
    """Index of the pepper that the digest was made with."""
    found = None
    for index, pepper in enumerate(peppers()):
        if hmac.compare_digest(_digest(pepper, key, secret), digest):
            found = index
    return found


def _record_use(row: ApiToken, secret: str, signed_by: int, now: datetime) -> None:
    if signed_by:
        ApiToken.objects.filter(pk=row.pk).update(digest=_digest(peppers()[0], row.key, secret))
    if row.last_used_at is None or now - row.last_used_at >= USE_RECORDED_EVERY:
        ApiToken.objects.filter(pk=row.pk).update(last_used_at=now)
