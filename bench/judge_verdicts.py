"""When a judge decides, from what its evidence says at each look. C cases, T looks."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Looks = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Verdicts:
    """Shape (C,). Looks count from 1; looks + 1: never. `passing`: at the last look."""

    failed_at: Looks
    passed_at: Looks
    passing: Flags
    looks: int

    @property
    def failed(self) -> Flags:
        return self.failed_at <= self.looks


def verdicts_of(fails: Flags, passes: Flags) -> Verdicts:
    """From what the evidence says at each look, (C, T): a failure is final, a pass is not."""
    passes = passes & ~np.logical_or.accumulate(fails, axis=1)
    return Verdicts(first(fails), first(passes), passes[:, -1], fails.shape[1])


def first(flags: Flags) -> Looks:
    """The first look that is true, from 1; T + 1 where none is: (…,) of (…, T)."""
    found = np.where(flags.any(axis=-1), flags.argmax(axis=-1), flags.shape[-1])
    return np.asarray(found + 1, dtype=np.int64)
