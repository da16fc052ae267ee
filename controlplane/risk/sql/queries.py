"""Statements on rows, on whole tables, and on the session."""

from collections.abc import Iterator, Sequence

from controlplane.risk.sql.cursor import Cursor, parts_of, words_outside
from controlplane.risk.sql.lex import Token
from controlplane.risk.sql.steps import Step

_ALWAYS_TRUE = (["TRUE"], ["1"], ["1", "=", "1"])


def insert(at: Cursor) -> Iterator[Step]:
    """Only what copies rows: INSERT INTO new (a, b) SELECT a, coalesce(b, 1) FROM old."""
    start = at.start
    at.take_any("IGNORE", "OR")
    at.take_any("REPLACE", "IGNORE", "ABORT")
    at.take("INTO")
    table = at.name()
    targets = [_name_of(part, at) for part in parts_of(at.group())]
    while not at.done and not at.take("SELECT"):
        at.next()
    selected = parts_of(at.until_word("FROM"))
    if not at.take("FROM"):
        return
    copies = zip(targets, (_name_of(part, at) for part in selected), strict=False)
    yield Step("copy_rows", start, table, copies=tuple(copies), sources=(at.name(),))


def _name_of(part: Sequence[Token], at: Cursor) -> str:
    """Of a plain column its name, else nothing."""
    cursor = Cursor(part, exact=at.exact)
    name = cursor.name().rpartition(".")[2]
    return name if cursor.done else ""


def update(at: Cursor) -> Iterator[Step]:
    start = at.start
    at.take("ONLY")
    at.take_any("LOW_PRIORITY", "IGNORE")
    table = at.name()
    yield Step("update_rows", start, table, flags=_filter(at.rest()))


def delete(at: Cursor) -> Iterator[Step]:
    start = at.start
    at.take("FROM")
    at.take("ONLY")
    table = at.name()
    yield Step("delete_rows", start, table, flags=_filter(at.rest()))


def _filter(rest: list[Token]) -> frozenset[str]:
    """A condition that is always true filters nothing."""
    words = words_outside(rest)
    if "WHERE" not in words and "LIMIT" not in words and "JOIN" not in words:
        return frozenset()
    where = next((index for index, token in enumerate(rest) if token.word == "WHERE"), -1)
    said = [token.word or token.text for token in rest[where + 1 :]]
    return frozenset() if where >= 0 and said in _ALWAYS_TRUE else frozenset({"filtered"})


def with_query(at: Cursor) -> Iterator[Step]:
    """What follows the common tables, and what they themselves change."""
    rest = at.rest()
    filtered = any(token.word in ("WHERE", "LIMIT") for token in rest)
    for index, token in enumerate(rest):
        if token.word not in _CHANGES or (index and rest[index - 1].text not in ("(", ")")):
            continue
        inner = Cursor(rest[index + 1 : index + 8], exact=at.exact)
        inner.take("FROM")
        inner.take("ONLY")
        flags = frozenset({"filtered"}) if filtered else frozenset()
        yield Step(_CHANGES[token.word], token.start, inner.name(), flags=flags)


_CHANGES = {"DELETE": "delete_rows", "UPDATE": "update_rows"}


def truncate(at: Cursor) -> Iterator[Step]:
    start = at.start
    at.take("TABLE")
    at.take("ONLY")
    tables = [at.name()]
    while at.take("*") or at.take(","):
        at.take("ONLY")
        tables.append(at.name())
    flags = frozenset({"cascade"}) if "CASCADE" in words_outside(at.rest()) else frozenset()
    for table in filter(None, tables):
        yield Step("truncate", start, table, flags=flags)


def reindex(at: Cursor) -> Iterator[Step]:
    start = at.start
    options = [token.word for token in at.group()]
    at.take_any("INDEX", "TABLE", "SCHEMA", "DATABASE", "SYSTEM")
    online = at.take("CONCURRENTLY") or "CONCURRENTLY" in options
    flags = frozenset({"concurrently"}) if online else frozenset()
    yield Step("reindex", start, name=at.name(), flags=flags)


def vacuum(at: Cursor) -> Iterator[Step]:
    start = at.start
    options = [token.word for token in at.group()]
    if at.take("FULL") or "FULL" in options:
        at.take_any("FREEZE")
        at.take_any("VERBOSE")
        yield Step("rewrite", start, at.name(), name="VACUUM FULL")


def cluster(at: Cursor) -> Iterator[Step]:
    yield Step("rewrite", at.start, at.name(), name="CLUSTER")


def refresh(at: Cursor) -> Iterator[Step]:
    start = at.start
    at.take("MATERIALIZED", "VIEW")
    if not at.take("CONCURRENTLY"):
        yield Step("refresh_view", start, at.name())


def lock(at: Cursor) -> Iterator[Step]:
    start = at.start
    at.take_any("TABLE", "TABLES")
    at.take("ONLY")
    table = at.name()
    mode = " ".join(token.text for token in at.rest()).upper()
    if "SHARE" not in mode or "EXCLUSIVE" in mode:
        yield Step("lock_table", start, table, name=mode[:60])


def setting(at: Cursor) -> Iterator[Step]:
    start = at.start
    scope = at.take_any("LOCAL", "SESSION", "GLOBAL", "PERSIST")
    if scope in ("GLOBAL", "PERSIST") or at.take("@", "@", "GLOBAL"):
        yield Step("server_setting", start, name=f"SET GLOBAL {at.peek().text}")
        return
    while at.take("@"):
        pass
    name = "timezone" if at.take("TIME", "ZONE") else at.name().rpartition(".")[2]
    value = at.rest()[-1:]
    yield Step("set", start, name=name, new_name=value[0].text.lower() if value else "")


def prepare(at: Cursor) -> Iterator[Step]:
    """MySQL prepares a text that was put together; PostgreSQL a statement, or a transaction."""
    if "FROM" in (at.peek().word, at.peek(1).word):
        yield Step("opaque", at.start, name="PREPARE")


def grant(at: Cursor) -> Iterator[Step]:
    start, words = at.start, [token.word for token in at.rest()]
    if "TO" in words and "PUBLIC" in words[words.index("TO") :]:
        yield Step("grant_to_public", start, name="PUBLIC")


def revoke(at: Cursor) -> Iterator[Step]:
    start, text = at.start, " ".join(token.text for token in at.rest())
    yield Step("revoke", start, name=text[:60])
