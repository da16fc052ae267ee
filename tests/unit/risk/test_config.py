import json

import pytest

from controlplane.risk.classify import classify

HARMFUL = [
    ("workers.max", "40", "many", "type_changed", "high"),
    ("workers.max", "40", "9.5", "fraction", "medium"),
    ("workers.max", "40", "-10", "sign_changed", "medium"),
    ("buffer_bytes", "4096", "4000000000", "magnitude", "medium"),
    ("buffer_bytes", "4096", "409600", "magnitude", "medium"),
    ("cache.enabled", "true", "17", "type_changed", "high"),
    ("cache.enabled", "yes", "maybe", "type_changed", "high"),
    ("http.port", "8080", "65536", "bad_port", "high"),
    ("http.port", "8080", "web", "bad_port", "high"),
    ("bind.address", "127.0.0.1", "300.0.0.1", "bad_address", "high"),
    ("bind.address", "127.0.0.1", "10.0.0", "bad_address", "high"),
    ("bind.address", "10.0.0.1:9000", "10.0.0.1:99999", "bad_address", "high"),
    ("backend.url", "http://orders/v1", "orders", "bad_url", "high"),
    ("data.dir", "/srv/data", "srv//data", "bad_path", "medium"),
    ("data.dir", "/srv/data", "srv/data", "bad_path", "medium"),
    ("file.permissions", "0750", "0890", "bad_permission", "high"),
    ("file.mode.umask", "027", "000", "world_writable", "medium"),
    ("read.timeout", "30s", "30parsecs", "bad_unit", "high"),
    ("read.timeout", "30s", "30", "bad_unit", "medium"),
    ("read.timeout", "30s", "30MB", "bad_unit", "medium"),
    ("read.timeout", "30s", "30h", "magnitude", "medium"),
    ("eviction.policy", "lru", "lruu", "choice_changed", "medium"),
    ("upstream", "orders", "", "empty", "medium"),
    ("upstream", "orders", "TODO", "placeholder", "medium"),
    ("mode", "'off'", "off", "quotes_lost", "medium"),
    ("rollout_percent", 0, 100, "exposure_jump", "high"),
    ("checkout.rollout", 0.05, 0.4, "exposure_jump", "medium"),
    ("tls.verify", "true", "false", "protection_turned_off", "medium"),
    ("tls.skip", "false", "true", "protection_turned_off", "medium"),
    ("kill_switch.enabled", "true", "false", "kill_switch_removed", "high"),
    ("cart.replicas", 3, 0, "capacity_to_zero", "high"),
]

HARMLESS = [
    ("workers.max", "40", "80"),
    ("workers.max", "1", "10"),
    ("retries.max", "3", "-1"),
    ("http.port", "8080", "9090"),
    ("bind.address", "127.0.0.1", "orders.internal"),
    ("bind.address", "127.0.0.1:80", "[::1]:80"),
    ("backend.url", "http://orders/v1", "https://orders/v2"),
    ("data.dir", "/srv/data", "${HOME}/data"),
    ("read.timeout", "30s", "1min"),
    ("read.timeout", "30s", "0"),
    ("cache.enabled", "false", "true"),
    ("ratio", "1", "0.5"),
    ("rollout_percent", 5, 25 - 1),
    ("greeting", "hello", "good morning"),
]


def signals_of(before, artefact, **case):
    found = classify({"id": 1, "kind": "config", "before": before, "artefact": artefact, **case})
    return {signal["id"]: signal["severity"] for signal in found["signals"]}


@pytest.mark.parametrize(("key", "old", "new", "signal", "severity"), HARMFUL)
def test_config__harmful_edit__names_it(key, old, new, signal, severity):
    assert signals_of({key: old, "other": 1}, {key: new, "other": 1}) == {signal: severity}


@pytest.mark.parametrize(("key", "old", "new"), HARMLESS)
def test_config__harmless_edit__raises_nothing_above_low(key, old, new):
    assert set(signals_of({key: old}, {key: new}).values()) <= {"low"}


@pytest.mark.parametrize(("key", "old", "new", "signal", "severity"), HARMFUL)
def test_config__flaw_that_was_there_before__is_not_blamed_on_the_change(
    key, old, new, signal, severity
):
    assert signals_of({key: new, "x": "1"}, {key: new, "x": "2"}) == {}


def test_config__key_removed__says_so():
    assert signals_of({"a": "1", "b": "2"}, {"a": "1"}) == {"key_removed": "medium"}


def test_config__kill_switch_key_removed__is_high():
    assert signals_of({"a": 1, "killSwitch": True}, {"a": 1}) == {"kill_switch_removed": "high"}


