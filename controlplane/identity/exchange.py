"""A verified identity becomes a token of Graygate's own: short-lived, narrow, and never a person's.

Its user is made on first sight and named `provider:identity`. Such a name cannot be created by
hand, nor log in; what it may do at most is what a submitter may.
"""

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from attribution.clock import database_now
from controlplane import tokens
from controlplane.access import Role, Scope, give_role, scopes_of
from controlplane.identity.assertions import NotAcceptedError, verified
from controlplane.identity.claims import Rule, claim_of, first_fitting
from controlplane.identity.providers import Provider, configured
from controlplane.models import ApiToken

logger = logging.getLogger(__name__)

# As wide as the columns that keep who did what.
LONGEST_AUTHOR = 100
# A job that asks for a token in a loop must not fill the table.
MOST_ALIVE = 500


class TooManyError(Exception):
    """As many tokens of one identity are alive as may be."""


class ScopeError(Exception):
    """Nothing of what was asked for may be given; its text may be shown to whoever asked."""


@dataclass(frozen=True)
class Exchanged:
    token: str
    expires_in: int
    scopes: frozenset[Scope]


def exchange(text: str, wanted: frozenset[str] | None = None) -> Exchanged:
    """`wanted`: scopes to narrow it to. Raises NotAcceptedError, KeysUnreadableError,
    TooManyError, ScopeError.
    """
    provider, claims = verified(text, configured())
    rule = first_fitting(provider.rules, claims)
    if rule is None:
        raise NotAcceptedError(f"{provider.name}: no rule fits {str(claims['sub'])[:200]!r}")
    return _issued(provider, rule, claims, wanted)


@transaction.atomic
def _issued(
    provider: Provider, rule: Rule, claims: dict[str, Any], wanted: frozenset[str] | None
) -> Exchanged:
    user = _user(_author(provider, claims))
    scopes = rule.scopes & scopes_of(user)
    if wanted is not None:
        scopes = frozenset(scope for scope in scopes if scope in wanted)
    if not scopes:
        raise ScopeError("None of these scopes is given to this identity.")
    now = database_now()
    alive = ApiToken.objects.filter(user=user, expires_at__gt=now).exclude(issuer="")
    if alive.count() >= MOST_ALIVE:
        raise TooManyError
    _, token = tokens.issue(
        user,
        scopes,
        _described(claims),
        now + timedelta(seconds=provider.lifetime_s),
        issuer=provider.issuer,
        services=rule.services,
    )
    logger.info("identity_exchanged: %s", user.get_username())
    return Exchanged(token, provider.lifetime_s, scopes)


def _author(provider: Provider, claims: dict[str, Any]) -> str:
    value = claim_of(claims, provider.identity)
    author = f"{provider.name}:{value}"
    plain = isinstance(value, str) and value and value.isprintable() and " " not in value
    if not plain or len(author) > LONGEST_AUTHOR:
        raise NotAcceptedError(f"{provider.name}: claim {provider.identity!r} is no usable name")
    return author


def _user(author: str) -> User:
    """One account an identity, however its name is written. An operator can take its role away,
    or switch it off: neither is undone here.
    """
    user = User.objects.filter(username__iexact=author).order_by("pk").first()
    if user is None:
        user, made = User.objects.get_or_create(username=author)
        if made:
            user.set_unusable_password()
            user.save(update_fields=["password"])
            give_role(user, Role.SUBMITTER)
    if not user.is_active:
        raise NotAcceptedError(f"{author} was switched off")
    return user


def _described(claims: dict[str, Any]) -> str:
    subject = "".join(letter for letter in str(claims["sub"]) if letter.isprintable())
    return f"exchanged for {subject}"[:200]
