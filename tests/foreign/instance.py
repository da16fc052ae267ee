"""One instance of one of the company's services. Its labels and units are nobody's convention.

What release it runs, and what is wrong with it, is in a file that the company's deploy script
writes; a new release answers from the next request on.
"""

import json
import random
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

BOUNDS_MS = (5, 10, 25, 50, 100, 250, 500, 1000)
USUAL_MS = 12.0
RARE_FAILURE = 0.002


class Meter:
    """Counters by release: an instance that was upgraded goes on with new series."""

    def __init__(self, app: str) -> None:
        self.app = app
        self.codes: dict[tuple[str, int], int] = {}
        self.times: dict[str, list[float]] = {}
        self.lock = threading.Lock()

    def count(self, release: str, code: int, took_ms: float) -> None:
        with self.lock:
            key = (release, code)
            self.codes[key] = self.codes.get(key, 0) + 1
            row = self.times.setdefault(release, [0.0] * (len(BOUNDS_MS) + 2))
            for i, bound in enumerate(BOUNDS_MS):
                row[i] += took_ms <= bound
            row[-2] += took_ms
            row[-1] += 1

    def text(self) -> str:
        with self.lock:
            lines = [
                "# HELP handled_requests_total Requests that were answered.",
                "# TYPE handled_requests_total counter",
            ]
            lines += [
                f'handled_requests_total{{app="{self.app}",release="{release}",'
                f'http_code="{code}"}} {n}'
                for (release, code), n in sorted(self.codes.items())
            ]
            lines += ["# TYPE handling_time_milliseconds histogram"]
            for release, row in sorted(self.times.items()):
                own = f'app="{self.app}",release="{release}"'
                lines += [
                    f'handling_time_milliseconds_bucket{{{own},le="{bound}"}} {row[i]:g}'
                    for i, bound in enumerate(BOUNDS_MS)
                ]
                lines += [
                    f'handling_time_milliseconds_bucket{{{own},le="+Inf"}} {row[-1]:g}',
                    f"handling_time_milliseconds_sum{{{own}}} {row[-2]:g}",
                    f"handling_time_milliseconds_count{{{own}}} {row[-1]:g}",
                ]
            return "\n".join([*lines, ""])


class Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_args: object) -> None:
        """HAProxy closes idle connections; that is nothing to tell."""


def serve(app: str, state: Path, port: int = 0) -> ThreadingHTTPServer:
    """Already listening; `serve_forever` is the caller's."""
    meter, draw = Meter(app), random.Random(f"{app}{state.name}")  # noqa: S311 - no secret

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._answer(200, meter.text().encode())
                return
            told = json.loads(state.read_text())
            took = USUAL_MS * draw.lognormvariate(0, 0.4) * float(told.get("slower", 1.0))
            time.sleep(took / 1000)
            failed = draw.random() < float(told.get("failing", RARE_FAILURE))
            code = 500 if failed else 200
            meter.count(told["release"], code, took)
            self._answer(code, b"{}")

        def _answer(self, code: int, body: bytes) -> None:
            self.send_response(code)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            """A log a request would be a log nobody reads."""

    return Quiet(("127.0.0.1", port), Handler)
