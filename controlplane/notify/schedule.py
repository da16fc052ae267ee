"""When to try again. Pure.

The delays are those of the Standard Webhooks specification. The jitter comes from the delivery
itself, so that it can be computed again and still spreads the deliveries of an outage.
"""

import hashlib
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

HOUR = 3600.0
DELAYS_S = (
    *(0.0, 5.0, 300.0, 1800.0),
    *(2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR),
)
JITTER = 0.1
LONGEST_WAIT_S = 24 * HOUR


def delay_s(attempts: int, seed: str, retry_after_s: float | None = None) -> float | None:
    """Seconds until the next attempt after `attempts` failed ones; None: there is none."""
    if attempts >= len(DELAYS_S):
        return None
    planned = DELAYS_S[attempts] * (1 + JITTER * _fraction(f"{seed}/{attempts}"))
    return max(planned, min(retry_after_s or 0.0, LONGEST_WAIT_S))


def _fraction(seed: str) -> float:
    return int.from_bytes(hashlib.sha256(seed.encode()).digest()[:4]) / 2**32


def retry_after_s(header: str | None, now: datetime) -> float | None:
    """Seconds or an HTTP date (RFC 9110, 10.2.3); None: nothing usable."""
    if header is None:
        return None
    if header.strip().isdigit():
        return float(header.strip()[:9])
    try:
        at = parsedate_to_datetime(header)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - now).total_seconds())
