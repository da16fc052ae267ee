"""Where requests may go: what the operator's file lists, and nothing else."""

import re
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from django.conf import settings

# scheme://host[:port], where host may hold `*` and port may be `*`.
_PATTERN = re.compile(r"(https?)://([^/:@?#\[\]]+|\[[0-9a-fA-F:]+\])(?::(\*|\d+))?/?")
_PLAIN = re.compile(r"[!-~]+")
_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+")
_PORTS = {"http": 80, "https": 443}


def is_allowed(address: str) -> bool:
    """An address with a user name in it never is: `http://good@bad/` goes to bad."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return False
    if not host or "@" in parts.netloc or parts.scheme not in _PORTS:
        return False
    # Where two readers of an address could differ on its host, it is nobody's: for one
    # `http://bad\.good/` is a host below good, for the next it is bad.
    if not _PLAIN.fullmatch(address) or not _HOST.fullmatch(host):
        return False
    allowed = settings.OPERATOR.allowed_destinations
    return any(_fits(pattern, parts.scheme, host, port) for pattern in allowed)


def _fits(pattern: str, scheme: str, host: str, port: int | None) -> bool:
    match = _PATTERN.fullmatch(pattern)
    if match is None or match[1] != scheme:
        return False
    wanted = match[3] or str(_PORTS[scheme])
    return fnmatchcase(host, match[2].strip("[]").lower()) and wanted in ("*", str(port))
