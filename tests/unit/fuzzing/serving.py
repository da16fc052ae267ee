"""A server that says whatever bytes it is given."""

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Says:
    def __init__(self):
        self.status, self.content, self.url = 200, b"", ""


@contextmanager
def saying():
    says = Says()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(says.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(says.content)))
            self.end_headers()
            self.wfile.write(says.content)

        do_POST = do_GET  # noqa: N815 - http.server's name

        def log_message(self, *_args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    says.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield says
    finally:
        server.shutdown()
        server.server_close()
