"""One JSON object a line in, one a line out, in the same order; a bad line stops no other."""

import json
from collections.abc import Callable
from typing import Any, TextIO

from attribution.errors import CaseError

Handle = Callable[[dict[str, Any]], dict[str, Any]]


def run_batch(stream_in: TextIO, stream_out: TextIO, handle: Handle) -> None:
    """Blank lines are skipped. Each answer carries the `id` that its case came with."""
    for line in stream_in:
        if line.strip():
            stream_out.write(json.dumps(answer(line, handle), ensure_ascii=False) + "\n")
            stream_out.flush()


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
    try:
        case = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise CaseError("Unreadable case", f"Not JSON: {problem}", "") from None
    if not isinstance(case, dict):
        raise CaseError("Unreadable case", "A case is a JSON object.", "")
    return case
