"""The http executor against a real receiver, well-behaved and otherwise."""

import base64
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from controlplane.environment import OperatorFile
from rollout import signing
from rollout.executors.base import Desired, ExecutorError, Key
from rollout.executors.http import HttpExecutor

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
KEY = Key(1, "r1", "edge", 3)
CONFIG = {"target": "edge"}


class Receiver(ThreadingHTTPServer):
    """Keeps the newest generation, refuses older ones, checks signatures."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.state = {"exposure": 0.0, "units": [], "generation": 0}
        self.mood = "good"
        self.puts = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/edge"


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def log_message(self, *_args) -> None:
        pass

    def do_GET(self) -> None:
        if "rollout" not in parse_qs(urlsplit(self.path).query):
            return self.answer(200, {"rollouts": ["r1"]})
        return self.respond(b"")

    def do_PUT(self) -> None:
        self.server.puts += 1
        body = self.rfile.read(int(self.headers["content-length"]))
        self.respond(body)

    def respond(self, body: bytes) -> None:
        signing.verify(SECRET, dict(self.headers), body, time.time())
        if (mood := MOODS.get(self.server.mood)) is not None:
            mood(self)
            return
        asked = json.loads(body) if body else {}
        if asked.get("generation", 10**9) < self.server.state["generation"]:
            self.answer(409, self.server.state)
            return
        self.server.state |= {k: asked[k] for k in self.server.state if k in asked}
        self.answer(200, self.server.state)

    def answer(self, status: int, body: object) -> None:
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)


def drip(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("content-length", "1000")
    handler.end_headers()
    for _ in range(100):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.05)


def redirect(handler: Handler) -> None:
    handler.send_response(302)
    handler.send_header("location", "http://127.0.0.1:9/elsewhere")
    handler.send_header("content-length", "0")
    handler.end_headers()


MOODS = {
    "drip": drip,
    "redirect": redirect,
    "error": lambda handler: handler.answer(500, {}),
    "prose": lambda handler: handler.answer(200, "fine, thanks"),
    "huge": lambda handler: handler.answer(200, {"units": ["x" * 100] * 20_000}),
    "empty": lambda handler: handler.answer(200, {}),
}


@pytest.fixture
def receiver(settings) -> Iterator[Receiver]:
    server = Receiver()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings.OPERATOR = OperatorFile(targets={"edge": {"url": server.url, "secret": SECRET}})
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def executor():
    made = HttpExecutor()
    made.timeout_s = 1.0
    return made


def test_apply__then_observe__reads_back_what_the_target_has(receiver, executor):
    executor.apply(CONFIG, Desired(0.25, ("1", "2"), "v2"), KEY)
    seen = executor.observe(CONFIG, KEY)
    assert (seen.share, seen.units, seen.generation) == (0.25, ("1", "2"), 3)


def test_apply__same_key_twice__is_one_effect(receiver, executor):
    executor.apply(CONFIG, Desired(0.25, ("1",)), KEY)
    executor.apply(CONFIG, Desired(0.25, ("1",)), KEY)
    assert receiver.state["generation"] == 3


def test_apply__older_generation__is_refused_for_good(receiver, executor):
    receiver.state["generation"] = 9
    with pytest.raises(ExecutorError, match="newer call") as error:
        executor.apply(CONFIG, Desired(1.0), KEY)
    assert error.value.permanent


@pytest.mark.parametrize("mood", sorted(MOODS))
def test_observe__target_misbehaves__is_an_error_and_never_zero(receiver, executor, mood):
    receiver.mood = mood
    with pytest.raises(ExecutorError, match="edge"):
        executor.observe(CONFIG, KEY)


def test_call__target_is_gone__says_which_without_the_address(receiver, executor):
    receiver.shutdown()
    receiver.server_close()
    with pytest.raises(ExecutorError) as error:
        executor.observe(CONFIG, KEY)
    assert "edge" in str(error.value)
    assert "127.0.0.1" not in str(error.value)


def test_call__target_not_in_the_operators_file__sends_nothing(receiver, executor):
    with pytest.raises(ExecutorError, match="operator's file"):
        executor.apply({"target": "elsewhere"}, Desired(1.0), KEY)
    assert receiver.puts == 0


def test_validate__an_address_in_the_config__is_refused(receiver, executor):
    problems = executor.validate({"target": "edge", "url": "http://169.254.169.254/"})
    assert problems == ["http takes only `target`, not `url`"]
    assert executor.validate({"target": "edge"}) == []
    assert executor.validate({"target": ["edge"]}) == ["no target ['edge'] in the operator's file"]


def test_rollouts__asked_without_database__lists_what_the_target_serves(receiver, executor):
    assert executor.rollouts(CONFIG) == ["r1"]
