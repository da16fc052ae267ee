"""The issuers that the operator's file trusts. An address in a token is never requested."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Self
from urllib.parse import urlsplit

from django.conf import settings

from controlplane.identity.claims import Rule

LIFETIME_S = 900
LONGEST_LIFETIME_S = 3600
MOST_RULES = 500
# Leaves most of an author's 100 letters to the identity itself.
LONGEST_NAME = 30
FIELDS = frozenset(
    {"name", "issuer", "audience", "jwks_url", "ca_file", "identity", "lifetime_s", "rules"}
)


@dataclass(frozen=True)
class Provider:
    """`identity`: the claim that, behind `name:`, becomes the author of a change."""

    name: str
    issuer: str
    audience: str
    jwks_url: str
    rules: tuple[Rule, ...]
    identity: str = "sub"
    lifetime_s: int = LIFETIME_S
    ca_file: str | None = None

    @classmethod
    def of(cls, entry: Any) -> Self:
        """Raises ValueError saying which field is wrong."""
        if not isinstance(entry, Mapping):
            raise ValueError("is no object")  # noqa: TRY004 - callers look for one kind
        if unknown := sorted(set(entry) - FIELDS):
            raise ValueError(f"has the unknown field `{unknown[0]}`")
        return cls(
            name=_name(entry),
            issuer=_address(entry, "issuer"),
            audience=_text(entry, "audience"),
            jwks_url=_address(entry, "jwks_url"),
            rules=_rules(entry),
            identity=_text(entry, "identity") if "identity" in entry else "sub",
            lifetime_s=_lifetime(entry),
            ca_file=_text(entry, "ca_file") if "ca_file" in entry else None,
        )


def configured() -> list[Provider]:
    """Those that can be read: the system check tells of the others."""
    found = []
    for entry in settings.OPERATOR.identity_providers:
        try:
            found.append(Provider.of(entry))
        except ValueError:
            continue
    return found


def problems() -> list[str]:
    """What is wrong with the operator's file, entry by entry."""
    told, issuers, names = [], set[str](), set[str]()
    for index, entry in enumerate(settings.OPERATOR.identity_providers):
        try:
            provider = Provider.of(entry)
        except ValueError as problem:
            told.append(f"identity_providers[{index}] {problem}")
            continue
        if provider.issuer in issuers or provider.name in names:
            told.append(f"identity_providers[{index}] repeats the issuer or the name of another")
        issuers.add(provider.issuer)
        names.add(provider.name)
    return told


def _text(entry: Mapping[str, Any], name: str) -> str:
    value = entry.get(name)
    if not isinstance(value, str) or not value or not value.isprintable():
        raise ValueError(f"names no `{name}`")
    return value


def _name(entry: Mapping[str, Any]) -> str:
    name = _text(entry, "name")
    if not name.isascii() or not name.isalnum() or len(name) > LONGEST_NAME:
        raise ValueError(f"`name` has to be 1 to {LONGEST_NAME} letters and digits")
    return name


def _address(entry: Mapping[str, Any], name: str) -> str:
    """HTTPS: whoever can put other keys in its place can be anybody. HTTP on this machine only."""
    url = _text(entry, name)
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        host = ""
    secure = host and (parts.scheme == "https" or (parts.scheme == "http" and _is_local(host)))
    if not secure or "@" in parts.netloc:
        raise ValueError(f"`{name}` is no https:// address")
    return url


def _is_local(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _lifetime(entry: Mapping[str, Any]) -> int:
    value = entry.get("lifetime_s", LIFETIME_S)
    if type(value) is not int or not 60 <= value <= LONGEST_LIFETIME_S:
        raise ValueError(f"`lifetime_s` has to be a whole number, 60 to {LONGEST_LIFETIME_S}")
    return value


def _rules(entry: Mapping[str, Any]) -> tuple[Rule, ...]:
    given = entry.get("rules")
    if not isinstance(given, list) or not 1 <= len(given) <= MOST_RULES:
        raise ValueError(f"has no `rules` (1 to {MOST_RULES})")
    found = []
    for index, one in enumerate(given):
        try:
            found.append(Rule.of(one))
        except ValueError as problem:
            raise ValueError(f"rules[{index}] {problem}") from None
    return tuple(found)
