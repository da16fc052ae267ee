"""Queues, topics and streams: what a change of them loses, reorders or keeps in fewer copies."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from controlplane.risk.shapes import text_of
from controlplane.risk.signals import Severity, Signal, Source
from controlplane.risk.stores.settings import (
    Rule,
    Step,
    compare,
    defaulted,
    lasting,
    vocabulary,
    weakened,
)

TEN_TIMES = 10
CONCEPTS = {
    "retention": vocabulary(
        "retention retention_time retention_period message_retention message_retention_period "
        "message_retention_duration message_ttl max_age"
    ),
    "room": vocabulary("retention_bytes max_length max_length_bytes max_bytes max_msgs"),
    "partitions": vocabulary("partitions partition_count partitions_count shards shard_count"),
    "replicas": vocabulary("replication_factor replicas replica_count"),
    "in_sync": vocabulary("min_insync_replicas min_in_sync_replicas min_isr"),
    "cleanup": vocabulary("cleanup_policy"),
    "dead_letter": vocabulary(
        "dead_letter_exchange dead_letter_queue dead_letter_topic dead_letter_policy dlq "
        "dead_letter_target_arn redrive_policy errors_deadletterqueue_topic_name"
    ),
    "message_size": vocabulary(
        "max_message_bytes message_max_bytes max_message_size max_message_size_bytes "
        "maximum_message_size max_msg_size max_request_size message_size_limit max_payload"
    ),
    "durable": vocabulary("durable persistent"),
    "fleeting": vocabulary("auto_delete unclean_leader_election_enable"),
    "ordered": vocabulary("fifo_queue enable_message_ordering"),
    "acks": vocabulary("acks required_acks request_required_acks"),
    "type": vocabulary("queue_type"),
}
_THING = re.compile(r"/(?:topics|queues|streams|subscriptions)/([^/]{1,300})(?:/|$)")


def read(source: Source) -> list[Signal]:
    return compare(source, CONCEPTS, RULES, _removed)


def _removed(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Signal]:
    """Of a list without names only that it got shorter: its last places are gone."""
    for where in sorted(_things(before) - _things(after)):
        thing = where.rpartition("/")[2]
        named = "one of a list" if thing.isdigit() else thing[:100]
        signal = Signal(
            id="queue_removed",
            severity="critical",
            summary=f"{named}: is taken out",
            where=where,
            why="What waits in it is gone with it, and who writes to it fails.",
            remedy="Stop the writers, let it run empty, keep a copy; then take it out.",
        )
        yield lasting(signal, "irreversible")


def _things(values: Mapping[str, Any]) -> set[str]:
    found = ((_THING.search(pointer), pointer) for pointer in values)
    return {pointer[: match.end(1)] for match, pointer in found if match}


def retention(step: Step, _: Mapping[str, Any]) -> Iterator[Signal]:
    old, new = step.old.seconds, step.new.seconds if step.new else None
    if old is None or new is None:
        yield defaulted(step)
    elif new < old:
        yield _lost(step, "retention_shortened", "messages are kept for less time")
    elif old > 0 and new >= TEN_TIMES * old:
        yield step.told(
            "retention_grown",
            "medium",
            "messages are kept ten times as long or more",
            "The disks fill slowly, and when they are full nothing is taken any more.",
            "Work out what it needs at the present rate, and make room first.",
        )


def room(step: Step, _: Mapping[str, Any]) -> Iterator[Signal]:
    old, new = step.old.amount, step.new.amount if step.new else None
    if old is None or new is None:
        yield defaulted(step)
    elif 0 <= new < (old if old >= 0 else float("inf")):
        yield _lost(step, "retention_size_lowered", "less is kept")


def _lost(step: Step, name: str, summary: str) -> Signal:
    signal = step.told(
        name,
        "high",
        summary,
        "What is beyond the new bound is deleted at once, and an undo does not bring it back.",
        "See that every consumer is past it, and keep a copy of what may be wanted again.",
    )
    return lasting(signal, "irreversible")


def partitions(step: Step, context: Mapping[str, Any]) -> Iterator[Signal]:
    """`context.keyed`: whether messages have keys whose order matters; unknown: perhaps."""
    old, new = step.old.amount, step.new.amount if step.new else None
    if old is None or new is None:
        yield defaulted(step)
    elif new < old:
        signal = step.told(
            "partitions_lowered",
            "critical",
            "there are fewer partitions",
            "Brokers can only do that by making it anew: what is in it is lost.",
            "Make a second one with so many, write to both, move the consumers.",
        )
        yield lasting(signal, "irreversible")
    elif new > old:
        keyed = context.get("keyed")
        severity: Severity = "high" if keyed is True else "low" if keyed is False else "medium"
        signal = step.told(
            "partitions_raised",
            severity,
            "there are more partitions",
            "A key leads to another partition than before: its messages overtake each other, and "
            "the number cannot be lowered again.",
            "Let consumers run empty first, or make a new one with so many.",
        )
        yield lasting(signal, "costly")


def copies(step: Step, _: Mapping[str, Any]) -> Iterator[Signal]:
    old, new = step.old.amount, step.new.amount if step.new else None
    if old is None or new is None:
        yield defaulted(step)
    elif new < old:
        name = "replication_lowered" if step.concept == "replicas" else "min_insync_lowered"
        yield step.told(
            name,
            "high",
            "fewer copies have to be there",
            "Fewer servers have to fail until messages that were confirmed are gone.",
            "Three copies of which two are in sync is what survives the loss of one.",
        )
    elif step.concept == "in_sync" and new > old:
        yield step.told(
            "min_insync_raised",
            "medium",
            "more copies have to be there",
            "Where so many are not in sync, writing with `acks=all` fails.",
            "Keep it below the replication factor, and see that all replicas are in sync.",
        )


def cleanup(step: Step, _: Mapping[str, Any]) -> Iterator[Signal]:
    old, new = _policies(step.old.value), _policies(step.new.value if step.new else None)
    if not new:
        yield defaulted(step)
    elif old != new:
        compacts = "compact" in new - old
        signal = step.told(
            "cleanup_policy_changed",
            "high",
            "what is cleaned up is decided otherwise",
            "Of each key only the last message stays, and messages without a key are refused."
            if compacts
            else "What is older than the retention goes, also the last message of a key.",
            "Make a second topic with the new policy, and move to it.",
        )
        yield lasting(signal, "irreversible")


def _policies(value: Any) -> set[str]:
    text = ",".join(map(str, value)) if isinstance(value, list) else text_of(value)
    return set(re.findall(r"[a-z]+", text.lower()[:100]))


def dead_letter(step: Step, _: Mapping[str, Any]) -> Iterator[Signal]:
    if step.new is None or step.new.value in (None, "", {}, []):
        signal = step.told(
            "dead_letter_removed",
            "high",
            "messages that fail go nowhere",
            "They are dropped, or come again and again and hold up what is behind them.",
            "Keep a dead-letter queue, and an alert on what arrives there.",
        )
        yield lasting(signal, "costly")
    else:
        yield step.told(
            "dead_letter_moved",
            "medium",
            "messages that fail go elsewhere",
            "Who watches the old place sees nothing any more.",
            "See that the new one exists and is watched.",
        )


def message_size(step: Step, _: Mapping[str, Any]) -> Iterator[Signal]:
    old, new = step.old.amount, step.new.amount if step.new else None
    if old is None or new is None:
        yield defaulted(step)
    elif new < old:
        yield step.told(
            "message_size_lowered",
            "high",
            "large messages are refused",
            "Writers of larger ones fail, and copies that are behind may not catch up.",
            "Measure the largest that are sent, and bring the writers below first.",
        )


def guarantee(step: Step, _: Mapping[str, Any]) -> Iterator[Signal]:
    name, lost_when, summary = _GUARANTEES[step.concept]
    if step.new is None:
        yield defaulted(step)
    elif step.new.switch is lost_when and step.old.switch is not lost_when:
        yield step.told(
            name,
            "high",
            summary,
            "Who relies on it is not told: it shows at the next failure.",
            "Make sure that no writer and no reader counts on it.",
        )


_GUARANTEES = {
    "durable": ("durability_lost", False, "messages do not outlive a restart"),
    "fleeting": ("durability_lost", True, "messages may go when a server or the last reader does"),
    "ordered": ("order_lost", False, "messages may overtake each other"),
}


def acks(step: Step, _: Mapping[str, Any]) -> Iterator[Signal]:
    strength = {"0": 0, "1": 1, "-1": 2, "all": 2}
    weaker = weakened(step, strength)
    if weaker is None:
        yield defaulted(step)
    elif weaker:
        yield step.told(
            "durability_lost",
            "high",
            "fewer servers confirm a message",
            "One that was confirmed may be gone when a server fails.",
            "Keep `all` for what must not be lost.",
        )


def queue_type(step: Step, _: Mapping[str, Any]) -> Iterator[Signal]:
    yield step.told(
        "queue_type_changed",
        "high",
        "the queue is of another type",
        "A queue that exists cannot be another one: declaring it fails (PRECONDITION_FAILED).",
        "Make a second queue of that type, and move writers and readers.",
    )


RULES: Mapping[str, Rule] = {
    "retention": retention, "room": room, "partitions": partitions, "replicas": copies,
    "in_sync": copies, "cleanup": cleanup, "dead_letter": dead_letter,
    "message_size": message_size, "durable": guarantee, "fleeting": guarantee,
    "ordered": guarantee, "acks": acks, "type": queue_type,
}  # fmt: skip
