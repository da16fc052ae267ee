"""OutboxMessage → the body that on-call receives. Pure."""

import json
from datetime import UTC, datetime
from typing import Any

PREFIX = "graygate."
# Standard Webhooks asks for less than 20 kB.
MOST_BYTES = 20_000
# What on-call is told unless the endpoint names its own `types`.
PAGING = (
    "rollout.halted",
    "rollout.hold",
    "rollout.rolled_back",
    "rollout.rollback_failed",
    "rollout.recovered",
    "rollout.answered",
    "culprit.found",
    "culprit.over",
    "storm.held",
    "storm.over",
    "loop.restored",
    "loop.kill_switch",
    "loop.stalled",
    "loop.failing",
    "loop.unconfirmed",
    "loop.stuck",
    "loop.unfinished",
    "loop.forgot",
    "loop.moving",
)
# A silence never keeps these back: something was undone, could not be, or is well again.
NEVER_SILENT = (
    "rollout.rolled_back",
    "rollout.rollback_failed",
    "rollout.recovered",
    "culprit.over",
    "storm.over",
    "loop.moving",
)
RESOLVES = (
    "rollout.recovered",
    "rollout.completed",
    "rollout.answered",
    "rollout.released",
    "culprit.over",
    "storm.over",
    "loop.moving",
)
# After these the holds that are left say what is wrong.
HOLDING = ("rollout.halted", "rollout.hold", "rollout.answered", "rollout.released")
# Holds that nobody is paged for: a person set it, or it ends by itself and whoever has to know
# was told of what is broken.
UNPAGED = frozenset({"paused", "suspected", "telling_apart", "common_cause"})


def wants(types: Any, kind: str) -> bool:
    """`types` as in the operator's file: with or without the prefix, `*` for all."""
    if types is None:
        return kind in PAGING
    wanted = {str(one).removeprefix(PREFIX) for one in types}
    # Who is told of a rollback, a culprit, or a loop in trouble, is told of its end too.
    resolved = kind == "rollout.recovered" and "rollout.rolled_back" in wanted
    over = kind == "culprit.over" and "culprit.found" in wanted
    calm = kind == "storm.over" and "storm.held" in wanted
    moves = kind == "loop.moving" and any(one.startswith("loop.") for one in wanted)
    return "*" in wanted or kind in wanted or resolved or over or calm or moves


def silenced(kind: str, payload: dict[str, Any], scopes: list[dict[str, Any]]) -> bool:
    """`scopes` of the silences in force; an empty one matches everything."""
    if kind in NEVER_SILENT:
        return False
    return any(_matches(scope, payload) for scope in scopes)


def _matches(scope: dict[str, Any], payload: dict[str, Any]) -> bool:
    facts = {
        name: {part.strip() for part in str(payload.get(name, "")).split(",")}
        for name in ("service", "team", "environment")
    }
    return all(str(value) in facts.get(name, set()) for name, value in scope.items())


def body_of(kind: str, payload: dict[str, Any], at: datetime, url: str) -> bytes:
    data = payload | {
        "url": url,
        "evidence_url": url,
        "alert_key": key_of(payload),
        "status": "resolved" if resolves(kind, payload) else "firing",
    }
    body = _encoded(kind, data, at)
    if len(body) < MOST_BYTES:
        return body
    # The page that `url` leads to has the rest.
    data |= {
        "evidence": {},
        "reasons": [str(reason)[:500] for reason in payload.get("reasons", [])[:5]],
        "reason": str(payload.get("reason", ""))[:2000],
        "shortened": True,
    }
    return _encoded(kind, data, at)


def resolves(kind: str, payload: dict[str, Any]) -> bool:
    return kind in RESOLVES and trouble_of(kind, payload) is None


def trouble_of(kind: str, payload: dict[str, Any]) -> str | None:
    """What is wrong after this message: the paging type that says it; None: nothing any more.

    A rollout's holds and phase say more than the type: what answers one hold leaves the others,
    and who is halted is no better off for being held as well.
    """
    if kind not in HOLDING:
        return kind if kind in PAGING and kind not in RESOLVES else None
    if "holds" not in payload:
        return None if kind in RESOLVES else kind
    if payload["phase"] == "rollback_failed":
        return "rollout.rollback_failed"
    holds = set(payload["holds"]) - UNPAGED
    if not holds or payload["phase"] == "rolling_back":
        return None
    return "rollout.halted" if "halted" in holds else "rollout.hold"


def key_of(payload: dict[str, Any]) -> str:
    """The same for an alert and for the message that resolves it."""
    own = payload.get("alert_key")
    return str(own or f"graygate-rollout-{payload.get('rollout', payload.get('change'))}")


def _encoded(kind: str, data: dict[str, Any], at: datetime) -> bytes:
    timestamp = at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    message = {"type": PREFIX + kind, "timestamp": timestamp, "data": data}
    return json.dumps(message, ensure_ascii=False).encode()
