"""A real Prometheus and a real VictoriaMetrics, and what stands between them and Graygate."""

import json
import ssl
import subprocess
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import requests

from tests.parts import Process, free_port, need, wait_until

KINDS = ("prometheus", "victoria-metrics")
PATIENCE_S = 60.0


class Monitor:
    """Scrapes the targets. Its process may be ended and started as often as one likes."""

    def __init__(self, kind: str, folder: Path, targets: list[str], every_s: int = 1) -> None:
        self.kind, self.folder, self.every_s = kind, folder, every_s
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.config = folder / "scrape.yml"
        self.configure(targets)
        self.process = Process(self._argv(), folder, ready=self.answers)

    def configure(self, targets: list[str]) -> None:
        addresses = [url.removeprefix("http://").partition("/")[0] for url in targets]
        jobs = [{"job_name": "shop", "static_configs": [{"targets": addresses}]}]
        # JSON is YAML.
        every = {"scrape_interval": f"{self.every_s}s", "scrape_timeout": f"{self.every_s}s"}
        text = json.dumps({"global": every, "scrape_configs": jobs})
        self.config.write_text(text, encoding="utf-8")

    def _argv(self) -> list[str]:
        address = f"127.0.0.1:{self.port}"
        program = need(self.kind, self.kind)
        if self.kind == "prometheus":
            return [
                program,
                f"--config.file={self.config}",
                f"--storage.tsdb.path={self.folder / 'data'}",
                f"--web.listen-address={address}",
                "--enable-feature=native-histograms",
            ]
        return [
            program,
            f"-promscrape.config={self.config}",
            f"-storageDataPath={self.folder / 'data'}",
            f"-httpListenAddr={address}",
        ]

    def answers(self) -> bool:
        try:
            return self.query("vector(1)") == [1.0]
        except (requests.RequestException, ValueError):
            return False

    def query(self, promql: str) -> list[float]:
        form = {"query": promql, "time": f"{time.time():.3f}", "nocache": "1"}
        answer = requests.post(f"{self.url}/api/v1/query", data=form, timeout=10)
        results = answer.json()["data"]["result"]
        return sorted(float(each["value"][1]) for each in results if "value" in each)

    def shows(self, promql: str, *values: float) -> None:
        """Waits for it."""
        wait_until(
            lambda: self.query(promql) == sorted(values),
            PATIENCE_S,
            f"{self.kind}: {promql} is {values}",
        )


class Gateway:
    """Forwards to the server behind it. Counts; may ask for a header, delay or change answers."""

    def __init__(self, upstream: str, tls: ssl.SSLContext | None = None) -> None:
        self.upstream = upstream
        self.queries: list[str] = []
        self.authorization = ""
        self.change: Callable[[dict[str, Any]], None] | None = None
        self.delay: Callable[[str], float] = lambda _query: 0.0
        self.status: list[int] = []
        self.headers: dict[str, str] = {}
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, content = gateway.answer(self.headers, body)
                self.send_response(status)
                for name, value in gateway.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        # Who does not wait for the answer is part of the tests.
        self.server.handle_error = lambda *_: None
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://localhost:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, headers, body: bytes) -> tuple[int, bytes]:
        query = dict(parse_qsl(body.decode()))["query"]
        self.queries.append(query)
        if self.authorization and headers.get("Authorization") != self.authorization:
            return 401, b"no\n"
        if self.status:
            return self.status.pop(), b"busy\n"
        time.sleep(self.delay(query))
        answer = requests.post(
            f"{self.upstream}/api/v1/query",
            data=body,
            headers={"Content-Type": headers["Content-Type"]},
            timeout=30,
        )
        if self.change is None or answer.status_code != 200:
            return answer.status_code, answer.content
        content = answer.json()
        self.change(content)
        return 200, json.dumps(content).encode()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def authority(folder: Path) -> None:
    """ca.pem, and by it server.pem/.key for localhost and client.pem/.key."""
    openssl = need("openssl", "openssl")

    def run(*words: str) -> None:
        subprocess.run([openssl, *words], cwd=folder, check=True, capture_output=True)

    new = ("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")
    run(*new, "-x509", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Test authority")
    for name in ("server", "client"):
        more = ("-addext", "subjectAltName=DNS:localhost")
        run(*new, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}", *more)
        signed = ("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key")
        how = ("-CAcreateserial", "-days", "2", "-copy_extensions", "copy")
        run(*signed, *how, "-out", f"{name}.pem")
