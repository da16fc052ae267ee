"""What HAProxy itself says, read by the demo's own few lines: Graygate's reader is not asked."""

import asyncio
import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from demo.fleet.layout import CANARY, SERVICES, STABLE

PATIENCE_S = 5.0
CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx")
TOTALS = ("FRONTEND", "BACKEND")
# Any other state (MAINT, DRAIN, DOWN) gets no new request, whatever its weight.
SERVING = ("UP", "no check")


class BalancerError(Exception):
    """HAProxy did not answer, or refused."""


@dataclass(frozen=True)
class Server:
    """One server line of `show stat`."""

    service: str
    name: str
    weight: int
    sessions: int
    answers: dict[str, int]

    @property
    def track(self) -> str:
        return CANARY if self.name.startswith("c") else STABLE


async def command(socket: Path, line: str) -> str:
    try:
        return await asyncio.wait_for(_exchange(socket, line), PATIENCE_S)
    except (OSError, TimeoutError) as error:
        raise BalancerError(f"HAProxy does not answer: {error}") from error


async def _exchange(socket: Path, line: str) -> str:
    reader, writer = await asyncio.open_unix_connection(str(socket))
    try:
        writer.write(f"{line}\n".encode())
        await writer.drain()
        return (await reader.read()).decode()
    finally:
        writer.close()


async def servers(socket: Path) -> list[Server]:
    return parse_stat(await command(socket, "show stat"))


def parse_stat(text: str) -> list[Server]:
    rows = csv.DictReader(io.StringIO(text.removeprefix("# ")))
    found = [row for row in rows if row["pxname"] in SERVICES and row["svname"] not in TOTALS]
    return [
        Server(
            service=row["pxname"],
            name=row["svname"],
            weight=int(row["weight"]) if row["status"].startswith(SERVING) else 0,
            sessions=int(row["stot"]),
            answers={each: int(row[f"hrsp_{each}"] or 0) for each in CLASSES},
        )
        for row in found
    ]


def share(of: Sequence[Server]) -> float:
    """The canary's part of a backend's weights."""
    total = sum(server.weight for server in of)
    return sum(server.weight for server in of if server.track == CANARY) / total if total else 0.0


async def set_weight(socket: Path, service: str, server: str, weight: int) -> None:
    """HAProxy says nothing when it has done as told."""
    name = f"{service}/{server}"
    orders = f"set server {name} state ready; set server {name} weight {weight}"
    if said := (await command(socket, orders)).strip():
        raise BalancerError(f"{name}: {said}")
