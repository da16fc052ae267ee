"""Promoting by hand: what waits for a person, and only while nothing is open."""

from datetime import UTC, datetime, timedelta

import pytest

from demo.attendant import Attendant
from demo.cast import Actor
from demo.pace import OWN
from demo.played import Played

NOW = datetime.now(UTC)
BLIND = Actor("good", "stock", "deploy", guarded=False)


def baking(*, baked=2 * OWN.bake_s, actor=BLIND, **more):
    since = (NOW - timedelta(seconds=baked)).isoformat()
    stage = {"state": "baking", "baking_since": since}
    rollout = {"id": "r", "state": "running", "holds": [], "stage": 0, "stages": [stage]} | more
    return Played(actor, "c", "stock 1.0.1", "1.0.1", rollout=rollout)


class Api:
    def __init__(self, *anomalies):
        self.anomalies, self.sent = list(anomalies), []

    def get(self, _path):
        return {"results": self.anomalies}

    def post(self, path, body, role):
        self.sent.append((path, body["stage"], role))


def test_attendant__baked_long_enough__promotes_the_stage_it_saw():
    api = Api()
    assert list(Attendant(api, OWN).look([baking()])) == ["stock 1.0.1: stage 1 promoted by hand"]
    assert api.sent == [("rollouts/r/promote", 0, "operator")]


def test_attendant__an_anomaly_is_open__waits():
    api = Api({"id": "a"})
    assert list(Attendant(api, OWN).look([baking()])) == []
    assert api.sent == []


@pytest.mark.parametrize(
    "each",
    [
        baking(baked=OWN.bake_s),
        baking(actor=Actor("good", "stock", "deploy")),
        baking(state="halted"),
        baking(holds=[{"kind": "halted"}]),
        baking(stage=None),
        baking(stages=[{"state": "pre_check", "baking_since": None}]),
        Played(BLIND, "c", "stock 1.0.1", "1.0.1"),
    ],
)
def test_attendant__nothing_that_waits_for_a_person__leaves_it(each):
    assert Attendant(Api(), OWN).ready(each, NOW) is None
