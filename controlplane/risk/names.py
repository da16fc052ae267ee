"""What a configuration key's name promises about its value.

Only words of everyday English and of the trade; never the name of a system or of its keys.
"""

import re
from itertools import pairwise

_SPLIT = re.compile(r"[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def vocabulary(text: str) -> frozenset[str]:
    return frozenset(text.split())


HOST = vocabulary("host hostname ip address addr bind listen endpoint")
PATH = vocabulary("path dir directory file folder socket")
MODE_BITS = vocabulary("perm perms permission permissions umask chmod")
LIMIT = vocabulary("max maximum limit quota ttl retention timeout cap")
CHOICE = vocabulary(
    "mode type kind policy strategy algorithm class classes engine method protocol protocols "
    "format formats codec driver backend provider scheduler handler authentication"
)
CAPACITY = vocabulary("replica replicas instance instances capacity concurrency")
EXPOSURE = vocabulary(
    "rollout exposure percent percentage pct traffic audience canary sampling weight"
)
PROTECTION = vocabulary(
    "ssl tls https auth authentication authorization authenticate authorize acl acls encrypt "
    "encryption encrypted secure security verify verification sasl csrf permission "
    "permissions mfa 2fa firewall signature httponly fsync synchronous durable durability "
    "backup backups journaling"
)
KILL = vocabulary("kill killswitch failsafe safeguard guardrail breaker throttle emergency")
INVERSE = vocabulary(
    "skip disable disabled insecure allow allowed anonymous fallback ignore bypass no force "
    "without unsafe"
)
SECRET = vocabulary(
    "password passwd passphrase pwd secret secrets token apikey credential credentials"
)
NOT_SECRET = vocabulary(
    "path file dir url uri ttl length size count interval timeout name id type mode class "
    "provider providers policy header max min enabled hashers expiry location algorithm "
    "issuer endpoint ref format prefix bucket"
)


def words(key: str) -> frozenset[str]:
    """`pool.maxSize` → {pool, max, size}; also pairs joined, so `kill_switch` has killswitch."""
    parts = [part.lower() for part in _SPLIT.split(key[-200:]) if part]
    pairs = {first + second for first, second in pairwise(parts)}
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


_SECRET_VALUE = re.compile(
    r"AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{20,}|xox[abprs]-[A-Za-z0-9-]{10,}"
    r"|-----BEGIN [A-Z ]{0,30}PRIVATE KEY"
    # One within a word has a shorter head: else each of ten thousand is looked at to its end.
    r"|(?:(?<![\w-])eyJ[\w-]{10,}|eyJ[\w-]{10,400})\.[\w-]{10,}\."
    r"|[a-z][a-z0-9+.-]{0,20}://[^/\s:@]{0,100}:[^/\s@$]{1,200}@"
)


def holds_secret(value: object) -> bool:
    """A value that is a secret whatever its key is called (forms that their issuers publish)."""
    if isinstance(value, list):
        return any(holds_secret(item) for item in value)
    return isinstance(value, str) and _SECRET_VALUE.search(value[:20_000]) is not None
