"""HAProxy's runtime API over a UNIX socket or TCP: what is asked there, and how it answers.

A connection takes one line, of several commands parted by semicolons; HAProxy answers them in turn
and closes. Every command ends its answer with an empty line; one that only sets something and has
nothing to complain about answers nothing but that line. The deadline is for everything that is
asked, whatever HAProxy does meanwhile: nothing is sent after it.
"""

import csv
import re
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

# Names as HAProxy allows them; anything else could end the command and begin another.
NAME = re.compile(r"[A-Za-z0-9_.:-]{1,100}")
MOST_BYTES = 4_000_000
# A line has to fit into HAProxy's buffer (tune.bufsize, 16 kB unless it was set).
MOST_COMMANDS = 64
CHUNK_BYTES = 65_536
NO_ADDRESS = "the address is neither /path/of/a/socket nor host:port"
CUT_OFF = "the answer ended before its end"
# The fields of `show servers state`, and the first line of its answer.
FORMAT = "1"
RUNNING = 2
MAINTENANCE = 0x01 | 0x02 | 0x04 | 0x20 | 0x40
DRAIN = 0x08 | 0x10


class RuntimeApiError(Exception):
    """No answer, or HAProxy's own words for what is wrong. Never holds the address."""

    def __init__(self, message: str, *, refused: bool = False) -> None:
        super().__init__(message)
        # HAProxy said no: it will say so again.
        self.refused = refused


@dataclass(frozen=True)
class ServerState:
    name: str
    weight: int
    initial: int
    # It is given requests, if it has any weight.
    serving: bool
    maintenance: bool
    backup: bool


class RuntimeApi:
    def __init__(self, address: str, timeout_s: float) -> None:
        self._address = address
        self._timeout_s = timeout_s
        self._deadline = time.monotonic() + timeout_s

    def servers(self, backend: str) -> list[ServerState]:
        """As HAProxy's own statistics show them. Raises RuntimeApiError."""
        answer = self._ask(f"show stat {backend} 4 -1;show servers state {backend}")
        blocks = [block.strip("\n") for block in answer.split("\n\n") if block.strip("\n")]
        if complaint := said(answer):
            raise RuntimeApiError(complaint, refused=True)
        if len(blocks) != 2 or not answer.endswith("\n\n"):
            raise RuntimeApiError(CUT_OFF)
        return list(_read(*blocks))

    def set_weights(self, backend: str, weights: Sequence[tuple[str, int]]) -> None:
        """In this order, each of them or an error. Raises RuntimeApiError."""
        for start in range(0, len(weights), MOST_COMMANDS):
            part = weights[start : start + MOST_COMMANDS]
            answer = self._ask(";".join(f"set weight {backend}/{name} {w}" for name, w in part))
            if complaint := said(answer):
                raise RuntimeApiError(complaint, refused=True)
            # One empty line for each: fewer, and it was cut off before the last one.
            if len(answer) != len(part):
                raise RuntimeApiError(CUT_OFF)

    def _ask(self, line: str) -> str:
        try:
            with self._connected() as connection:
                connection.settimeout(self._left())
                connection.sendall(line.encode() + b"\n")
                return b"".join(self._received(connection)).decode(errors="replace")
        except TimeoutError as error:
            raise RuntimeApiError(f"no whole answer within {self._timeout_s:g} s") from error
        except (OSError, UnicodeError) as error:  # the latter: a host that can be no name
            raise RuntimeApiError(type(error).__name__) from error

    def _connected(self) -> socket.socket:
        if self._address.startswith("/"):
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(self._left())
            try:
                connection.connect(self._address)
            except OSError:
                connection.close()
                raise
            return connection
        return socket.create_connection(endpoint(self._address), timeout=self._left())

    def _received(self, connection: socket.socket) -> Iterator[bytes]:
        size = 0
        while True:
            connection.settimeout(self._left())
            chunk = connection.recv(CHUNK_BYTES)
            if not chunk:
                return
            size += len(chunk)
            if size > MOST_BYTES:
                raise RuntimeApiError(f"the answer is longer than {MOST_BYTES} bytes")
            yield chunk

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


def endpoint(address: str) -> tuple[str, int]:
    """Host and port. Raises ValueError."""
    host, _, port = address.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()) or not 0 < int(port) < 2**16:
        raise ValueError(NO_ADDRESS)
    return host.strip("[]"), int(port)


def said(answer: str) -> str:
    """HAProxy's complaints, each once: what is neither a table's head nor one of its rows."""
    lines = dict.fromkeys(line.strip() for line in answer.splitlines() if line.strip())
    told = (one for one in lines if one[0] != "#" and not one[0].isdigit() and ",," not in one)
    return "; ".join(told)[:300]


def _read(statistics: str, state: str) -> Iterator[ServerState]:
    kept = _states(state)
    for row in csv.DictReader(statistics.removeprefix("# ").splitlines()):
        try:
            one = kept[row["svname"]]
            admin = int(one["srv_admin_state"])
            yield ServerState(
                name=row["svname"],
                # While it starts slowly its effective weight is the smaller one, for a moment.
                weight=max(int(row["weight"]), int(row["uweight"])),
                initial=int(one["srv_iweight"]),
                # Not the status of the statistics: its words are for people.
                serving=int(one["srv_op_state"]) == RUNNING and not admin & (MAINTENANCE | DRAIN),
                maintenance=bool(admin & MAINTENANCE),
                backup=row["bck"] == "1",
            )
        except (KeyError, ValueError, TypeError) as error:
            raise RuntimeApiError("the servers' state cannot be read") from error


def _states(state: str) -> dict[str, Mapping[str, str]]:
    version, header, *rows = state.splitlines()
    if version.strip() != FORMAT:
        raise RuntimeApiError(f"`show servers state` answers in format {version[:20]!r}")
    fields = header.removeprefix("# ").split()
    named = (dict(zip(fields, row.split(), strict=False)) for row in rows)
    return {row.get("srv_name", ""): row for row in named}
