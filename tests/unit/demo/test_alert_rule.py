"""The shop's alert: fires on a share of errors, resolves when it is gone, says each thing once."""

from dataclasses import dataclass, field

import pytest

from attribution.alerts import receive  # noqa: F401 - the reader of what is told here
from demo import alert_rule
from demo.alert_rule import SLOW, AlertRule


@dataclass
class Counters:
    state: dict = field(default_factory=lambda: {"router": "http://127.0.0.1:1"})
    good: int = 0
    bad: int = 0

    def metrics(self, service, track):
        if track == "canary":
            return []
        labels = f'service_name="{service}",service_version="1.0.0",track="{track}"'
        counts = {"200": self.good, "502": self.bad}
        lines = [
            f'http_server_requests_total{{code="{c}",{labels}}} {n}.0' for c, n in counts.items()
        ]
        return ["\n".join(lines)]


@pytest.fixture
def shop(monkeypatch):
    counters, now = Counters(), [1000.0]
    monkeypatch.setattr(alert_rule.time, "time", lambda: now[0])
    rule = AlertRule(counters, "checkout")

    def second(good, bad):
        now[0] += 1
        counters.good += good
        counters.bad += bad
        return rule.evaluate()

    second(0, 0)
    return second


def test_alert__errors_above_the_line__fires_once(shop):
    told = [shop(90, 10) for _ in range(4)]
    fired = [t for t in told if t]
    assert len(fired) == 1
    alert = fired[0]["alerts"][0]
    assert (alert["status"], alert["labels"]["service"]) == ("firing", "checkout")
    assert alert["endsAt"] == "0001-01-01T00:00:00Z"


def test_alert__errors_gone__resolves_the_same_alert(shop):
    fired = next(t for t in [shop(90, 10) for _ in range(4)] if t)["alerts"][0]
    resolved = next(t for t in [shop(100, 0) for _ in range(10)] if t)["alerts"][0]
    assert resolved["status"] == "resolved"
    assert resolved["fingerprint"] == fired["fingerprint"]
    assert resolved["startsAt"] == fired["startsAt"]


def test_alert__ordinary_noise__is_silent(shop):
    assert not any(shop(99, 1) for _ in range(20))


def test_alert__too_few_requests__is_silent(shop):
    assert not any(shop(0, 1) for _ in range(20))


# As an instance writes it: the bounds add up, and the last one holds all.
TIMES = """\
http_server_request_duration_seconds_bucket{le="0.5",service_name="stock",track="stable"} 40.0
http_server_request_duration_seconds_bucket{le="1.0",service_name="stock",track="stable"} 90.0
http_server_request_duration_seconds_bucket{le="+Inf",service_name="stock",track="stable"} 100.0
http_server_request_duration_seconds_count{service_name="stock",track="stable"} 100.0
"""


def test_slow__buckets_of_an_instance__are_what_took_longer_than_a_second():
    assert SLOW.count(TIMES) == (10.0, 100.0)


def test_slow__an_instance_that_served_nothing__is_nothing():
    assert SLOW.count("") == (0.0, 0.0)


def test_slow__alert__has_a_name_and_words_of_its_own(monkeypatch):
    texts = ["", TIMES]

    class Production:
        state = {"router": "http://127.0.0.1:1"}

        def metrics(self, _service, track):
            return [] if track == "canary" else [texts.pop(0)]

    monkeypatch.setattr(alert_rule, "FEWEST_REQUESTS", 50)
    rule = AlertRule(Production(), "stock", SLOW)
    assert rule.evaluate() is None
    (alert,) = rule.evaluate()["alerts"]
    assert alert["labels"]["alertname"] == "SlowShareHigh"
    assert alert["annotations"]["summary"] == "10.0% of stock's answers take longer than a second"
