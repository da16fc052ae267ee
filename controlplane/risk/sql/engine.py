"""The database server: which one, which version, and what it does without blocking."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from controlplane.risk.shapes import text_of

_NAMES = {
    "postgres": "postgres",
    "postgresql": "postgres",
    "pg": "postgres",
    "mysql": "mysql",
    "mariadb": "mariadb",
    "sqlite": "sqlite",
    "sqlite3": "sqlite",
}
# The first version that is able to.
_SINCE = {
    ("postgres", "default without rewrite"): (11,),
    ("postgres", "NOT NULL from a valid check"): (12,),
    ("postgres", "enum value in a transaction"): (12,),
    ("postgres", "timestamp to timestamptz in UTC"): (12,),
    ("mysql", "instant column"): (8, 0, 12),
    ("mariadb", "instant column"): (10, 3, 2),
}
_VERSION = re.compile(r"\d+(?:\.\d+)*")
_MYSQL_SIGNS = re.compile(r"`\w+`|\bAUTO_INCREMENT\b|\bENGINE\s*=", re.IGNORECASE)
_SQLITE_SIGNS = re.compile(r"\bAUTOINCREMENT\b|\bPRAGMA\s+foreign_keys\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Engine:
    """`version` is empty where nobody named it: then it counts as one that is still supported."""

    name: str
    version: tuple[int, ...] = ()
    known: bool = True

    @property
    def dialect(self) -> str:
        return "mysql" if self.name == "mariadb" else self.name

    @property
    def is_postgres(self) -> bool:
        return self.name == "postgres"

    @property
    def is_mysql(self) -> bool:
        return self.dialect == "mysql"

    def can(self, what: str) -> bool:
        since = _SINCE.get((self.name, what))
        return since is not None and (not self.version or self.version >= since)


def engine_of(context: Mapping[str, Any], text: str) -> Engine:
    """What is not named is told by the text; PostgreSQL when that tells nothing either."""
    said, version = context.get("dialect"), text_of(context.get("server_version"))[:60]
    name = _NAMES.get(said.lower()) if isinstance(said, str) else _told_by(text[:100_000])
    if name == "mysql" and "maria" in version.lower():
        name = "mariadb"
    digits = _VERSION.search(version)
    numbers = tuple(int(part[:6]) for part in digits[0].split(".")) if digits else ()
    return Engine(name or "postgres", numbers, known=name is not None)


def _told_by(text: str) -> str:
    if _MYSQL_SIGNS.search(text):
        return "mysql"
    return "sqlite" if _SQLITE_SIGNS.search(text) else "postgres"
