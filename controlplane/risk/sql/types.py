"""Column types: one name for the many spellings, and which changes of a type are free."""

import re
from dataclasses import dataclass

_SPELLINGS = {
    "int": "integer",
    "int4": "integer",
    "int2": "smallint",
    "int8": "bigint",
    "bool": "boolean",
    "character varying": "varchar",
    "nvarchar": "varchar",
    "character": "char",
    "bpchar": "char",
    "decimal": "numeric",
    "dec": "numeric",
    "float8": "double precision",
    "double": "double precision",
    "float4": "real",
    "timestamptz": "timestamp with time zone",
    "timetz": "time with time zone",
    "timestamp without time zone": "timestamp",
    "time without time zone": "time",
    "bit varying": "varbit",
    "serial4": "serial",
    "serial8": "bigserial",
    "serial2": "smallserial",
}
SERIAL = frozenset({"serial", "bigserial", "smallserial"})
_INTEGERS = {"tinyint", "smallint", "mediumint", "integer", "bigint"}
_WRITTEN = re.compile(r"([^()\[\]]+)(?:\(([\d ,]*)\))?([^()\[\]]*)((?:\[\d*\] ?)*)")
# MySQL keeps the length of a string in one byte up to 255 bytes, in two above; its default
# character set, utf8mb4, takes four bytes a character.
_ONE_BYTE = 63
_MICROSECONDS = 6


@dataclass(frozen=True, slots=True)
class Type:
    """`args`: length, precision and scale. An empty name: nobody said the type."""

    name: str
    args: tuple[int, ...] = ()
    array: bool = False

    def __str__(self) -> str:
        args = f"({','.join(map(str, self.args))})" if self.args else ""
        return f"{self.name}{args}{'[]' if self.array else ''}"


UNKNOWN = Type("")


def type_of(text: str) -> Type:
    """From a text like `character varying(20)`; UNKNOWN where that is not a type."""
    match = _WRITTEN.fullmatch(" ".join(text[:200].lower().split()))
    if match is None:
        return UNKNOWN
    name = _spelled(" ".join(f"{match[1]} {match[3]}".split()))
    args = tuple(int(part) for part in (match[2] or "").split(",") if part.strip().isdigit())
    # MySQL's int(11) is as wide as its int(4).
    width_only = name.split(" ")[0] in _INTEGERS
    return Type(name, () if width_only else args, array=bool(match[4]))


def _spelled(name: str) -> str:
    first, _, rest = name.partition(" ")
    return _SPELLINGS.get(name) or " ".join((_SPELLINGS.get(first, first), rest)).strip()


def widens_free(old: Type, new: Type, engine: str) -> bool:
    """Neither rewritten nor scanned: every stored value is valid as it is."""
    if not old.name or not new.name or old.array != new.array:
        return False
    if old == new:
        return True
    return _free_in_mysql(old, new) if engine == "mysql" else _free_in_postgres(old, new)


def _free_in_postgres(old: Type, new: Type) -> bool:
    """The binary-coercible casts, and typmod changes that the planner's support functions drop."""
    if (old.name, new.name) in _COERCIBLE:
        return not new.args
    if old.name != new.name:
        return False
    if old.name == "numeric":
        return not new.args or _numeric_widens(old.args, new.args)
    if old.name in _LENGTHS:
        return not new.args or bool(old.args and old.args[0] <= new.args[0])
    if old.name in _FRACTIONS:
        return _digits(old) <= _digits(new)
    return False


def _digits(time: Type) -> int:
    return time.args[0] if time.args else _MICROSECONDS


_COERCIBLE = {
    ("varchar", "text"),
    ("text", "varchar"),
    ("citext", "text"),
    ("text", "citext"),
    ("varchar", "citext"),
    ("citext", "varchar"),
    ("cidr", "inet"),
    ("xml", "text"),
}
_LENGTHS = {"varchar", "varbit"}
_FRACTIONS = {"timestamp", "timestamp with time zone", "time", "time with time zone", "interval"}


def _numeric_widens(old: tuple[int, ...], new: tuple[int, ...]) -> bool:
    if not old:
        return False
    scales = (old[1] if len(old) > 1 else 0, new[1] if len(new) > 1 else 0)
    return new[0] >= old[0] and scales[0] == scales[1]


def _free_in_mysql(old: Type, new: Type) -> bool:
    if old.name != new.name or old.name != "varchar" or not old.args or not new.args:
        return False
    grows = old.args[0] <= new.args[0]
    return grows and (new.args[0] <= _ONE_BYTE or old.args[0] > _ONE_BYTE)


def narrows(old: Type, new: Type) -> bool:
    """Values that the old version still writes may no longer fit."""
    sizes = {"smallint": 1, "integer": 2, "bigint": 3}
    if old.name in sizes and new.name in sizes:
        return sizes[new.name] < sizes[old.name]
    if {old.name, new.name} <= {"text", "varchar", "char"}:
        return bool(new.args) and (not old.args or new.args[0] < old.args[0])
    return False
