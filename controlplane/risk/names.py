"""What a configuration key's name promises about its value.

Only words of everyday English and of the trade; never the name of a system or of its keys.
"""

import re

_SPLIT = re.compile(r"[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

PORT = frozenset({"port"})
HOST = frozenset({"host", "hostname", "ip", "address", "addr", "bind", "listen", "endpoint"})
URL = frozenset({"url", "urls", "uri", "uris"})
PATH = frozenset({"path", "dir", "directory", "file", "folder", "socket"})
MODE_BITS = frozenset({"perm", "perms", "permission", "permissions", "umask", "chmod"})
LIMIT = frozenset({"max", "maximum", "limit", "quota", "ttl", "retention", "timeout", "cap"})
CHOICE = frozenset(
    "mode type kind policy strategy algorithm class classes engine method protocol protocols "
    "format formats codec driver backend provider scheduler handler authentication".split()
)
CAPACITY = frozenset({"replica", "replicas", "instance", "instances", "capacity", "concurrency"})
EXPOSURE = frozenset(
    "rollout exposure percent percentage pct traffic audience canary sampling weight".split()
)
PROTECTION = frozenset(
    "ssl tls https auth authentication authorization authenticate authorize acl acls encrypt "
    "encryption encrypted secure security verify verification sasl csrf permission permissions "
    "mfa 2fa firewall signature httponly fsync synchronous durable durability backup backups "
    "journaling".split()
)
KILL = frozenset("kill killswitch failsafe safeguard guardrail breaker throttle emergency".split())
INVERSE = frozenset(
    "skip disable disabled insecure allow allowed anonymous fallback ignore bypass no force "
    "without unsafe".split()
)
SECRET = frozenset(
    "password passwd passphrase pwd secret secrets token apikey credential credentials".split()
)
NOT_SECRET = frozenset(
    "path file dir url uri ttl length size count interval timeout name id type mode class "
    "provider providers policy header max min enabled hashers expiry location algorithm issuer "
    "endpoint ref format prefix bucket".split()
)


def words(key: str) -> frozenset[str]:
    """`pool.maxSize` → {pool, max, size}; also pairs joined, so `kill_switch` has killswitch."""
    parts = [part.lower() for part in _SPLIT.split(key[-200:]) if part]
    pairs = {first + second for first, second in zip(parts, parts[1:], strict=False)}
    return frozenset(parts) | pairs


def last_words(key: str) -> frozenset[str]:
    """Words of the innermost name: what the value itself is."""
    tail = re.split(r"[./]", key.rstrip("0123456789./[]"))[-1]
    return words(tail)


def is_secret(key: str) -> bool:
    named = words(key)
    tail = last_words(key)
    secret = bool(named & SECRET) or bool(named & {"privatekey", "accesskey", "signingkey"})
    return secret and not tail & NOT_SECRET
