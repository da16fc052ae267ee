"""The mark that Graygate leaves on an object with each change of it. PURE.

An annotation, in the same patch as the effect, says whose the object is now and by which
generation. The patch holds the resourceVersion that was read, so that nobody changed the object
between the look at the mark and the write: with that an older call is refused (`fencing: target`).
A target has one share: where another rollout begins, the one before has ended, and may come back
no more.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rollout.executors.base import Key

ANNOTATION = "graygate.dev/mark"
# Ended rollouts that are remembered: many more than calls that can still be under way.
MOST_ENDED = 20
NOT_OURS = f"the annotation {ANNOTATION} is not Graygate's: look at the object, remove it"


class MarkError(ValueError):
    """Something else wrote the annotation: whose the object is, nobody knows."""


class OlderError(ValueError):
    """A newer call was seen."""


@dataclass(frozen=True)
class Mark:
    rollout: str = ""
    generation: int = 0
    ended: tuple[str, ...] = ()

    def to_annotation(self) -> str:
        fields = {"rollout": self.rollout, "generation": self.generation, "ended": self.ended}
        return json.dumps(fields)

    def generation_of(self, rollout: str) -> int:
        """0: that rollout has not been here, or has been followed by another. Empty: whoever's."""
        return self.generation if rollout in ("", self.rollout) else 0


def mark_of(annotations: Mapping[str, Any] | None) -> Mark:
    text = (annotations or {}).get(ANNOTATION)
    if text is None:
        return Mark()
    try:
        fields = json.loads(text)
        mark = Mark(fields["rollout"], fields["generation"], tuple(fields["ended"]))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise MarkError(NOT_OURS) from error
    texts = all(isinstance(each, str) for each in (mark.rollout, *mark.ended))
    if not texts or type(mark.generation) is not int or mark.generation < 0:
        raise MarkError(NOT_OURS)
    return mark


def after(mark: Mark, key: Key) -> Mark:
    """The mark once the call `key` has been carried out. Raises OlderError."""
    if key.rollout in mark.ended:
        raise OlderError("another rollout has this target now")
    if key.rollout in ("", mark.rollout):
        if key.generation < mark.generation:
            raise OlderError(f"generation {mark.generation} was seen")
        return Mark(mark.rollout, key.generation, mark.ended)
    ended = (*mark.ended, mark.rollout) if mark.rollout else mark.ended
    return Mark(key.rollout, key.generation, ended[-MOST_ENDED:])
