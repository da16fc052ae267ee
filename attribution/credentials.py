"""How Graygate shows who it is to a server of the operator's file, and whom it trusts there."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from attribution.bounded_http import Tls

SECRETS = ("bearer_token", "password")


@dataclass(frozen=True)
class Credentials:
    """Files are read anew at each use: what is rotated on disk needs no restart."""

    entry: Mapping[str, Any] = field(repr=False)

    def headers(self) -> dict[str, str]:
        """Raises OSError for a file that cannot be read."""
        named = {str(k): str(v) for k, v in self.entry.get("headers", {}).items()}
        if token := _secret(self.entry, "bearer_token"):
            return {**named, "Authorization": f"Bearer {token}"}
        if "username" in self.entry:
            pair = f"{self.entry['username']}:{_secret(self.entry, 'password')}"
            return {**named, "Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
        return named

    @property
    def tls(self) -> Tls:
        cert = self.entry.get("cert_file")
        return Tls(
            verify=self.entry.get("ca_file") or True,
            cert=(cert, self.entry["key_file"]) if cert else None,
        )


def credentials(entry: Mapping[str, Any]) -> Credentials:
    """Of a source or a webhook. Raises ValueError, which never holds the secret."""
    for name in ("username", "ca_file", "cert_file", "key_file", *SECRETS, *_files()):
        if name in entry and not (isinstance(entry[name], str) and entry[name]):
            raise ValueError(f"`{name}` has to be a non-empty text")
    for name in SECRETS:
        if name in entry and f"{name}_file" in entry:
            raise ValueError(f"`{name}` and `{name}_file` exclude each other")
    has = {name: name in entry or f"{name}_file" in entry for name in SECRETS}
    if has["bearer_token"] and "username" in entry:
        raise ValueError("`bearer_token` and `username` exclude each other")
    if has["password"] != ("username" in entry):
        raise ValueError("`username` and `password` go together")
    if ("cert_file" in entry) != ("key_file" in entry):
        raise ValueError("`cert_file` and `key_file` go together")
    headers = entry.get("headers", {})
    if not isinstance(headers, Mapping) or not all(isinstance(v, str) for v in headers.values()):
        raise ValueError("`headers` has to be an object of texts")
    return Credentials(entry)


def _files() -> tuple[str, ...]:
    return tuple(f"{name}_file" for name in SECRETS)


def _secret(entry: Mapping[str, Any], name: str) -> str:
    if file := entry.get(f"{name}_file"):
        return Path(file).read_text(encoding="utf-8").strip()
    return str(entry.get(name, ""))