def test_config__lower_bound_above_upper__is_high():
    before = {"pool": {"min": 2, "max": 8}}
    assert signals_of(before, {"pool": {"min": 9, "max": 8}}) == {"bounds_crossed": "high"}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("db.password", "hunter2-and-more"),
        ("notes", "AKIAABCDEFGHIJKLMNOP"),
        ("dsn", "postgres://app:hunter2-and-more@db/app"),
        ("upstreams", ["https://app:hunter2-and-more@db"]),
    ],
)
def test_config__secret_in_clear__is_high_and_never_repeated(key, value):
    case = {"kind": "config", "before": {key: "x"}, "artefact": {key: value}}
    found = classify(case)
    assert "secret_in_clear" in {signal["id"] for signal in found["signals"]}
    assert "hunter2" not in str(found)
    assert "AKIAABCDEFGHIJKLMNOP" not in str(found)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("db.password", "${DB_PASSWORD}"),
        ("db.password_file", "/run/secrets/db"),
        ("password_min_length", "12"),
        ("token_ttl", "30m"),
    ],
)
def test_config__reference_to_a_secret__is_no_secret(key, value):
    assert "secret_in_clear" not in signals_of({}, {key: value})


TEXTS = {
    "json": ('{"http": {"port": 80}}', '{"http": {"port": 99999}}', "/http/port"),
    "yaml": ("http:\n  port: 80\n", "http:\n  port: 99999\n", "line 2"),
    "toml": ("[http]\nport = 80\n", "[http]\nport = 99999\n", "line 2"),
    "ini": ("[http]\nport: 80\n", "[http]\nport: 99999\n", "line 2"),
    "properties": ("# web\nhttp.port=80\n", "# web\nhttp.port=99999\n", "line 2"),
}


@pytest.mark.parametrize("suffix", TEXTS)
@pytest.mark.parametrize("named", [True, False])
def test_config__text__is_read_and_the_line_shown(suffix, named):
    before, artefact, where = TEXTS[suffix]
    case = {"kind": "config", "before": before, "artefact": artefact}
    found = classify(case | ({"path": f"etc/app.{suffix}"} if named else {}))
    assert [(one["id"], one["where"]) for one in found["signals"]] == [("bad_port", where)]


HOSTILE = {
    "binary": "\x00\x01\x02",
    "prose": "please turn it up a little",
    "deep": "[" * 3000 + "]" * 3000,
    "deep_yaml": "- " * 3000 + "x",
    "aliases": "a: &a [x,x,x,x,x,x,x,x,x]\n"
    + "".join(
        f"{b}: &{b} [{', '.join(['*' + a] * 9)}]\n"
        for a, b in zip("abcdefg", "bcdefgh", strict=True)
    ),
    "hostile_tag": "!!python/object/apply:os.system ['true']",
    "broken_tag": "a: !!int ''\nb: !!timestamp nope",
    "huge": "a: b\n" * 500_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_config__unreadable_text__is_high_never_low(name):
    found = classify({"kind": "config", "before": {}, "artefact": HOSTILE[name]})
    assert [signal["id"] for signal in found["signals"]] == ["unparsed"]
    assert found["level"] == "high"


def test_config__unreadable_before__is_high():
    assert "unparsed" in signals_of("this is no configuration", {"a": 1})


def test_config__without_before__is_medium_at_least():
    found = classify({"kind": "config", "artefact": {"greeting": "hello"}})
    assert [signal["id"] for signal in found["signals"]] == ["no_before"]
    assert found["level"] == "medium"


def test_config__byte_order_mark__is_no_part_of_the_first_key():
    assert signals_of("\ufeffa=1\n", "a=1\n") == {}


def test_config__named_items_in_a_list__are_compared_by_name():
    before = {"routes": [{"name": "a", "port": 80}, {"name": "b", "port": 81}]}
    artefact = {"routes": [{"name": "b", "port": 81}, {"name": "a", "port": 80}]}
    assert signals_of(before, artefact) == {}


def test_config__hundreds_of_findings__lists_the_worst_and_counts_the_rest():
    before = {f"key{index}": "1" for index in range(500)}
    found = classify({"kind": "config", "before": before, "artefact": {"http.port": "x"}})
    assert len(found["signals"]) == 201
    assert found["signals"][0]["id"] == "bad_port"


@pytest.mark.parametrize("key", ["pass", "pin", "db.passcode"])
def test_signals__key_that_may_hold_a_secret__show_no_value(key):
    case = {"kind": "config", "artefact": {key: "hunter2secret"}, "before": {key: "12"}}
    assert "hunter2" not in json.dumps(classify(case))
