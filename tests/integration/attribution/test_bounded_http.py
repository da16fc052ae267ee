"""The other side is a real socket that answers as badly as it likes."""

import socket
import threading
from contextlib import closing, contextmanager

import pytest

from attribution.bounded_http import ExchangeError, exchange

HEAD = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"


@contextmanager
def answering(whole: bytes, drip: bytes = b""):
    """Sends `whole`, then `drip` again and again, one byte each 50 ms."""
    stop = threading.Event()

    def serve():
        peer, _ = listener.accept()
        with closing(peer):
            try:
                peer.recv(65536)
                peer.sendall(whole)
                while drip and not stop.wait(0.05):
                    peer.sendall(drip)
            except OSError:
                return

    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        stop.set()
        thread.join(5)


def test_exchange__whole_answer__is_status_content_and_headers():
    with answering(HEAD + b"X-Seen: yes\r\nContent-Length: 2\r\n\r\nhi") as url:
        answer = exchange("GET", url, timeout_s=5)
    assert answer == (200, b"hi")
    assert answer.headers["x-seen"] == "yes"


@pytest.mark.parametrize(
    ("whole", "drip"),
    [
        (HEAD + b"X-Endless: ", b"a"),
        (HEAD, b"X: y\r\n"),
        (HEAD + b"\r\n", b"a"),
        (HEAD + b"Content-Length: 1000000\r\n\r\n", b"a"),
    ],
    ids=["in a header", "header after header", "content without length", "content"],
)
def test_exchange__other_side_drips__is_over_in_time(whole, drip):
    with answering(whole, drip) as url, pytest.raises(ExchangeError, match="no whole answer"):
        exchange("GET", url, timeout_s=0.6)


def test_exchange__answer_too_long__is_cut_off():
    with (
        answering(HEAD + b"\r\n" + b"a" * 100_000) as url,
        pytest.raises(ExchangeError, match="longer"),
    ):
        exchange("GET", url, timeout_s=5, most_bytes=50_000)


def test_exchange__nobody_there__says_so_without_the_address():
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ExchangeError) as problem:
        exchange("GET", f"http://127.0.0.1:{port}/?token=secret", timeout_s=2)
    assert "secret" not in str(problem.value)
