import json
import os
import shutil
import ssl
import subprocess
import sys
import threading
import urllib.request
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from controlplane.access import Role, give_role
from controlplane.client.download import FILE
from controlplane.tokens import issue
from tests.integration.controlplane.conftest import body, cart, risky
from tests.integration.identity.conftest import issuer, trusted

__all__ = ["body", "cart", "issuer", "risky", "trusted"]


def oldest_python():
    """The oldest interpreter of this machine that the client is made for."""
    folders = os.environ["PATH"].split(os.pathsep)
    for minor in range(9, sys.version_info.minor):
        for folder in folders:
            found = shutil.which(f"python3.{minor}", path=folder)
            # A name may stand for a version that is not installed.
            if found and _runs(found):
                return found
    return sys.executable


def _runs(python):
    return subprocess.run([python, "-V"], capture_output=True, check=False).returncode == 0


@pytest.fixture(scope="session")
def python():
    return oldest_python()


@pytest.fixture
def pipeline(db, django_user_model):
    """The text of a token as a CI's secret store holds it."""
    user = django_user_model.objects.create_user("pipeline")
    give_role(user, Role.SUBMITTER)
    return issue(user, ["read", "submit"], "ci")[1]


@dataclass
class Job:
    """A job of some CI: a bare interpreter, one file, an environment of its own."""

    python: str
    folder: object
    environment: dict

    def argv(self, *arguments):
        # -I -S: no site-packages, no PYTHONPATH, no folder of the project.
        return [self.python, "-I", "-S", str(FILE), *map(str, arguments)]

    def run(self, *arguments, **environment):
        return subprocess.run(
            self.argv(*arguments),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            cwd=self.folder,
            env=self.environment | environment,
        )

    def start(self, *arguments, **environment):
        return subprocess.Popen(
            self.argv(*arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.folder,
            env=self.environment | environment,
        )

    def write(self, name, content):
        path = self.folder / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return name

    def read(self, name):
        return (self.folder / name).read_text()


@pytest.fixture
def bare(python, tmp_path):
    return Job(python, tmp_path, {"PATH": os.environ["PATH"], "GRAYGATE_TOKEN": "gg_x.y"})


@pytest.fixture
def job(bare, live_server, pipeline):
    bare.environment |= {"GRAYGATE_URL": live_server.url, "GRAYGATE_TOKEN": pipeline}
    return bare


@dataclass
class Scripted:
    """A server that answers what the test says: (status, headers, bytes), or a function of the
    request. Keeps what it got.
    """

    answers: deque = field(default_factory=deque)
    got: list = field(default_factory=list)
    tls: object = None
    url: str = ""


@pytest.fixture
def scripted():
    """scripted(*answers, tls=file) → the server; the last answer is given for ever."""
    servers = []

    def start(*answers, tls=None):
        made = Scripted(deque(answers), tls=tls)

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                size = int(self.headers.get("content-length", 0))
                made.got.append((self.path, dict(self.headers), self.rfile.read(size)))
                answer = made.answers[0] if len(made.answers) == 1 else made.answers.popleft()
                if callable(answer):
                    answer = answer(self)
                if answer is None:
                    return
                status, headers, content = answer
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def do_GET(self):
                self.do_POST()

            def log_message(self, *_args):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        made.url = f"http://127.0.0.1:{server.server_port}"
        if tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tls)
            server.socket = context.wrap_socket(server.socket, server_side=True)
            made.url = f"https://localhost:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return made

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def slow_way(scripted, live_server):
    """A way to Graygate on which the first answer never arrives: (its address, "it has been
    given"). The request does arrive, and has its effect.
    """
    given = threading.Event()
    over = threading.Event()

    def forward(handler):
        path, headers, content = way.got[-1]
        kept = {n: v for n, v in headers.items() if n.lower() not in ("host", "connection")}
        request = urllib.request.Request(  # noqa: S310 - the test's own server
            live_server.url + path, data=content or None, headers=kept, method=handler.command
        )
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            found = answer.status, {"ETag": answer.headers.get("ETag") or ""}, answer.read()
        if not given.is_set():
            given.set()
            over.wait(60)
            return None
        return found

    way = scripted(forward)
    yield way.url, given
    over.set()
