"""What is wrong with each service, beyond the usual, and how it reaches those who call it.

Arrays are (2, T): canary and control. Errors and slow requests are shares that are added; latency,
CPU, requests and calls made are factors on the log.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from incident_world import Floats, World

CANARY, CONTROL = 0, 1
CAUGHT_LATENCY = 0.5  # of a callee's latency factor (log), in the caller's


@dataclass
class Hurt:
    errors: Floats
    slow: Floats
    latency: Floats
    cpu: Floats
    requests: Floats
    calls_made: Floats
    # What its callers get, and it does not know of: it is dead, or answers nonsense.
    unseen: Floats
    # The same, but the status is good: callers fail by it and cannot name it.
    nonsense: Floats
    silent: npt.NDArray[np.bool_]


def none(length: int) -> Hurt:
    zeros = [np.zeros((2, length)) for _ in range(8)]
    return Hurt(*zeros, silent=np.zeros((2, length), dtype=bool))


@dataclass
class Hurts:
    """By service; made when first asked for."""

    world: World
    of: dict[str, Hurt] = field(default_factory=dict)

    def __getitem__(self, service: str) -> Hurt:
        return self.of.setdefault(service, none(self.world.t.size))

    def share(self, service: str) -> Floats:
        """The canary's part of the service's requests, (T,)."""
        change = self.world.of(service)
        return np.zeros_like(self.world.t) if change is None else change.share(self.world.t)

    def of_all(self, service: str, hurt: Floats) -> Floats:
        """(2, T) → (T,), as the service's callers meet it."""
        share = self.share(service)
        return np.asarray(share * hurt[CANARY] + (1 - share) * hurt[CONTROL])

    def answered_badly(self, service: str) -> Floats:
        """Errors beyond the usual that callers see, by the track that answered, (2, T)."""
        hurt = self[service]
        return np.minimum(hurt.errors + hurt.unseen, 1.0)

    def spread(self) -> None:
        """Callees first: what they do to their callers, whichever track of these calls."""
        for caller in self.world.callees_first:
            for callee in self.world.calls[caller]:
                if callee in self.of:
                    self._reach(caller, callee)

    def _reach(self, caller: str, callee: str) -> None:
        part = self.world.coupling[caller, callee]
        below, here = self[callee], self[caller]
        bad = self.of_all(callee, self.answered_badly(callee) + below.nonsense)
        here.errors = np.minimum(here.errors + part * bad, 1.0)
        here.slow = np.minimum(here.slow + part * self.of_all(callee, below.slow), 1.0)
        here.latency = here.latency + CAUGHT_LATENCY * part * self.of_all(callee, below.latency)
