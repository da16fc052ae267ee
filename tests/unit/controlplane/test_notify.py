import json
from datetime import UTC, datetime

import pytest

from controlplane.notify.messages import PAGING, body_of, silenced, wants
from controlplane.notify.schedule import DELAYS_S, delay_s, retry_after_s

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
PAYLOAD = {
    "change": "c1",
    "rollout": "r1",
    "title": "Cart 1.4.1",
    "service": "cart, stock",
    "team": "shop",
    "environment": "production",
    "reason": "errors 5% against 0.1%",
    "reasons": ["errors 5% against 0.1%"],
    "evidence": {"log_e": 9.1},
    "left_to_do": ["Find the defect"],
}


def test_delay__of_a_failing_endpoint__follows_the_specification_and_then_ends():
    delays = [delay_s(attempts, "d") for attempts in range(1, len(DELAYS_S) + 1)]
    assert delays[-1] is None
    for delay, planned in zip(delays[:-1], DELAYS_S[1:], strict=True):
        assert planned <= delay <= planned * 1.1


def test_delay__receiver_asks_for_longer__is_honoured_up_to_a_day():
    assert delay_s(1, "d", 90) == 90
    assert delay_s(1, "d", 1e9) == 86400
    assert delay_s(2, "d", 1) >= 300


def test_delay__two_deliveries__do_not_come_back_together():
    assert delay_s(3, "one") != delay_s(3, "other")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("120", 120),
        ("Fri, 02 Jan 2026 03:05:05 GMT", 60),
        ("Fri, 02 Jan 2020 03:05:05 GMT", 0),
        ("soon", None),
    ],
)
def test_retry_after__header__becomes_seconds(header, seconds):
    assert retry_after_s(header, NOW) == seconds


def test_body__of_a_rollback__says_what_why_where_and_what_is_left():
    body = json.loads(body_of("rollout.rolled_back", PAYLOAD, NOW, "https://gray/changes/c1/"))
    assert body["type"] == "graygate.rollout.rolled_back"
    assert body["timestamp"] == "2026-01-02T03:04:05Z"
    assert body["data"] | PAYLOAD == body["data"]
    assert body["data"]["url"] == "https://gray/changes/c1/"
    assert body["data"]["status"] == "firing"


def test_body__of_recovery__resolves_the_same_alert():
    fired, resolved = (
        json.loads(body_of(kind, PAYLOAD, NOW, ""))["data"]
        for kind in ("rollout.rolled_back", "rollout.recovered")
    )
    assert fired["alert_key"] == resolved["alert_key"]
    assert resolved["status"] == "resolved"


def test_body__the_loop_moves_again__resolves_its_own_alert_and_not_the_rollouts():
    of_the_loop = PAYLOAD | {"alert_key": "graygate-loop-r1"}
    fired = json.loads(body_of("loop.failing", of_the_loop, NOW, ""))["data"]
    resolved = json.loads(body_of("loop.moving", of_the_loop, NOW, ""))["data"]
    halted = json.loads(body_of("rollout.halted", PAYLOAD, NOW, ""))["data"]
    assert fired["alert_key"] == resolved["alert_key"] != halted["alert_key"]
    assert (fired["status"], resolved["status"]) == ("firing", "resolved")


def test_body__with_more_evidence_than_fits__stays_small_and_says_so():
    huge = PAYLOAD | {"evidence": {str(n): "x" * 100 for n in range(500)}, "reason": "y" * 50_000}
    body = body_of("rollout.halted", huge, NOW, "https://gray/")
    assert len(body) < 20_000
    assert json.loads(body)["data"]["shortened"] is True


@pytest.mark.parametrize(
    ("types", "kind", "wanted"),
    [
        (None, "rollout.rolled_back", True),
        (None, "rollout.started", False),
        (["*"], "rollout.started", True),
        (["rollout.halted"], "rollout.halted", True),
        (["graygate.rollout.halted"], "rollout.halted", True),
        (["rollout.halted"], "rollout.rolled_back", False),
        (["rollout.rolled_back"], "rollout.recovered", True),
        (["loop.stalled"], "loop.moving", True),
        (["rollout.rolled_back"], "loop.moving", False),
        ([], "rollout.rolled_back", False),
    ],
)
def test_wants__types_of_an_endpoint__choose(types, kind, wanted):
    assert wants(types, kind) is wanted


@pytest.mark.parametrize(
    ("scope", "hidden"),
    [
        ({}, True),
        ({"service": "stock"}, True),
        ({"service": "cart", "team": "shop"}, True),
        ({"service": "mail"}, False),
        ({"team": "shop", "environment": "staging"}, False),
        ({"moon": "full"}, False),
    ],
)
def test_silenced__scope__hides_what_it_matches(scope, hidden):
    assert silenced("rollout.halted", PAYLOAD, [scope]) is hidden


@pytest.mark.parametrize("kind", ["rollout.rolled_back", "rollout.rollback_failed"])
def test_silenced__rollback__is_told_whatever_the_silence(kind):
    assert kind in PAGING
    assert not silenced(kind, PAYLOAD, [{}])
