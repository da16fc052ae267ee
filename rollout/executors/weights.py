"""Weights of a load balancer ↔ the share of requests that the canary gets. PURE.

The share is an upper bound of exposure. A canary server counts with its weight as long as it may
be given requests, also while its health check fails: it may be back at any moment. A stable server
counts only while it takes requests. So a stable server that dies raises the share, and a canary
server that dies changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

# HAProxy takes 0..256.
MOST = 256
# Whatever is wanted, the share that is reached differs by less: one step of the smaller side moves
# the share by 1 / (1 + the sum of the other side), and that sum can always be brought to MOST.
GRAIN = 1 / (1 + MOST)
# Absorbs 0.29 / 0.71 × 71 = 28.999…
ROUNDING = 1e-9

Weights = dict[str, int]
Orders = list[tuple[str, int]]


@dataclass(frozen=True)
class Server:
    name: str
    weight: int
    # In the balancer's own configuration: what it carries beside the others.
    initial: int = MOST
    # A canary that may be given requests; a stable server that takes them now.
    counts: bool = True


class NoCanaryError(ValueError):
    """No canary server may be given requests, so that no share above zero can be reached."""


def share_shown(canary: Sequence[Server], stable: Sequence[Server]) -> float:
    exposed, unexposed = (_total(side) for side in (canary, stable))
    return exposed / (exposed + unexposed) if exposed else 0.0


def weights_for(canary: Sequence[Server], stable: Sequence[Server], wanted: float) -> Weights:
    """The weights of every server for the largest share ≤ `wanted` that can be reached while the
    servers of each side keep their proportions; the least share above zero if none is.

    Zero gives the stable servers their configured weights back. Raises NoCanaryError.
    """
    if wanted <= 0:
        return _all_at(canary, 0) | _configured(stable)
    exposed = [s for s in canary if s.counts]
    if not exposed:
        raise NoCanaryError
    # With none that takes requests now the share is what it is; the weights are for their return.
    serving = [s for s in stable if s.counts] or list(stable)
    carrying, resting = _sizes(exposed, every=True), _sizes(serving, every=False)
    total, against = _totals(_largest(carrying), _largest(resting), wanted)
    found = _all_at(canary, 0) | _all_at(stable, 0)
    found |= _spread(exposed, carrying, total) | _spread(serving, resting, against)
    if against:
        each = Fraction(against, sum(resting))
        found |= {s.name: _beside(s, each) for s in stable if s not in serving}
    return found


def orders(
    canary: Sequence[Server], stable: Sequence[Server], new: Weights
) -> tuple[Orders, Orders]:
    """What changes: first all that lowers exposure, then all that raises it.

    After no single order is the share above the larger of the old and the new one, nor is there
    a moment without any server: of each kind, what goes up comes before what goes down.
    """
    stable_up, stable_down = _changes(stable, new)
    canary_up, canary_down = _changes(canary, new)
    if share_shown(canary, stable) >= 1 and share_shown(_at(canary, new), _at(stable, new)) >= 1:
        # The canary has everything and keeps it: nothing is lowered, and no gap may be left.
        return [], [*canary_up, *stable_up, *canary_down, *stable_down]
    return [*stable_up, *canary_down], [*canary_up, *stable_down]


def _total(side: Sequence[Server]) -> int:
    return sum(s.weight for s in side if s.counts)


def _totals(most_canary: int, most_stable: int, wanted: float) -> tuple[int, int]:
    """The sums of weights of both sides; of several with the same share the largest."""
    if wanted >= 1:
        return most_canary, 0
    ratio = wanted / (1 - wanted)
    best = 0, most_stable
    for stable in range(most_stable, 0, -1):
        canary = min(most_canary, int(ratio * stable + ROUNDING))
        if canary * best[1] > best[0] * stable:
            best = canary, stable
    return best if best[0] else (1, most_stable)


def _sizes(servers: Sequence[Server], *, every: bool) -> list[int]:
    """Their proportions. `every`: each carries something, though canaries are often configured
    with weight 0; a stable server of weight 0 beside others was meant to carry nothing.
    """
    sizes = [s.initial for s in servers]
    known = all(sizes) if every else any(sizes)
    return sizes if known else [1] * len(servers)


def _largest(sizes: Sequence[int]) -> int:
    """The largest sum of weights that keeps the proportions."""
    return sum(size * MOST // max(sizes) for size in sizes)


def _spread(servers: Sequence[Server], sizes: Sequence[int], total: int) -> Weights:
    """`total` in proportion to the sizes, by largest remainders."""
    quotas = [Fraction(total * size, sum(sizes)) for size in sizes]
    weights = [int(quota) for quota in quotas]
    left = total - sum(weights)
    remainders = sorted(range(len(sizes)), key=lambda i: (weights[i] - quotas[i], i))
    for index in remainders[:left]:
        weights[index] += 1
    return {s.name: weight for s, weight in zip(servers, weights, strict=True)}


def _beside(server: Server, each: Fraction) -> int:
    """For a stable server that is away: what is due to it when it returns."""
    return min(MOST, max(1, round(each * server.initial))) if server.initial else 0


def _configured(stable: Sequence[Server]) -> Weights:
    sizes = [s.initial for s in stable]
    return {s.name: s.initial for s in stable} if any(sizes) else _all_at(stable, MOST)


def _at(servers: Sequence[Server], new: Weights) -> list[Server]:
    return [replace(s, weight=new[s.name]) for s in servers]


def _all_at(servers: Sequence[Server], weight: int) -> Weights:
    return {s.name: weight for s in servers}


def _changes(servers: Sequence[Server], new: Weights) -> tuple[Orders, Orders]:
    changed = [(s, new[s.name]) for s in servers if new[s.name] != s.weight]
    up = [(s.name, weight) for s, weight in changed if weight > s.weight]
    down = [(s.name, weight) for s, weight in changed if weight < s.weight]
    return up, down
