"""Caches: what a change of them throws away at once, and who has to bear it then."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from controlplane.risk.shapes import text_of
from controlplane.risk.signals import Severity, Signal, Source
from controlplane.risk.stores.settings import (
    Rule,
    Setting,
    Step,
    compare,
    defaulted,
    lasting,
    vocabulary,
    weakened,
)

TEN_TIMES, HALF = 10, 0.5
CONCEPTS = {
    "ttl": vocabulary(
        "ttl expire expires expiry expiration expire_after expire_after_write "
        "expire_after_access time_to_live max_age max_ttl timeout default_ttl default_timeout"
    ),
    "eviction": vocabulary("maxmemory_policy max_memory_policy eviction_policy eviction"),
    "memory": vocabulary(
        "maxmemory max_memory memory_limit max_entries maximum_size max_size size max_items"
    ),
    "persistence": vocabulary(
        "appendonly append_only aof aof_enabled rdb rdb_enabled save persistence "
        "persistence_enabled snapshotting"
    ),
    "fsync": vocabulary("appendfsync append_fsync"),
    "keys": vocabulary(
        "key_prefix prefix namespace key_namespace key_function version key_version db database "
        "hash hash_function distribution hash_algorithm"
    ),
    "form": vocabulary("serializer serialization codec compressor compression pickle_version"),
    "place": vocabulary("backend location servers nodes host hosts url urls endpoint"),
    "enabled": vocabulary("enabled enable"),
    "guard": vocabulary(
        "stampede_lock lock coalesce coalescing single_flight jitter ttl_jitter grace "
        "stale_while_revalidate early_refresh"
    ),
}


def read(source: Source) -> list[Signal]:
    return compare(source, CONCEPTS, RULES)


def ttl(step: Step, _: Mapping[str, Any]) -> Iterator[Signal]:
    old, new = step.old.seconds, step.new.seconds if step.new else None
    if old is None or new is None:
        yield defaulted(step)
    elif new == 0 < old:
        yield _off(step)
    elif new >= TEN_TIMES * old and new > old > 0:
        signal = step.told(
            "ttl_longer",
            "medium",
            "entries stay ten times as long or more",
            "What is stale is served as long, also after an undo, and memory fills.",
            "Delete entries when their source changes; lengthen it in steps.",
        )
        yield lasting(signal, "costly")
    elif old >= TEN_TIMES * new and old > new:
        yield step.told(
            "ttl_shorter",
            "high",
            "entries stay a tenth as long or less",
            "What is behind the cache is asked ten times as often, by everybody at once.",
            "Shorten it in steps, with jitter, and watch what is behind.",
        )


def _off(step: Step) -> Signal:
    return step.told(
        "cache_off",
        "high",
        "nothing is cached any more",
        "What is behind the cache gets all of the traffic in the same second.",
        "Turn it off for a share first, and see what is behind it bear that.",
    )


def eviction(step: Step, _: Mapping[str, Any]) -> Iterator[Signal]:
    if step.new is None:
        yield defaulted(step)
        return
    old, new = (text_of(one.value).lower() for one in (step.old, step.new))
    if old == new:
        return
    if new == "noeviction":
        why = "When it is full every write fails, and with it what does not expect that."
    elif old == "noeviction":
        why = "What was kept for good is thrown away when it is full: locks, sessions, queues too."
    else:
        why = "Other entries go when it is full; where none may go, writes fail."
    severity: Severity = "high" if "noeviction" in (old, new) else "medium"
    signal = step.told(
        "eviction_policy_changed",
        severity,
        "what goes when it is full is decided otherwise",
        why,
        "Keep what may go and what may not in two stores, each with its policy.",
    )
    yield lasting(signal, "irreversible" if old == "noeviction" else "reversible")


def memory(step: Step, _: Mapping[str, Any]) -> Iterator[Signal]:
    old, new = _room(step.old), _room(step.new) if step.new else None
    if old is None or new is None:
        yield defaulted(step)
    elif new < old:
        yield step.told(
            "cache_memory_lowered",
            "high" if new <= HALF * old else "medium",
            "there is room for less",
            "What does not fit is thrown out at once, and asked for again behind the cache.",
            "Lower it in steps, and watch the share of hits.",
        )


def _room(setting: Setting) -> float | None:
    """0 is no bound in Redis, and no cache elsewhere."""
    unbounded = setting.amount == 0 and "memory" in setting.name
    return math.inf if unbounded else setting.amount


def persistence(step: Step, _: Mapping[str, Any]) -> Iterator[Signal]:
    """Also `save`, which is off where it names no time."""
    if step.new is None:
        yield defaulted(step)
    elif _is_off(step.new) and not _is_off(step.old):
        signal = step.told(
            "persistence_off",
            "high",
            "nothing is written to disk any more",
            "After a restart it is empty: what is only there is lost, the rest asked for at once.",
            "Make sure that nothing is kept there alone.",
        )
        yield lasting(signal, "costly")


def _is_off(setting: Setting) -> bool:
    return setting.switch is False or setting.value in (None, "", [], {}, "none")


def fsync(step: Step, _: Mapping[str, Any]) -> Iterator[Signal]:
    strength = {"no": 0, "false": 0, "everysec": 1, "always": 2}
    weaker = weakened(step, strength)
    if weaker is None:
        yield defaulted(step)
    elif weaker:
        yield step.told(
            "fsync_weakened",
            "medium",
            "what is written reaches the disk later",
            "After a loss of power the last writes are gone, though they were confirmed.",
            "Keep `always` for what must not be lost, `everysec` else.",
        )


def cold(step: Step, _: Mapping[str, Any]) -> Iterator[Signal]:
    name, summary = _COLD[step.concept]
    yield step.told(
        name,
        "high",
        summary,
        "No entry is found any more: everybody asks what is behind the cache at once (stampede), "
        "and while two versions run neither sees what the other wrote.",
        "Fill the new one beside the old one first, then move a share of the readers.",
    )


_COLD = {
    "keys": ("cache_keys_changed", "entries are looked for under other names"),
    "form": ("serializer_changed", "entries are written in another form"),
    "place": ("cache_moved", "entries are looked for elsewhere"),
}


def enabled(step: Step, _: Mapping[str, Any]) -> Iterator[Signal]:
    """Of the cache itself, not of its metrics or logs."""
    owner = step.old.pointer.rpartition("/")[0].rpartition("/")[2].lower()
    if owner and "cache" not in owner:
        return
    if step.new is not None and step.new.switch is False and step.old.switch is not False:
        yield _off(step)


def guard(step: Step, _: Mapping[str, Any]) -> Iterator[Signal]:
    gone = step.new is None or _is_off(step.new) or step.new.amount == 0
    if gone and not _is_off(step.old):
        yield step.told(
            "stampede_guard_removed",
            "medium",
            "nothing keeps all from asking at once when an entry ends",
            "An entry that many want is computed by each of them at the same time.",
            "Keep one of: a lock for each key, jitter, serving the old one meanwhile.",
        )


RULES: Mapping[str, Rule] = {
    "ttl": ttl, "eviction": eviction, "memory": memory, "persistence": persistence,
    "fsync": fsync, "keys": cold, "form": cold, "place": cold, "enabled": enabled, "guard": guard,
}  # fmt: skip
