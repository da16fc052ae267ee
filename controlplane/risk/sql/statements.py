"""One statement → the steps it takes. What is known to harm nobody takes none."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from controlplane.risk.sql import alter_table, blocks, creations, queries
from controlplane.risk.sql.cursor import Cursor
from controlplane.risk.sql.lex import Token
from controlplane.risk.sql.steps import Step

# Of statements between which a semicolon is missing; each looks at all that follows.
_MOST_IN_ONE = 20

Reader = Callable[[Cursor], Iterator[Step]]


def steps_of(statement: Sequence[Token], *, exact: bool) -> list[Step]:
    """More than one statement's where semicolons were forgotten."""
    at = Cursor(statement, exact=exact)
    found: list[Step] = []
    for _ in range(_MOST_IN_ONE):
        if at.done:
            return found
        start = at.start
        found += [step if step.start else replace(step, start=start) for step in _read(at)]
    return [*found, Step("unknown", at.start, name="a statement without an end")]


def _read(at: Cursor) -> list[Step]:
    first = at.peek()
    if first.kind == "sign" and first.text[:1] in ("\\", "."):
        return _client_command(at)
    while at.take("("):
        pass
    word = at.next().word
    if word in _READERS:
        found = list(_READERS[word](at))
        if not any(at.sees(*start) for start in alter_table.STARTS):
            at.rest()
        return found
    at.rest()
    if word in _HARMLESS or not statement_has_content(at):
        return []
    return [Step("unknown", first.start, name=" ".join(t.text for t in at.tokens[:4]))]


def statement_has_content(at: Cursor) -> bool:
    """`*/` is what remains of MySQL's conditional comments."""
    return any(token.text not in ("*", "/") for token in at.tokens)


def _client_command(at: Cursor) -> list[Step]:
    text = at.next().text
    command = text.lstrip("\\.").split(" ")[0]
    return [Step("opaque", at.start, name=text[:60])] if command in _INCLUDES else []


_INCLUDES = {"i", "ir", "include", "include_relative", "!", "gexec", "read", "shell", "system"}


def _alter(at: Cursor) -> Iterator[Step]:
    at.take("ONLINE")
    at.take("IGNORE")
    at.take("FOREIGN")
    if at.take("TABLE"):
        yield from alter_table.actions(at)
    else:
        yield from creations.alter_other(at)


def _begin(at: Cursor) -> Iterator[Step]:
    yield Step("begin", at.start)


def _commit(at: Cursor) -> Iterator[Step]:
    if not at.take("PREPARED"):
        yield Step("commit", at.start)


def _rollback(at: Cursor) -> Iterator[Step]:
    """Back to a savepoint the transaction goes on."""
    at.take_any("WORK", "TRANSACTION")
    if not (at.sees("TO") or at.sees("PREPARED")):
        yield Step("rollback", at.start)


def _start(at: Cursor) -> Iterator[Step]:
    if at.take("TRANSACTION"):
        yield Step("begin", at.start)


def _do(at: Cursor) -> Iterator[Step]:
    for token in at.rest():
        if token.kind == "string":
            for statement in blocks.statements_in(token.text):
                at_start = [each._replace(start=token.start) for each in statement]
                yield from steps_of(at_start, exact=True)


def _execute(at: Cursor) -> Iterator[Step]:
    """Of a literal we see what runs; of anything put together we do not."""
    literal = at.peek()
    if literal.kind == "string" and at.peek(1).text in ("", "USING"):
        for statement in blocks.statements_in(literal.text):
            placed = [each._replace(start=literal.start) for each in statement]
            # One level only: a literal within a literal is put together for all we know.
            if placed[0].word != "EXECUTE":
                yield from steps_of(placed, exact=True)
        return
    yield Step("opaque", at.start, name="EXECUTE")


def _opaque(at: Cursor) -> Iterator[Step]:
    yield Step("opaque", at.start, name=" ".join(t.text for t in at.tokens[:4])[:60])


_READERS: dict[str, Reader] = {
    "ALTER": _alter,
    "CREATE": creations.create,
    "DROP": creations.drop,
    "RENAME": creations.rename_tables,
    "BEGIN": _begin,
    "START": _start,
    "COMMIT": _commit,
    "END": _commit,
    "ROLLBACK": _rollback,
    "ABORT": _rollback,
    "DO": _do,
    "EXECUTE": _execute,
    "SOURCE": _opaque,
    "PREPARE": queries.prepare,
    "INSERT": queries.insert,
    "REPLACE": queries.insert,
    "UPDATE": queries.update,
    "DELETE": queries.delete,
    "WITH": queries.with_query,
    "TRUNCATE": queries.truncate,
    "REINDEX": queries.reindex,
    "VACUUM": queries.vacuum,
    "CLUSTER": queries.cluster,
    "REFRESH": queries.refresh,
    "LOCK": queries.lock,
    "SET": queries.setting,
    "GRANT": queries.grant,
    "REVOKE": queries.revoke,
}
_HARMLESS = {
    "SELECT", "VALUES", "TABLE", "SHOW", "COMMENT", "ANALYZE", "ANALYSE", "EXPLAIN", "PRAGMA",
    "RESET", "SECURITY", "LISTEN", "UNLISTEN", "NOTIFY", "DISCARD", "CHECKPOINT", "COPY",
    "DECLARE", "FETCH", "MOVE", "CLOSE", "DEALLOCATE", "CALL", "LOAD", "USE", "FLUSH", "UNLOCK",
    "SAVEPOINT", "RELEASE", "IMPORT", "MERGE", "OPTIMIZE", "ATTACH", "DETACH", "DESCRIBE", "DESC",
    "CHECK", "REPAIR", "HANDLER", "PERFORM", "RAISE", "RETURN", "GO",
}  # fmt: skip
