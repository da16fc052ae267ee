"""Who is alerted: real HTTP, and a memory of what was answered to which message."""

import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TAKES, REFUSES, HANGS, DOWN = "takes", "refuses", "hangs", "down"


@dataclass(frozen=True)
class Answered:
    message: str
    at: float
    # None: nothing was answered.
    code: int | None


@dataclass
class Receiver:
    port: int = 0
    mood: str = TAKES
    log: list[Answered] = field(default_factory=list)
    server: ThreadingHTTPServer | None = None
    one_at_a_time: threading.Lock = field(default_factory=threading.Lock)

    def open(self) -> None:
        self.server = Server(("127.0.0.1", self.port), handler_of(self))
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.1,), daemon=True).start()

    def close(self) -> None:
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()

    def be(self, mood: str) -> None:
        with self.one_at_a_time:
            was, self.mood = self.mood, mood
            if mood == DOWN and was != DOWN:
                self.close()
            elif was == DOWN and mood != DOWN:
                self.open()

    def taken(self, message: str) -> list[float]:
        """When it was answered that the message is taken."""
        return [one.at for one in list(self.log) if one.message == message and one.code == 204]

    def answer(self) -> int | None:
        if self.mood == HANGS:
            while self.mood == HANGS:
                time.sleep(0.05)
            return None
        return 500 if self.mood == REFUSES else 204


class Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, *_args: object) -> None:
        """A sender that was killed is nothing to tell."""


def handler_of(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            message = self.headers["webhook-id"]
            self.rfile.read(int(self.headers["content-length"]))
            code = receiver.answer()
            # Before the answer: whoever hears it can rely on the memory.
            receiver.log.append(Answered(message, time.time(), code))
            if code is not None:
                self.send_response(code)
                self.send_header("Content-Length", "0")
                self.end_headers()
            self.close_connection = True

        def log_message(self, *_args: object) -> None:
            """The memory is the log."""

    return Handler
