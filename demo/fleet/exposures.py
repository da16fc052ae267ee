"""Which units meet the canary: declared state per rollout and target, fenced by generation."""

from dataclasses import asdict, dataclass, field
from typing import Any

from demo.fleet.layout import UNITS

FIELDS = {"target", "rollout", "key", "generation", "exposure", "units", "version"}


class MalformedError(Exception):
    """The declaration cannot be read; nothing was changed."""


class FencedError(Exception):
    """A newer declaration has been seen; `current` is what holds."""

    def __init__(self, current: "Declared") -> None:
        super().__init__(f"generation {current.generation} was already seen")
        self.current = current


@dataclass(frozen=True)
class Declared:
    target: str
    rollout: str
    key: str = ""
    generation: int = 0
    units: tuple[str, ...] = ()
    version: str | None = None

    @property
    def exposure(self) -> float:
        """What really is exposed, not what somebody wished for."""
        return len(self.units) / len(UNITS)

    def as_dict(self) -> dict[str, Any]:
        shown = asdict(self) | {"exposure": self.exposure, "units": list(self.units)}
        del shown["version"]
        return shown


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise MalformedError(f"{name} must be a non-empty string")
    return value


def _units(body: dict[str, Any]) -> tuple[str, ...]:
    value = body.get("units")
    if not isinstance(value, list) or not all(unit in UNITS for unit in value):
        raise MalformedError('units must be a list of strings "0" to "99"')
    return tuple(sorted(set(value), key=int))


def parse(target: str, body: dict[str, Any]) -> Declared:
    if unknown := set(body) - FIELDS:
        raise MalformedError(f"unknown: {', '.join(sorted(unknown))}")
    if _text(body, "target") != target:
        raise MalformedError(f"target must be {target}, as in the address")
    generation, exposure = body.get("generation"), body.get("exposure")
    if type(generation) is not int or generation < 0:
        raise MalformedError("generation must be an integer, 0 or more")
    if isinstance(exposure, bool) or not isinstance(exposure, int | float):
        raise MalformedError("exposure must be a number")
    if not 0 <= exposure <= 1:
        raise MalformedError("exposure must be a share from 0 to 1")
    return Declared(
        target=target,
        rollout=_text(body, "rollout"),
        key=_text(body, "key"),
        generation=generation,
        units=_units(body),
        # Empty for a change that brings no version of its own.
        version=_text(body, "version") if body.get("version") else None,
    )


@dataclass
class Exposures:
    """Rollouts of one service add up: a unit exposed by any of them meets the canary."""

    declared: dict[tuple[str, str], Declared] = field(default_factory=dict)
    exposed: dict[str, frozenset[str]] = field(default_factory=dict)
    changes: list[dict[str, Any]] = field(default_factory=list)

    def current(self, target: str, rollout: str) -> Declared:
        return self.declared.get((target, rollout), Declared(target, rollout))

    def rollouts(self, target: str) -> list[str]:
        """Those that expose somebody now."""
        return sorted(d.rollout for d in self.declared.values() if d.target == target and d.units)

    def is_exposed(self, target: str, unit: str) -> bool:
        return unit in self.exposed.get(target, ())

    def check(self, wanted: Declared) -> bool:
        """True when it is new, False when it is a replay; an older one is fenced off."""
        seen = self.declared.get((wanted.target, wanted.rollout))
        if seen is None or wanted.generation > seen.generation:
            return True
        if wanted.generation == seen.generation and wanted.units == seen.units:
            return False
        raise FencedError(seen)

    def declare(self, wanted: Declared, now: float) -> Declared:
        if not self.check(wanted):
            return self.declared[wanted.target, wanted.rollout]
        self._put(wanted, now)
        return wanted

    def forget(self, target: str, now: float) -> None:
        """End all exposure of a target, but keep the fences: a late call stays refused."""
        for (name, _), seen in list(self.declared.items()):
            if name == target and seen.units:
                self._put(Declared(seen.target, seen.rollout, seen.key, seen.generation), now)

    def _put(self, wanted: Declared, now: float) -> None:
        before = self.current(wanted.target, wanted.rollout)
        self.declared[wanted.target, wanted.rollout] = wanted
        here = (d.units for d in self.declared.values() if d.target == wanted.target)
        self.exposed[wanted.target] = frozenset().union(*here)
        if before.units != wanted.units:
            self.changes.append(
                {
                    "at": now,
                    "service": wanted.target,
                    "rollout": wanted.rollout,
                    "exposure": wanted.exposure,
                }
            )
