import base64
import threading
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from attribution.models import Guardrail, Service
from controlplane import intake
from controlplane.environment import OperatorFile

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
GUARDRAIL = {
    "name": "errors",
    "source": "scrape",
    "kind": "ratio",
    "events": 'requests_total{code="500",$cohort}',
    "total": "requests_total{$cohort}",
    "direction": "increase",
    "critical": True,
    "margin": 0.1,
    "pass_margin": 0.5,
    "margin_abs": 0.0,
    "weight": 1.0,
    "min_samples": 0.0,
    "settle_s": 0.0,
}


@pytest.fixture
def cart(db):
    service = Service.objects.create(
        control_level="L4",
        name="cart",
        team="shop",
        tier=2,
        units=["a", "b", "c", "d"],
        executor={"name": "dryrun", "config": {"target": "cart"}},
    )
    Guardrail.objects.create(name="errors", service=service, spec=GUARDRAIL)
    return service


@pytest.fixture
def body():
    return {
        "title": "Cart 1.4.1",
        "kind": "deploy",
        "environment": "production",
        "targets": [{"service": "cart"}],
        "artefact": {"image": "shop/cart:1.4.1"},
        "before": {"image": "shop/cart:1.4.0"},
    }


@pytest.fixture
def risky(body):
    """Needs one approval: a major step."""
    return body | {"artefact": {"image": "shop/cart:2.0.0"}}


@pytest.fixture
def submit(cart):
    def submit(body, author="ann", **options):
        return intake.submit(body, author, **options)

    return submit


@dataclass
class Receiver:
    """A real HTTP server that answers what the test says and keeps what it got."""

    answers: deque = field(default_factory=deque)
    got: list = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def handler(self):
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                size = int(self.headers["content-length"])
                receiver.got.append((dict(self.headers), self.rfile.read(size)))
                answer = receiver.answers.popleft() if receiver.answers else (200, {})
                if answer == "never":
                    receiver.release.wait(30)
                    return
                self.send_response(answer[0])
                for name, value in answer[1].items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_args):
                pass

        return Handler


@pytest.fixture
def start_receiver():
    servers = []

    def start():
        receiver = Receiver()
        server = ThreadingHTTPServer(("127.0.0.1", 0), receiver.handler())
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        receiver.url = f"http://127.0.0.1:{server.server_port}/"
        servers.append((server, receiver))
        return receiver

    yield start
    for server, receiver in servers:
        receiver.release.set()
        server.shutdown()
        server.server_close()


@pytest.fixture
def operator(settings):
    """Sets the webhooks of the operator's file."""

    def set_webhooks(*webhooks):
        settings.OPERATOR = OperatorFile(
            webhooks=[{"secret": SECRET, **webhook} for webhook in webhooks]
        )

    return set_webhooks
