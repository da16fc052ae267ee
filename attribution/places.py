"""Where it may hurt of itself. PURE."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """`score` about as a z: below 2 a service is as it usually is, or is explained by others."""

    service: str
    metric: str
    score: float
