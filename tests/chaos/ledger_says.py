"""What the entries of a rollout's chain order: read of them alone, and of no other row."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

ZERO = frozenset({"rollback", "abort", "superseded", "reappeared", "cancel"})
GROWTH = frozenset({"start", "open", "promote", "watch", "resume"})
SYSTEM = "graygate"


@dataclass(frozen=True)
class Entry:
    sequence: int
    at: datetime
    decision: str
    actor: str
    inputs: dict[str, Any]


def order_of(entry: Entry) -> float | None:
    """The exposure that it orders; None: none."""
    if entry.decision in ZERO:
        return 0.0
    return share_opened(entry) if entry.decision == "open" else None


def share_opened(entry: Entry) -> float:
    return next(
        float(stage["share"])
        for stage in entry.inputs["snapshot"]["stages"]
        if stage["state"] == "pre_check"
    )


def last_order(entries: list[Entry]) -> float:
    orders = [order for entry in entries if (order := order_of(entry)) is not None]
    return orders[-1] if orders else 0.0


def most_ordered(entries: list[Entry], until: float) -> float:
    """The largest share that was ever ordered up to a time: what may be seen at most."""
    orders = [order_of(e) for e in entries if e.at.timestamp() <= until]
    return max((order for order in orders if order is not None), default=0.0)


def by_a_person(entry: Entry, decision: str) -> bool:
    return entry.decision == decision and entry.actor != SYSTEM


def grown_while_paused(entries: list[Entry]) -> str:
    """A growth, or an end of the pause, that no person ordered; empty: none."""
    paused = False
    for entry in entries:
        if entry.decision == "pause":
            paused = True
        elif by_a_person(entry, "resume") or entry.decision in ZERO:
            paused = False
        elif paused and entry.decision in GROWTH and entry.actor == SYSTEM:
            return f"entry {entry.sequence}, {entry.decision}, came under a pause"
    return ""


def unproved(entries: list[Entry], index: int) -> str:
    """Of a stage that passed: why the ledger does not say so; empty: it does."""
    for entry in entries:
        if entry.decision in {"promote", "watch"} and entry.inputs:
            stages = entry.inputs["snapshot"]["stages"]
            current = [s["index"] for s in stages if s["state"] == "baking"]
            verdict = entry.inputs["evidence"]["verdict"]
            if current == [index]:
                return "" if verdict == "pass" else f"passed on {verdict}"
    return "no decision says that it passed"
