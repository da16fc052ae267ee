"""The sign of life, to a real server."""

import threading
from contextlib import ExitStack
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.db import OperationalError
from django.db.models.functions import Now

from attribution.clock import database_now
from controlplane.bells import BY_TASK, place
from controlplane.celery import Answer
from controlplane.checks import check_graygate
from controlplane.heartbeat import UNANSWERED, VITAL, beat
from controlplane.models import BellRecord
from controlplane.tasks import heartbeat
from controlplane.throttle import Throttle
from rollout.models import Placement
from rollout.tasks import reconcile
from tests.factories import journey

pytestmark = pytest.mark.django_db


@pytest.fixture
def listener(settings, tmp_path):
    heard = []

    class Handler(BaseHTTPRequestHandler):
        status = 200

        def do_POST(self):
            heard.append(self.path)
            self.send_response(Handler.status)
            self.end_headers()

        def log_message(self, *_args):
            pass

    settings.VAR_DIR = tmp_path
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/secret-ping"
    settings.OPERATOR = type(settings.OPERATOR)(heartbeat={"url": url})
    yield heard, Handler
    server.shutdown()
    server.server_close()


@pytest.fixture
def answered():
    for name in VITAL:
        BellRecord.objects.create(name=name, answered_at=Now())


def test_beat__loop_is_well__is_heard(listener, answered):
    assert beat()
    assert listener[0] == ["/secret-ping"]


@pytest.mark.parametrize("name", VITAL)
def test_beat__one_bell_was_not_answered_lately__stays_silent(listener, answered, name):
    long_ago = database_now() - 2 * UNANSWERED
    BellRecord.objects.filter(name=name).update(answered_at=long_ago)
    assert not beat()
    assert listener[0] == []


def test_beat__a_placement_is_overdue__stays_silent(listener, answered):
    walk = journey("running")
    Placement.objects.filter(rollout=walk.rollout).update(due_at=database_now() - 2 * UNANSWERED)
    assert not beat()
    assert listener[0] == []


def test_beat__an_answer_is_written_down_each_two_minutes__is_heard(listener, answered, settings):
    settings.GRAYGATE_INTERVAL_S = 120.0
    BellRecord.objects.update(answered_at=database_now() - timedelta(seconds=120))
    assert beat()


def test_beat__every_place_of_the_loop_hangs__stays_silent_though_bells_are_rung(
    listener, answered, monkeypatch
):
    """The process lives, hears each ring, and answers the bell of the heartbeat itself."""
    monkeypatch.setattr(Answer, "recorded", Throttle(0.0))
    with ExitStack() as hung:
        for _ in range(BY_TASK["rollout.reconcile"].places):
            assert hung.enter_context(place("rollout.reconcile"))
        BellRecord.objects.filter(name="reconcile").update(
            answered_at=database_now() - 2 * UNANSWERED
        )
        reconcile()
        heartbeat()
        assert listener[0] == []
    reconcile()
    heartbeat()
    assert listener[0] == ["/secret-ping"]


def test_beat__each_round_of_the_loop_fails__stays_silent(listener, answered, monkeypatch):
    monkeypatch.setattr(Answer, "recorded", Throttle(0.0))
    BellRecord.objects.filter(name="reconcile").update(answered_at=database_now() - 2 * UNANSWERED)
    monkeypatch.setattr("rollout.tasks.reconcile_due", fails)
    with pytest.raises(OperationalError):
        reconcile()
    heartbeat()
    assert listener[0] == []


def fails(_world):
    raise OperationalError("could not extend file: No space left on device")


def test_beat__nobody_rings__every_bell_is_silent_after_a_minute(listener, answered):
    """Workers live and beat is dead: what they had answered is a minute old."""
    BellRecord.objects.update(answered_at=database_now() - UNANSWERED / 2)
    assert beat()
    BellRecord.objects.update(answered_at=database_now() - timedelta(seconds=61))
    assert not beat()


def test_beat__is_refused__is_logged_without_the_address(listener, answered, caplog):
    listener[1].status = 500
    assert not beat()
    assert "HTTP 500" in caplog.text
    assert "secret-ping" not in caplog.text


def test_beat__nobody_listens__is_logged_without_the_address(settings, answered, caplog):
    settings.OPERATOR = type(settings.OPERATOR)(heartbeat={"url": "http://127.0.0.1:1/secret-ping"})
    assert not beat()
    assert "not heard" in caplog.text
    assert "secret-ping" not in caplog.text


def test_beat__operator_names_nobody__sends_nothing(answered):
    assert not beat()


def test_check__heartbeat_without_an_address__is_an_error(settings):
    settings.OPERATOR = type(settings.OPERATOR)(heartbeat={"url": "ftp://x"})
    assert "graygate.E031" in [found.id for found in check_graygate()]
