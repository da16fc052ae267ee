"""What somebody who is woken at three reads first about an anomaly."""

from datetime import UTC, datetime

import pytest

from controlplane.web.presenters.anomaly_sentence import Facts, story, verdict


def at(clock):
    return datetime.fromisoformat(f"2026-01-31T{clock}").replace(tzinfo=UTC)


CULPRIT = {"leader": "checkout-v2", "probability": 0.97, "none_of_them": 0.02}
UNSURE = {"leader": "checkout-v2", "probability": 0.55, "none_of_them": 0.1}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"attributed": False}, "Not sure yet."),
        ({"attributed": False, "ended": True}, "It was over before a suspect was looked for."),
        ({"none_of_them": 1.0}, "None of the changes did it: none was under way."),
        (
            {**UNSURE, "none_of_them": 0.9, "probability": 0.1},
            "None of the changes under way did it, 90% sure.",
        ),
        (UNSURE, "Not sure yet: checkout-v2 is the likeliest, 55%."),
        ({**UNSURE, "ended": True}, "It ended unsolved: checkout-v2 is the likeliest, 55%."),
        (
            {**UNSURE, "probability": 0.3, "none_of_them": 0.4},
            "Not sure yet: none of the changes is the likeliest, 40%.",
        ),
        (
            {**CULPRIT, "vetoed": True},
            "Not sure yet: checkout-v2 is the likeliest, 97%.",
        ),
    ],
)
def test_verdict__what_was_found__in_one_sentence(given, told):
    assert verdict(Facts(**given)) == told


@pytest.mark.parametrize(
    ("done", "told"),
    [
        (
            {"zero_at": at("03:12:05"), "recovered_at": at("03:14:00"), "state": "rolled_back"},
            "rolled back at 03:12:05, recovered at 03:14:00",
        ),
        (
            {"zero_at": at("03:12:05"), "state": "rolled_back"},
            "rolled back at 03:12:05, not recovered yet",
        ),
        ({"halted_at": at("03:11:00"), "state": "halted"}, "halted at 03:11:00"),
        ({"state": "rolling_back"}, "rolling back now"),
        ({"state": "rollback_failed"}, "its rollback failed"),
        ({"state": "running"}, "nothing was done about it"),
        ({}, "Graygate does not carry it out and cannot take it back"),
    ],
)
def test_verdict__of_a_culprit__says_what_was_done(done, told):
    assert verdict(Facts(**CULPRIT, **done)) == f"checkout-v2 did it, 97% sure; {told}."


@pytest.mark.parametrize(
    ("said", "told"),
    [("cart 1.4", "olga says it was cart 1.4."), ("", "olga says it was none of them.")],
)
def test_story__a_person_said_what_it_was__is_told(said, told):
    assert story(Facts(said_by="olga", said=said)) == [told]


def test_story__nobody_said_anything__is_empty():
    assert story(Facts()) == []
