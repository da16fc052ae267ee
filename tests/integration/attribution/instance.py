"""A real HTTP server whose pages the test writes."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Instance:
    """One instance's /metrics: set `page`, or `status` to make it fail."""

    def __init__(self) -> None:
        self.page: str | bytes = ""
        self.status = 200
        self.headers: dict[str, str] = {}
        self.asked = 0
        instance = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                instance.asked += 1
                page = instance.page
                body = page if isinstance(page, bytes) else page.encode()
                self.send_response(instance.status)
                for name, value in instance.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.handle_error = lambda *_: None  # who does not wait for it has hung up
        self.url = f"http://127.0.0.1:{self.server.server_port}/metrics"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def counts(self, track: str, ok: int, bad: int) -> None:
        self.page = (
            "# TYPE requests_total counter\n"
            f'requests_total{{track="{track}",code="200"}} {ok}\n'
            f'requests_total{{track="{track}",code="500"}} {bad}\n'
        )

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
