"""What a lost source and a lost label come to, on a shop that is in order otherwise.

The outage is short here; the one of two minutes:
    GRAYGATE_E2E_OUTAGE_S=120 .venv/bin/pytest tests/e2e/test_real_outages.py
"""

import os
import signal
import time
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from demo import submission
from demo.api import Api
from demo.brokers import Broker
from demo.cast import Actor
from demo.fleet.layout import FIRST_VERSION
from demo.infrastructure import Infrastructure, World
from demo.launcher import Options, Running, running
from demo.played import AGAINST
from demo.production import Production
from demo.programs import look_for
from demo.real import RealParts
from demo.setting import register
from tests.e2e.test_real_story import PARTS
from tests.parts import need, wait_until

pytestmark = pytest.mark.e2e

OUTAGE_S = float(os.environ.get("GRAYGATE_E2E_OUTAGE_S", "40"))
PATIENCE_S = 240
RATE = 60.0
# Long enough to lose a source in the middle of it, and to find it again.
STAGES = [{"share": 0.33, "min_s": 30, "max_s": 900}, {"share": 1.0, "min_s": 10, "max_s": 900}]


@dataclass(frozen=True)
class Shop:
    graygate: Running
    infrastructure: Infrastructure
    api: Api
    world: World

    def submit(self, service):
        """A new version of the service; the id of its change."""
        following = submission.next_version(FIRST_VERSION)
        self.world.edge.prepare(service, following)
        chosen, actor = self.infrastructure, Actor("good", service, "deploy")
        body = submission.body(actor, FIRST_VERSION, chosen.pace, chosen.source)
        body["plan"]["stages"] = STAGES
        return self.api.post("changes", body, "submitter")["change"]

    def rollout(self, change):
        decision = self.api.get(f"changes/{change}/decision")
        return self.api.get(f"rollouts/{decision['rollout']}") if decision.get("rollout") else {}

    def until(self, change, condition, what):
        wait_until(lambda: condition(self.rollout(change)), PATIENCE_S, what)
        return self.rollout(change)

    def prometheus(self):
        return next(p for p in self.graygate.parts.parts if p.name == "prometheus").process.pid


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    for program, package in {**PARTS, "redis-server": "redis-server"}.items():
        need(program, package)
    chosen = RealParts(look_for().paths)
    options = Options(1, tmp_path_factory.mktemp("shop") / "var", RATE, chosen, Broker("redis"))
    interrupt = signal.getsignal(signal.SIGINT)
    try:
        with running(options, print) as graygate:
            api = Api(graygate.url, {role: u["token"] for role, u in graygate.users.items()})
            chosen = graygate.infrastructure
            world = chosen.world(Production(graygate.fleet, graygate.secret))
            register(api, graygate.fleet, chosen)
            yield Shop(graygate, chosen, api, world)
    finally:
        # The demo takes itself down deaf to Ctrl-C; the tests after this one are not deaf.
        signal.signal(signal.SIGINT, interrupt)


@contextmanager
def frozen(pid):
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def holds(rollout):
    return {hold["kind"] for hold in rollout.get("holds", [])}


def against(rollout):
    return [d["decision"] for d in rollout["decisions"] if d["decision"] in AGAINST]


def baking(rollout):
    return rollout.get("stages", [{}])[0].get("state") == "baking"


def test_source_lost__in_mid_bake__holds_and_goes_on_by_itself(shop):
    change = shop.submit("catalog")
    shop.until(change, baking, "the first bake")
    with frozen(shop.prometheus()):
        began = time.monotonic()
        shop.until(change, lambda r: "source_lost" in holds(r), "the hold")
        time.sleep(max(0.0, OUTAGE_S - (time.monotonic() - began)))
        lost = shop.rollout(change)
        exposed = shop.world.edge.exposure("catalog", "")
    assert (holds(lost), against(lost)) == ({"source_lost"}, [])
    assert exposed == pytest.approx(0.33, abs=0.01)
    later = shop.until(change, lambda r: r["stage"] == 1 and not holds(r), "the second stage")
    assert against(later) == []
    shop.until(change, lambda r: r["state"] == "completed", "the end")
    assert shop.world.edge.exposure("catalog", "") == 1.0


def test_label_lost__by_the_canary_alone__is_evidence_against_it(shop):
    change = shop.submit("stock")
    shop.until(change, baking, "the first bake")
    shop.world.production.inject("stock", {"kind": "unlabelled"})
    ended = shop.until(change, lambda r: r["state"] == "rolled_back", "the rollback")
    why = [
        reason for d in ended["decisions"] if d["decision"] in AGAINST for reason in d["reasons"]
    ]
    assert "silent_canary" in why[0]
    assert shop.world.edge.exposure("stock", "") == 0.0
