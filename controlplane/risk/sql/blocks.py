"""The statements within a block of PL/pgSQL that a migration runs at once (`DO`)."""

from collections.abc import Iterator, Sequence

from controlplane.risk.sql.lex import Token
from controlplane.risk.sql.split import split

_ACTS = {
    "ALTER", "CREATE", "DROP", "TRUNCATE", "UPDATE", "DELETE", "INSERT", "EXECUTE", "REINDEX",
    "LOCK", "REFRESH", "CLUSTER", "GRANT", "REVOKE",
}  # fmt: skip
_BEFORE_ACT = {"BEGIN", "THEN", "ELSE", "LOOP", "DO"}


def statements_in(body: str) -> Iterator[Sequence[Token]]:
    """Conditions and loops are passed over: what may run is taken to run."""
    for statement in split(body, "postgres").statements:
        for index, token in enumerate(statement):
            before = statement[index - 1].word if index else "BEGIN"
            if token.word in _ACTS and before in _BEFORE_ACT:
                yield statement[index:]
                break
