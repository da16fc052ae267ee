"""The sign of life, to a real server."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.db.models.functions import Now

from attribution.clock import database_now
from controlplane.checks import check_graygate
from controlplane.heartbeat import UNANSWERED, VITAL, beat
from controlplane.models import BellRecord
from rollout.models import Placement
from tests.factories import journey

pytestmark = pytest.mark.django_db


@pytest.fixture
def listener(settings):
    heard = []

    class Handler(BaseHTTPRequestHandler):
        status = 200

        def do_POST(self):
            heard.append(self.path)
            self.send_response(Handler.status)
            self.end_headers()

        def log_message(self, *_args):
            pass

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
