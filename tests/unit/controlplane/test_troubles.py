"""From what happened to what is wrong now, and how that looks to Alertmanager."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from controlplane.notify.messages import PAGING, RESOLVES, body_of, trouble_of
from controlplane.notify.postable import TROUBLES, annotations_of, labels_of, postable

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
DATA = {"title": "Cart", "service": "cart", "environment": "live", "team": "", "reason": "errors"}


@pytest.mark.parametrize(
    ("kind", "phase", "holds", "trouble"),
    [
        ("rollout.halted", "running", ["halted"], "rollout.halted"),
        ("rollout.hold", "running", ["source_lost"], "rollout.hold"),
        ("rollout.hold", "running", ["halted", "source_lost"], "rollout.halted"),
        ("rollout.hold", "running", [], None),
        ("rollout.released", "running", ["halted"], "rollout.halted"),
        ("rollout.released", "running", ["drift"], "rollout.hold"),
        ("rollout.released", "running", ["paused"], None),
        ("rollout.released", "running", ["suspected", "telling_apart"], None),
        ("rollout.hold", "running", ["suspected", "drift"], "rollout.hold"),
        ("rollout.suspected", "running", ["suspected"], None),
        ("culprit.found", "running", [], "culprit.found"),
        ("culprit.over", "running", [], None),
        ("rollout.answered", "running", ["halted"], "rollout.halted"),
        ("rollout.answered", "running", ["paused", "frozen"], "rollout.hold"),
        ("rollout.answered", "rolling_back", ["halted"], None),
        ("rollout.answered", "rollback_failed", [], "rollout.rollback_failed"),
        ("rollout.answered", "written_off", [], None),
        ("rollout.rolled_back", "rolled_back", [], "rollout.rolled_back"),
        ("rollout.recovered", "rolled_back", [], None),
        ("rollout.rolling_back", "rolling_back", ["halted"], None),
        ("rollout.completed", "completed", [], None),
        ("loop.stalled", "running", [], "loop.stalled"),
        ("loop.moving", "running", ["halted"], None),
    ],
)
def test_trouble__after_a_message__is_what_is_left(kind, phase, holds, trouble):
    payload = {"phase": phase, "holds": holds}
    assert trouble_of(kind, payload) == trouble
    status = json.loads(body_of(kind, payload, NOW, ""))["data"]["status"]
    assert (status == "resolved") == (kind in RESOLVES and trouble is None)


@pytest.mark.parametrize("kind", PAGING)
def test_trouble__message_without_holds__goes_by_its_type(kind):
    assert trouble_of(kind, {}) == (None if kind in RESOLVES else kind)


def test_troubles__every_page__has_a_name_of_its_own():
    assert set(TROUBLES) == set(PAGING) - set(RESOLVES)
    names = [name for name, _severity, _words in TROUBLES.values()]
    assert len(set(names)) == len(names)


def test_labels__empty_one__is_left_out():
    labels = labels_of("rollout.halted", "key", DATA)
    assert labels == {
        "alertname": "GraygateRolloutHalted",
        "severity": "warning",
        "graygate_alert": "key",
        "service": "cart",
        "environment": "live",
    }


def test_annotations__of_any_length__stay_below_what_a_page_can_show():
    told = annotations_of("rollout.halted", DATA | {"reason": "x" * 10_000, "left_to_do": ["a"]})
    assert len(told["description"]) == 4000
    assert told["left_to_do"] == "a"


def test_annotations__of_no_service__name_none():
    told = annotations_of(
        "loop.kill_switch", {"title": "Graygate", "service": "", "environment": ""}
    )
    assert told["summary"] == "the kill switch is on: Graygate"


def test_postable__ended_before_it_began__ends_when_it_began():
    made = postable({"alertname": "a"}, {}, NOW, NOW - timedelta(seconds=1))
    assert made["startsAt"] == made["endsAt"] == "2026-01-02T03:04:05.000000Z"
