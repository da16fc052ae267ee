"""How large a share of production runs a change, by what canary and control report. PURE.

Of a change that others carry out nobody tells the exposure. Each read counts requests of the new
version (canary) and of the old one (control); their quotient is the share of traffic.
"""

from collections.abc import Sequence
from dataclasses import dataclass

# Reads that the share is taken over: of one alone it would jump.
RECENT = 6
# A version that reported once may be a health check of a machine that takes no traffic yet.
FEWEST = 2
# Without a single request of its version for so many reads, while the old one has some: taken out.
GONE = 12
# Without a single request of the old version for so many reads: everywhere.
ALONE = 3


@dataclass(frozen=True)
class Counted:
    """Requests within one read; 0: none reported."""

    canary: float
    control: float


def seen_share(reads: Sequence[Counted]) -> float | None:
    """0…1 by the reads in time order; None: nobody reported lately, so nothing is known."""
    told = [read for read in reads if read.canary > 0 or read.control > 0]
    if not told:
        return None
    if sum(read.canary > 0 for read in told) < FEWEST:
        return 0.0
    lately = told[-GONE:]
    if len(lately) == GONE and not any(read.canary > 0 for read in lately):
        return 0.0
    # While it is silent and not yet gone, the share is what it was when it last reported.
    last = max(i for i, read in enumerate(told) if read.canary > 0)
    window = told[max(0, last + 1 - RECENT) : last + 1]
    if not any(read.control > 0 for read in told[-ALONE:]) and len(told) >= ALONE:
        return 1.0
    while window[0].canary == 0:  # before it began
        window = window[1:]
    canary = sum(read.canary for read in window)
    return canary / (canary + sum(read.control for read in window))
