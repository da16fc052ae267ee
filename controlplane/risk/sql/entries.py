"""An entry of the catalogue of signals."""

from dataclasses import dataclass

from controlplane.risk.signals import Reversibility

EXPAND = (
    "Expand and contract: add the new one beside it, write both, copy the old values, move the "
    "readers, then drop the old one in a later release."
)


@dataclass(frozen=True, slots=True)
class Entry:
    """Why it matters, the safe way to do it, and what other linters call it."""

    why: str
    remedy: str
    aliases: tuple[str, ...] = ()
    reversibility: Reversibility = "reversible"


def squawk(*names: str) -> tuple[str, ...]:
    return tuple(f"squawk:{name}" for name in names)
