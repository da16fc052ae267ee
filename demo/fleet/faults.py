"""What can be wrong with one track of one service."""

from dataclasses import asdict, dataclass
from typing import Any

ERRORS, LATENCY, DEAD = "errors", "latency", "dead"
# It works, and its metrics no longer say which track they are of.
UNLABELLED = "unlabelled"
# It can be seen and harms nobody: every answer takes `seconds` longer, a share of them fails, and
# both stay within what the shop calls well. No fault in the generator's books.
QUIRK = "quirk"
KINDS = (ERRORS, LATENCY, DEAD, UNLABELLED, QUIRK)
LENGTHENING = (LATENCY, QUIRK)
# Below the callers' timeout: a fault of kind latency must not turn into one of kind dead.
MAX_SECONDS = 3.0


@dataclass(frozen=True)
class Fault:
    kind: str
    share: float = 1.0
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def _number(body: dict[str, Any], name: str, default: float, most: float) -> float:
    value = body.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise ValueError(f"{name} must be a number from 0 to {most:g}")
    return float(value)


def parse_fault(body: dict[str, Any]) -> Fault:
    unknown = set(body) - {"kind", "share", "seconds"}
    if unknown:
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
    if body.get("kind") not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}")
    return Fault(
        kind=body["kind"],
        share=_number(body, "share", 1.0, 1.0),
        seconds=_number(body, "seconds", 0.5, MAX_SECONDS) if body["kind"] in LENGTHENING else 0.0,
    )
