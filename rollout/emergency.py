"""All exposure to zero without PostgreSQL, and what the loop makes of it afterwards.

Before: every target at the same time, from the operator's file alone, within a bounded time.
Each is written into a marker (`zeroed.jsonl`) before it is told anything.
Afterwards: the loop reads the marker before it takes any work. Whoever has exposure under way on
such a target is held (`drift`) in a new epoch, wants zero there, and never grows by itself: also
what was intended and not yet seen when the database went.
"""

import fcntl
import json
import logging
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, cast

from django.conf import settings
from django.db import DataError, transaction

from attribution.cut_off import within
from attribution.sources.answers import clean
from rollout import effects, ledger
from rollout.executors.base import Desired, Executor, Key, executor
from rollout.machine import HoldKind, Phase
from rollout.models import Placement, Rollout
from rollout.news import tell
from rollout.snapshot import SAME_SHARE

log = logging.getLogger(__name__)
AT_ONCE = 32
# For everything that one target is asked and told.
LONGEST_S = 30.0
LONGEST_LINE = 1000
MOST_LINES = 100_000
GROWING = (Phase.PENDING, Phase.RUNNING, Phase.WATCHING)


class KnowsRollouts(Protocol):
    """What an executor beside `exclusive` ones needs to be taken to zero without a database."""

    def rollouts(self, config: dict[str, Any]) -> list[str]: ...


@dataclass(frozen=True)
class Zeroed:
    """What became of one target (and rollout, where it knows them). left None: not known."""

    target: str
    executor: str
    rollout: str = ""
    was: float | None = None
    left: float | None = None
    error: str = ""

    @property
    def at_zero(self) -> bool:
        return self.left is not None and self.left <= SAME_SHARE


def zero(names: Sequence[str], rollouts: Sequence[str]) -> list[Zeroed]:
    """Targets of the operator's file, side by side. Raises nothing of theirs."""
    with ThreadPoolExecutor(max_workers=min(AT_ONCE, len(names))) as pool:
        done = pool.map(lambda name: _in_time(name, rollouts), names)
        return [row for rows in done for row in rows]


def _in_time(name: str, rollouts: Sequence[str]) -> list[Zeroed]:
    """One target that hangs, breaks down or is badly described never stops the others."""
    entry = settings.OPERATOR.targets.get(name)
    kind = str(entry.get("executor", "http")) if isinstance(entry, dict) else "none"
    try:
        if kind == "none":
            return [Zeroed(name, kind, error="the operator's file has no such target")]
        return within(f"zero {name}", LONGEST_S, False, lambda: _zero(name, kind, rollouts))
    except Exception as error:  # noqa: BLE001 - whatever a plugin raises, the rest goes on
        return [Zeroed(name, kind, error=f"{type(error).__name__}: {error}"[:300])]


def _zero(name: str, kind: str, rollouts: Sequence[str]) -> list[Zeroed]:
    made = executor(kind)
    return [_zero_one(made, name, kind, rollout) for rollout in _served(made, name, rollouts)]


def _served(made: Executor, name: str, asked: Sequence[str]) -> Sequence[str]:
    if made.exclusive:
        # Whoever's it is: the target has one share.
        return [""]
    return asked or cast("KnowsRollouts", made).rollouts({"target": name})


def _zero_one(made: Executor, name: str, kind: str, rollout: str) -> Zeroed:
    """One generation above the newest that the target has seen. What it shows afterwards counts."""
    config = {"target": name}
    was, left, errors = None, None, []
    key = Key(0, rollout, name, 0)
    try:
        seen = made.observe(config, key)
        was, key = seen.share, Key(0, rollout, name, seen.generation + 1)
    except Exception as error:  # noqa: BLE001 - told zero all the same: blind is not the same as dead
        errors.append(_said(error))
    try:
        made.apply(config, Desired(0.0), key)
    except Exception as error:  # noqa: BLE001 - it may have landed: look
        errors.append(_said(error))
    try:
        left = made.observe(config, key).share
    except Exception as error:  # noqa: BLE001 - not seen is not zero
        errors.append(_said(error))
    return Zeroed(name, kind, rollout, was, left, "; ".join(dict.fromkeys(errors))[:300])


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__


