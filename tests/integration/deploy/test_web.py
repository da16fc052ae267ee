"""gunicorn under deploy/gunicorn.conf.py, as compose and systemd start it."""

import os
import socket
import sys
import threading

import pytest
import requests

from controlplane.models import ApiToken
from tests.factories import journey
from tests.integration.broker.conftest import database_url
from tests.integration.deploy.conftest import ROOT
from tests.parts import Process, free_port, wait_until

WAIT_S = 8


class Web:
    def __init__(self, folder, **environment):
        self.address = f"127.0.0.1:{free_port()}"
        argv = [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "deploy/gunicorn.conf.py")]
        values = os.environ | {
            "PYTHONPATH": str(ROOT),
            "DATABASE_URL": database_url(),
            "GRAYGATE_BIND": self.address,
            "GRAYGATE_VAR": str(folder),
            **environment,
        }
        argv += ["controlplane.wsgi"]
        self.process = Process(argv, folder, self.answers, values, name="web")

    def get(self, path, **options):
        return requests.get(f"http://{self.address}{path}", timeout=60, **options)

    def answers(self):
        try:
            return self.get("/healthz").ok
        except requests.ConnectionError:
            return False


def test_web__several_processes__tell_the_same_metrics_and_know_the_same_token(
    transactional_db, token, tmp_path
):
    web = Web(tmp_path, GRAYGATE_WEB_PROCESSES="2")
    key = {"Authorization": f"Bearer {token('viewer')}"}
    journey("paused")
    with web.process:
        texts = [web.get("/metrics").text for _ in range(8)]
        answers = [web.get("/api/v1/changes", headers=key).status_code for _ in range(8)]

    assert {text.count('graygate_holds{kind="paused"} 1.0') for text in texts} == {1}
    assert set(answers) == {200}


def test_web__ended_during_a_long_poll__answers_it_first(transactional_db, token, tmp_path):
    web = Web(tmp_path, GRAYGATE_WEB_PROCESSES="1")
    change = journey("paused").change
    key = {"Authorization": f"Bearer {token('viewer')}"}
    got = []

    def poll():
        path = f"/api/v1/changes/{change.pk}/decision"
        got.append(web.get(path, params={"wait": WAIT_S}, headers=key).status_code)

    with web.process:
        polling = threading.Thread(target=poll)
        polling.start()
        # The token was used: the request has come as far as that.
        used = ApiToken.objects.exclude(last_used_at=None)
        wait_until(used.exists, 60, "the poll under way")
    polling.join()

    assert got == [200]


def test_web__bad_setting__is_an_error_before_anything_is_served(transactional_db, tmp_path):
    web = Web(tmp_path, GRAYGATE_INTERVAL_S="0")
    with pytest.raises(AssertionError, match=r"graygate\.E006"), web.process:
        pass
    with socket.socket() as probe:
        host, _, port = web.address.partition(":")
        assert probe.connect_ex((host, int(port))) != 0
