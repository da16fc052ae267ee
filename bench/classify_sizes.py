"""Artefacts of a promised size, put together from the cases of a kind."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

SQL_CHARACTERS = 20_000


def sql_of_size(cases: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The PostgreSQL cases one after the other, until 20 KB are full."""
    texts = [c["artefact"] for c in cases if c["context"].get("dialect") == "postgres"]
    whole: list[str] = []
    for text in cycle(texts):
        if sum(map(len, whole)) >= SQL_CHARACTERS:
            break
        whole.append(text.rstrip().rstrip(";") + ";\n")
    return {"kind": "sql_migration", "artefact": "".join(whole), "context": {"dialect": "postgres"}}