# --- the marker ------------------------------------------------------------------------------


def marker() -> Path:
    return Path(settings.VAR_DIR) / "zeroed.jsonl"


def mark(names: Sequence[str], actor: str) -> None:
    """Before the first target is told anything. Raises OSError."""
    path = marker()
    path.parent.mkdir(parents=True, exist_ok=True)
    at = datetime.now(UTC).isoformat()
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        for name in names:
            line = {"target": name, "at": at, "actor": actor[:100]}
            file.write(json.dumps(line).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def take_up(now: datetime) -> int:
    """How many rollouts were held. The loop calls it before it takes any work; without a marker
    it costs one look at the folder. One that cannot be read stops no reversal: it is logged.
    """
    if not marker().exists():
        return 0
    try:
        return _taken_up(now)
    except (OSError, ValueError, DataError) as error:
        log.error("%s, left by `zero`: %s", marker(), error)  # noqa: TRY400 - each second, one line
        return 0


def _taken_up(now: datetime) -> int:
    path = marker()
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if not path.exists():
            return 0  # another process has just done it
        targets = {line["target"]: line for line in _lines(file)}
        held = sum(_hold(pk, targets, now) for pk in _concerned(targets))
        # Only now: whoever dies before this does it again, and holding twice is holding once.
        path.rename(path.with_name(f"zeroed-{now:%Y%m%dT%H%M%S.%f}.done"))
    return held


def _lines(file: Any) -> Iterator[dict[str, str]]:
    """What is not to be read was cut off by a full disk: the others count."""
    left = MOST_LINES
    while left and (text := file.readline(LONGEST_LINE)):
        try:
            line = json.loads(text)
        except (ValueError, RecursionError):
            continue
        if isinstance(line, dict) and _can_be_stored(target := str(line.get("target", "\0"))):
            left -= 1
            told = {name: clean(str(line.get(name) or "")) for name in ("actor", "at")}
            yield {"target": target, **told}


def _can_be_stored(text: str) -> bool:
    """No rollout has another target; asking for one would keep the others from being held."""
    return "\0" not in text and text == text.encode("utf-8", "ignore").decode()


def _concerned(targets: dict[str, Any]) -> list[Any]:
    rows = Placement.objects.filter(
        target__in=targets,
        taken_over=False,
        rollout__phase__in=GROWING,
        rollout__shadow=False,
    )
    return list(rows.order_by("rollout_id").values_list("rollout_id", flat=True).distinct())


@transaction.atomic
def _hold(pk: Any, targets: dict[str, Any], now: datetime) -> int:
    rollout = Rollout.objects.select_for_update().get(pk=pk)
    if rollout.phase not in GROWING:
        return 0
    mine = rollout.placements.filter(target__in=targets, taken_over=False)
    line = targets[mine.order_by("id").values_list("target", flat=True)[0]]
    actor = (line["actor"] or "an operator")[:100]
    names = ", ".join(mine.values_list("target", flat=True))
    reason = f"{names} was taken to zero by {actor} at {line['at']}, without the database"
    if rollout.holds.filter(kind=HoldKind.DRIFT, reason=reason, released_at=None).exists():
        return 0  # the marker could not be put away
    effects.hold(rollout, HoldKind.DRIFT, actor, reason, now)
    for placement in mine if rollout.phase != Phase.PENDING else []:
        effects.desire(placement, 0.0, [], now)
    effects.step_down(rollout)
    rollout.epoch += 1
    ledger.append(rollout, "zeroed", [reason], actor, {}, now)
    tell(rollout, "rollout.hold", [reason], {}, now)
    effects.bump(rollout, now)
    return 1
