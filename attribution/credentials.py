"""How Graygate proves itself to a server of the operator's file, and how the server proves itself.

Fields of an entry: `bearer_token` or `bearer_token_file`; `username` with `password` or
`password_file`; `headers`; `ca_file`; `cert_file` with `key_file`. What is in a file is read anew
at each use, so that it can be rotated. No message holds a secret.
"""

import base64
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from attribution.bounded_http import Tls

_TEXTS = (
    *("bearer_token", "bearer_token_file", "username", "password", "password_file"),
    *("ca_file", "cert_file", "key_file"),
)
_FILES = tuple(name for name in _TEXTS if name.endswith("_file"))
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


@dataclass(frozen=True)
class Credentials:
    """Made by `credentials`, which has looked at the entry."""

    entry: Mapping[str, str] = field(default_factory=dict, repr=False)
    extra: Mapping[str, str] = field(default_factory=dict, repr=False)

    def headers(self) -> dict[str, str]:
        """Raises ValueError when a file cannot be read or holds no secret."""
        return {**self.extra, **self._authorization()}

    @property
    def tls(self) -> Tls:
        cert = self.entry.get("cert_file")
        key = self.entry.get("key_file")
        both = (cert, key) if cert and key else cert
        return Tls(verify=self.entry.get("ca_file") or True, cert=both)

    def _authorization(self) -> dict[str, str]:
        if {"bearer_token", "bearer_token_file"} & self.entry.keys():
            return {"Authorization": f"Bearer {_printable(self._secret('bearer_token'))}"}
        if "username" not in self.entry:
            return {}
        pair = f"{self.entry['username']}:{self._secret('password')}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}

    def _secret(self, name: str) -> str:
        path = self.entry.get(f"{name}_file")
        return self.entry[name] if path is None else _content(path, f"{name}_file")


def credentials(entry: Mapping[str, Any]) -> Credentials:
    """Raises ValueError saying which field is wrong."""
    given = {name: entry[name] for name in _TEXTS if entry.get(name) is not None}
    for name, value in given.items():
        if not isinstance(value, str) or not value:
            raise ValueError(f"`{name}` is no text")
    _check_together(given)
    for name in _FILES:
        if name in given and not os.access(given[name], os.R_OK):
            raise ValueError(f"`{name}` cannot be read")
    made = Credentials(given, _headers(entry.get("headers") or {}, given))
    made.headers()
    return made


def _check_together(given: Mapping[str, str]) -> None:
    for one, other in (("bearer_token", "bearer_token_file"), ("password", "password_file")):
        if one in given and other in given:
            raise ValueError(f"give `{one}` or `{other}`, not both")
    has_password = bool({"password", "password_file"} & given.keys())
    if has_password != ("username" in given):
        raise ValueError("`username` and `password` (or `password_file`) belong together")
    if has_password and {"bearer_token", "bearer_token_file"} & given.keys():
        raise ValueError("give a bearer token or a user's name and password, not both")
    if ":" in given.get("username", ""):
        raise ValueError("`username` must not hold a colon")
    if "key_file" in given and "cert_file" not in given:
        raise ValueError("`key_file` belongs to a `cert_file`")


def _headers(given: Any, entry: Mapping[str, str]) -> dict[str, str]:
    if not isinstance(given, Mapping):
        raise ValueError("`headers` is no object")  # noqa: TRY004 - callers look for one kind
    for name, value in given.items():
        if not isinstance(name, str) or not _HEADER.fullmatch(name):
            raise ValueError("`headers` holds something that is no header's name")
        if not isinstance(value, str) or not value.isascii() or not value.isprintable():
            raise ValueError(f"header `{name}` has no plain text for a value")
        if name.lower() == "authorization" and {"username", *_TEXTS[:2]} & entry.keys():
            raise ValueError("`headers` and another field both say Authorization")
    return dict(given)


def _content(path: str, name: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123 - a path of the operator's
            content = file.read(100_000).rstrip("\r\n")
    except (OSError, ValueError):
        raise ValueError(f"`{name}` cannot be read") from None
    if not content:
        raise ValueError(f"`{name}` is empty")
    return content


def _printable(token: str) -> str:
    if not token.isascii() or not token.isprintable() or " " in token:
        raise ValueError("the bearer token holds letters that a header cannot carry")
    return token
