"""With the real parts or without: what was asked for, and what this machine has."""

from collections.abc import Callable

from demo.infrastructure import Infrastructure
from demo.own import OwnParts
from demo.programs import Found, MissingPartError, look_for
from demo.real import RealParts

ANSWERS = ("auto", "yes", "no")
OWN = "the fleet's own router and Graygate's own scrape"


def choose(real: str, tell: Callable[[str], None]) -> Infrastructure:
    """Says in one line what it is to be. MissingPartError: asked for, and not here."""
    if real == "no":
        tell(OWN)
        return OwnParts()
    found = look_for()
    if not found.missing:
        tell(f"real parts: {found.told()}")
        return RealParts(found.paths)
    if real == "yes":
        raise MissingPartError(f"not here: {_missing(found)}")
    tell(f"{OWN}; not here: {_missing(found)}")
    return OwnParts()


def _missing(found: Found) -> str:
    return f"{', '.join(found.missing)} ({found.advice()})"
