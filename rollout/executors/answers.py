"""What somebody else's program or server answered, read so that nonsense is an error. PURE."""

import json
from collections.abc import Mapping
from typing import Any, NoReturn, TypeGuard

from rollout.executors.base import Observed

MOST_UNITS = 10_000
LONGEST_UNIT = 100
# What the database keeps.
MOST_GENERATION = 2**31 - 1


class AnswerError(ValueError):
    """Continues a sentence: "the program printed no JSON"."""


def object_in(content: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(content.decode(), parse_constant=_no_number, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise AnswerError("printed something that is not one JSON object") from error
    if not isinstance(answer, dict):
        raise AnswerError("printed something that is not one JSON object")
    return answer


def observed_in(answer: Mapping[str, Any], *, fenced: bool) -> Observed:
    """Raises AnswerError. The generation counts, and has to be told, only with `fenced`."""
    units = answer.get("units", [])
    if not isinstance(units, list) or len(units) > MOST_UNITS or not all(map(_is_unit, units)):
        raise AnswerError("the answer's `units` is not a list of names")
    generation = answer.get("generation") if fenced else 0
    if not isinstance(generation, int) or isinstance(generation, bool):
        raise AnswerError("the answer has no `generation`, though the target is said to fence")
    if not 0 <= generation <= MOST_GENERATION:
        raise AnswerError("the answer's `generation` is out of bounds")
    return Observed(share_in(answer), tuple(units), generation)


def share_in(answer: Mapping[str, Any]) -> float:
    share = answer.get("exposure")
    if not is_share(share):
        raise AnswerError("the answer has no `exposure` from 0 to 1")
    return float(share)


def is_share(share: object) -> TypeGuard[float]:
    """NaN is neither above nor below anything: it fails the comparison."""
    return isinstance(share, int | float) and not isinstance(share, bool) and 0 <= share <= 1


def _is_unit(unit: object) -> bool:
    return isinstance(unit, str) and 0 < len(unit) <= LONGEST_UNIT


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of two exposures nobody knows which is meant."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)
