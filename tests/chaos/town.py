"""Small HTTP applications and their customers, in one process of its own.

    python -m tests.chaos.town FILE

FILE: {"door": port of HAProxy, "desk": port, "rate": requests a second and service,
"services": {name: {"stable": port, "canary": port}}}. `GET /SERVICE/SHARE` at the desk: that part
of what the service's canary answers from now on is an error.
"""

import asyncio
import json
import random
import sys
from contextlib import suppress
from pathlib import Path

HOST = "127.0.0.1"
PATIENCE_S = 2.0


class Instance:
    def __init__(self, service: str, track: str) -> None:
        self.labels = f'service_name="{service}",track="{track}"'
        self.failing = 0.0
        self.served = {200: 0, 500: 0}

    def answer(self, path: str) -> tuple[int, str]:
        if path == "/metrics":
            return 200, self.metrics()
        code = 500 if random.random() < self.failing else 200
        self.served[code] += 1
        return code, "{}"

    def metrics(self) -> str:
        lines = [
            f'http_server_requests_total{{code="{code}",{self.labels}}} {n}'
            for code, n in self.served.items()
        ]
        return "\n".join(["# TYPE http_server_requests_total counter", *lines, ""])


class Desk:
    def __init__(self, canaries: dict[str, Instance]) -> None:
        self.canaries = canaries

    def answer(self, path: str) -> tuple[int, str]:
        _, service, share = path.split("/")
        self.canaries[service].failing = float(share)
        return 200, "{}"


async def serve(port: int, who: Instance | Desk) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                asked = await reader.readuntil(b"\r\n\r\n")
                code, body = who.answer(asked.split(b" ", 2)[1].decode())
                head = f"HTTP/1.1 {code} so\r\nContent-Type: text/plain; version=0.0.4\r\n"
                writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
        writer.close()

    await asyncio.start_server(talk, HOST, port)


async def visit(door: int, service: str, rate: float) -> None:
    """One customer after the other; who gets no answer comes again by another connection."""
    request = f"GET /{service} HTTP/1.1\r\nHost: town\r\n\r\n".encode()
    while True:
        with suppress(OSError, TimeoutError, asyncio.IncompleteReadError, ValueError):
            reader, writer = await asyncio.open_connection(HOST, door)
            try:
                while True:
                    writer.write(request)
                    async with asyncio.timeout(PATIENCE_S):
                        head = await reader.readuntil(b"\r\n\r\n")
                        length = head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]
                        await reader.readexactly(int(length))
                    await asyncio.sleep(random.expovariate(rate))
            finally:
                writer.close()
        await asyncio.sleep(0.2)


async def live(told: dict) -> None:
    canaries = {}
    for service, tracks in told["services"].items():
        for track, port in tracks.items():
            instance = Instance(service, track)
            await serve(port, instance)
            if track == "canary":
                canaries[service] = instance
    await serve(told["desk"], Desk(canaries))
    await asyncio.gather(*(visit(told["door"], s, told["rate"]) for s in told["services"]))


if __name__ == "__main__":
    asyncio.run(live(json.loads(Path(sys.argv[1]).read_text())))
