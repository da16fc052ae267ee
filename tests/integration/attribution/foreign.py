"""Three services of strangers: other label names, other metrics, one histogram in milliseconds."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

OLD, NEW = "2024.4", "2024.5"
REQUESTS = 100  # of either version between two scrapes
BAD = {OLD: 2, NEW: 6}


class Foreign:
    """Every scrape finds as much more as the one before did."""

    def __init__(self, page, versions=(OLD, NEW)) -> None:
        self.scrapes = 0
        self.versions = versions
        foreign = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                foreign.scrapes += 1
                lines = [line for v in foreign.versions for line in page(v, foreign.scrapes)]
                body = "".join(f"{line}\n" for line in lines).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.handle_error = lambda *_: None
        self.url = f"http://127.0.0.1:{self.server.server_port}/metrics"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def ledger(version: str, n: int):
    """An own client library: `rc`, `ms`, and replies in place of requests."""
    labels = f'app="ledger",release="{version}"'
    yield f'ledger_replies_total{{{labels},rc="200"}} {n * (REQUESTS - BAD[version])}'
    yield f'ledger_replies_total{{{labels},rc="503"}} {n * BAD[version]}'
    for le, count in (("50", 60), ("100", 90), ("250", 96), ("1000", 100), ("+Inf", 100)):
        yield f'ledger_reply_time_ms_bucket{{{labels},le="{le}"}} {n * count}'
    yield f"ledger_reply_time_ms_count{{{labels}}} {n * 100}"
    yield f"ledger_reply_time_ms_sum{{{labels}}} {n * 5_000}"


def vault(version: str, n: int):
    """Micrometer's names."""
    labels = f'application="vault",app_version="{version}",uri="/open"'
    good, bad = n * (REQUESTS - BAD[version]), n * BAD[version]
    for status, outcome, count in (("200", "SUCCESS", good), ("500", "SERVER_ERROR", bad)):
        more = f'{labels},status="{status}",outcome="{outcome}"'
        yield f"http_server_requests_seconds_count{{{more}}} {count}"
        yield f"http_server_requests_seconds_sum{{{more}}} {count * 0.1}"
        for le, part in (("0.1", 0.8), ("0.5", 0.95), ("+Inf", 1.0)):
            yield f'http_server_requests_seconds_bucket{{{more},le="{le}"}} {int(count * part)}'
    yield f'jvm_memory_used_bytes{{application="vault",app_version="{version}",area="heap"}} 5e8'


def mailer(version: str, n: int):
    """gRPC's names."""
    labels = f'svc="mailer",version="{version}",grpc_method="Send"'
    good, bad = n * (REQUESTS - BAD[version]), n * BAD[version]
    yield f'grpc_server_handled_total{{{labels},grpc_code="OK"}} {good}'
    yield f'grpc_server_handled_total{{{labels},grpc_code="Unavailable"}} {bad}'
    for le, count in (("0.01", 70), ("0.1", 97), ("+Inf", 100)):
        yield f'grpc_server_handling_seconds_bucket{{{labels},le="{le}"}} {n * count}'
    yield f"grpc_server_handling_seconds_count{{{labels}}} {n * 100}"
    yield f"grpc_server_handling_seconds_sum{{{labels}}} {n}"


PAGES = (ledger, vault, mailer)


def porter(version: str, n: int):
    """Its requests say no version: an info metric of the same instance does."""
    yield f'porter_requests_total{{app="porter",code="200"}} {n * (REQUESTS - BAD[version])}'
    yield f'porter_requests_total{{app="porter",code="500"}} {n * BAD[version]}'
    for le, count in (("0.1", 80), ("1", 96), ("+Inf", 100)):
        yield f'porter_request_seconds_bucket{{app="porter",le="{le}"}} {n * count}'
    yield f'porter_request_seconds_count{{app="porter"}} {n * 100}'
    yield f'porter_build_info{{app="porter",version="{version}"}} 1'
