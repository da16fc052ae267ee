"""Settings of a shop's topic and cache; each test changes one of them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.risk.classify import classify


def answer(kind, before, after, **more):
    return classify({"kind": kind, "before": before, "artefact": after, **more})


def found(kind, before, after, **more):
    signals = answer(kind, before, after, **more)["signals"]
    return {signal["id"]: signal["severity"] for signal in signals}


TOPIC = {
    "partitions": 12,
    "replication_factor": 3,
    "dlq": "orders-failed",
    "durable": True,
    "config": {
        "retention.ms": 604_800_000,
        "cleanup.policy": "delete",
        "min.insync.replicas": 2,
        "max.message.bytes": 1_000_000,
        "acks": "all",
    },
}
QUEUE = [
    ({"retention.ms": 86_400_000}, {"retention_shortened": "high"}),
    ({"retention.ms": 604_800_001}, {}),
    ({"retention.ms": -1}, {"retention_grown": "medium"}),
    ({"cleanup.policy": "compact"}, {"cleanup_policy_changed": "high"}),
    ({"cleanup.policy": ["delete"]}, {}),
    ({"min.insync.replicas": 1}, {"min_insync_lowered": "high"}),
    ({"min.insync.replicas": 3}, {"min_insync_raised": "medium"}),
    ({"max.message.bytes": 1000}, {"message_size_lowered": "high"}),
    ({"max.message.bytes": "2MB"}, {}),
    ({"acks": 1}, {"durability_lost": "high"}),
    ({"acks": "-1"}, {}),
]
QUEUE_TOP = [
    ({"partitions": 6}, {"partitions_lowered": "critical"}),
    ({"partitions": 24}, {"partitions_raised": "medium"}),
    ({"replication_factor": 2}, {"replication_lowered": "high"}),
    ({"replication_factor": 4}, {}),
    ({"dlq": ""}, {"dead_letter_removed": "high"}),
    ({"dlq": "elsewhere"}, {"dead_letter_moved": "medium"}),
    ({"durable": False}, {"durability_lost": "high"}),
    ({"owner": "shop"}, {}),
]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [({"config": TOPIC["config"] | given}, expected) for given, expected in QUEUE] + QUEUE_TOP,
)
def test_queue__one_setting_changed__raises_just_that(changed, expected):
    before, after = ({"topics": [{"name": "orders"} | t]} for t in (TOPIC, TOPIC | changed))
    assert found("queue", before, after) == expected


@pytest.mark.parametrize("keyed", [True, False])
def test_queue__more_partitions__weigh_by_whether_keys_are_ordered(keyed):
    raised = found("queue", {"partitions": 1}, {"partitions": 2}, context={"keyed": keyed})
    assert raised == {"partitions_raised": "high" if keyed else "low"}


@pytest.mark.parametrize("name", [name for name in TOPIC if name != "config"])
def test_queue__setting_taken_out__is_told(name):
    after = {key: value for key, value in TOPIC.items() if key != name}
    (severity,) = found("queue", TOPIC, after).values()
    assert severity in ("medium", "high")


def test_queue__what_deletes_messages__is_irreversible():
    shorter = answer("queue", "retention.hours=168", "retention.hours=24")
    gone = answer("queue", {"topics": {"orders": TOPIC, "b": TOPIC}}, {"topics": {"b": TOPIC}})
    assert {shorter["reversibility"], gone["reversibility"]} == {"irreversible"}
    assert gone["level"] == "critical"
    assert [(s["id"], s["where"]) for s in gone["signals"]] == [("queue_removed", "/topics/orders")]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("log.retention.hours=168", "log.retention.ms=604800000", {}),
        ("log.retention.hours=168", "log.retention.ms=3600000", {"retention_shortened": "high"}),
        ({"MessageRetentionPeriod": 345600}, {"MessageRetentionPeriod": 60},
         {"retention_shortened": "high"}),
        ({"x-message-ttl": 60000}, {"x-message-ttl": "60s"}, {}),
        ({"x-queue-type": "classic"}, {"x-queue-type": "quorum"}, {"queue_type_changed": "high"}),
        ({"RedrivePolicy": {"deadLetterTargetArn": "a"}}, {"RedrivePolicy": {}},
         {"dead_letter_removed": "high"}),
        ({"maxAge": "7d"}, {"maxAge": "24h"}, {"retention_shortened": "high"}),
    ],
)  # fmt: skip
def test_queue__other_systems_names__mean_the_same(before, after, expected):
    assert found("queue", before, after) == expected


CACHE = {
    "ttl": 600,
    "maxmemory": "1gb",
    "maxmemory-policy": "allkeys-lru",
    "appendonly": "yes",
    "appendfsync": "always",
    "key_prefix": "shop",
    "serializer": "json",
    "location": "cache-1",
    "enabled": True,
    "jitter": 0.1,
}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"ttl": 6000}, {"ttl_longer": "medium"}),
        ({"ttl": None}, {"ttl_longer": "medium"}),
        ({"ttl": 60}, {"ttl_shorter": "high"}),
        ({"ttl": 0}, {"cache_off": "high"}),
        ({"ttl": 300}, {}),
        ({"ttl": "10m"}, {}),
        ({"ttl": "10s"}, {"ttl_shorter": "high"}),
        ({"maxmemory": "900mb"}, {"cache_memory_lowered": "medium"}),
        ({"maxmemory": "100mb"}, {"cache_memory_lowered": "high"}),
        ({"maxmemory": 0}, {}),
        ({"maxmemory": 2**31}, {}),
        ({"maxmemory-policy": "noeviction"}, {"eviction_policy_changed": "high"}),
        ({"maxmemory-policy": "volatile-lru"}, {"eviction_policy_changed": "medium"}),
        ({"appendonly": "no"}, {"persistence_off": "high"}),
        ({"appendfsync": "everysec"}, {"fsync_weakened": "medium"}),
        ({"key_prefix": "shop2"}, {"cache_keys_changed": "high"}),
        ({"serializer": "pickle"}, {"serializer_changed": "high"}),
        ({"location": "cache-2"}, {"cache_moved": "high"}),
        ({"enabled": False}, {"cache_off": "high"}),
        ({"jitter": 0}, {"stampede_guard_removed": "medium"}),
        ({"note": "x"}, {}),
    ],
)
def test_cache__one_setting_changed__raises_just_that(changed, expected):
    assert found("cache", CACHE, CACHE | changed) == expected


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("LOCATION", "redis://b", "cache_moved"),
        ("VERSION", 2, "cache_keys_changed"),
        ("TIMEOUT", None, "ttl_longer"),
    ],
)
def test_cache__several_settings_of_one_meaning__are_compared_each_with_itself(
    name, value, expected
):
    backend = {
        "LOCATION": "redis://a",
        "BACKEND": "r",
        "VERSION": 1,
        "KEY_PREFIX": "",
        "TIMEOUT": 9,
    }
    before, after = ({"CACHES": {"default": b}} for b in (backend, backend | {name: value}))
    assert list(found("cache", before, after)) == [expected]


def test_cache__properties_with_long_names__are_read():
    before, after = (f"spring.cache.redis.time-to-live={ttl}" for ttl in ("10m", "10s"))
    assert found("cache", before, after) == {"ttl_shorter": "high"}


def test_queue__unnamed_one_of_a_list_taken_out__is_critical():
    before = {"topics": [{"topic": "a", "partitions": 6}, {"topic": "b", "partitions": 6}]}
    assert found("queue", before, {"topics": before["topics"][:1]}) == {"queue_removed": "critical"}
    assert found("queue", before, {"topics": []}) == {"queue_removed": "critical"}


def test_cache__directives_of_redis__are_read():
    before = "# ours\nmaxmemory 2gb\nsave 900 1\nsave 300 10\nmaxmemory-policy noeviction\n"
    after = 'maxmemory 2gb\nsave ""\nmaxmemory-policy allkeys-lru\n'
    raised = answer("cache", before, after, path="redis.conf")
    ids = {signal["id"] for signal in raised["signals"]}
    assert ids == {"persistence_off", "eviction_policy_changed"}
    assert raised["reversibility"] == "irreversible"


def test_cache__metrics_switched_off__is_not_the_cache():
    before, after = ({name: {"enabled": on} for name in ("cache", "metrics")} for on in (1, 0))
    signals = answer("cache", before, after)["signals"]
    assert [signal["where"] for signal in signals] == ["/cache/enabled"]


@pytest.mark.parametrize("kind", ["queue", "cache"])
def test_store__repaired_or_new__raises_nothing(kind):
    assert found(kind, {}, TOPIC | CACHE) == {}
    assert (
        found(kind, {"enabled": False, "durable": False}, {"enabled": True, "durable": True}) == {}
    )


@pytest.mark.parametrize("kind", ["queue", "cache"])
def test_store__nobody_said_what_is_there__is_told(kind):
    assert found(kind, None, TOPIC) == {"no_before": "medium"}


@pytest.mark.parametrize("kind", ["queue", "cache"])
@pytest.mark.parametrize("artefact", ["no settings", "\x00f", '{"a": ' * 5000, "[" * 5000, "- ]"])
def test_store__unreadable__is_unparsed_and_high(kind, artefact):
    assert found(kind, {}, artefact) == {"unparsed": "high"}


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@given(st.sampled_from(sorted(TOPIC | TOPIC["config"] | CACHE)), anything, anything)
def test_store__anything_in_a_setting__raises_nothing(name, old, new):
    for kind in ("queue", "cache"):
        json.dumps(answer(kind, {name: old}, {name: new}))
