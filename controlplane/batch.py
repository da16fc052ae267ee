"""One JSON object a line in, one a line out, in the same order; a bad line stops no other."""

import io
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from attribution.errors import CaseError
from controlplane.stored_json import finite, is_storable, no_constant

Handle = Callable[[dict[str, Any]], dict[str, Any]]
# A case of a million measurements; one that is longer is refused, and never kept whole.
MOST_CHARACTERS = 16_000_000


@contextmanager
def opened(name: str) -> Iterator[TextIO]:
    """A file, or for `-` standard input. A stray byte is written out, which is no JSON: that
    line answers with an error and the rest go on. Raises OSError.
    """
    if name != "-":
        with Path(name).open(encoding="utf-8-sig", errors="backslashreplace") as stream:
            yield stream
        return
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(encoding="utf-8-sig", errors="backslashreplace")
    yield sys.stdin


def run_batch(stream_in: TextIO, stream_out: TextIO, handle: Handle) -> None:
    """Blank lines are skipped. Each answer carries the `id` that its case came with."""
    for line in lines_of(stream_in):
        if line.strip():
            stream_out.write(written(answer(line, handle)) + "\n")
            stream_out.flush()


def lines_of(stream: TextIO) -> Iterator[str]:
    """Of a line that is too long so much that `parse` refuses it; its rest is read past."""
    while line := stream.readline(MOST_CHARACTERS + 1):
        yield line
        while line and not line.endswith("\n"):
            line = stream.readline(MOST_CHARACTERS)


def written(value: Any, indent: int | None = None) -> str:
    """Half a surrogate pair can only be written as it came: escaped."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    return text if is_storable(text) else json.dumps(value, indent=indent)


def answer(line: str, handle: Handle) -> dict[str, Any]:
    try:
        case = parse(line)
    except CaseError as problem:
        return {"id": None, "error": problem.as_problem()}
    try:
        return {"id": case.get("id"), **handle(case)}
    except CaseError as problem:
        return {"id": case.get("id"), "error": problem.as_problem()}


def parse(text: str) -> dict[str, Any]:
    """Raises CaseError."""
    if len(text) > MOST_CHARACTERS:
        raise CaseError("Unreadable case", f"Longer than {MOST_CHARACTERS:,} characters.", "")
    try:
        case = json.loads(text, parse_constant=no_constant, parse_float=finite)
    except (ValueError, RecursionError) as problem:
        raise CaseError("Unreadable case", f"Not JSON: {problem}", "") from None
    if not isinstance(case, dict):
        raise CaseError("Unreadable case", "A case is a JSON object.", "")
    return case
