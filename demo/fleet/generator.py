"""Visitors: an open loop, so a slow answer does not slow the next question."""

import asyncio
import random
import time
from collections.abc import AsyncIterator

from aiohttp import ClientError, ClientSession, web

from demo.fleet.book import Section, Seen
from demo.fleet.layout import ENTRY, UNITS, Layout
from demo.fleet.serving import body_of, new_app, new_session, refuse

# Enough for the longest latency fault. Above it visitors turn away: on a machine that is too busy
# a longer queue would only fill with answers that nobody waits for any more.
MAX_IN_FLIGHT = 200
MAX_RATE = 500
VISITOR_PATIENCE_S = 15.0
MAX_SECTIONS = 100


class Generator:
    def __init__(self, layout: Layout) -> None:
        self.url = f"{layout.edge_url}/{ENTRY}/"
        self.random = random.Random(f"{layout.seed}/generator")
        self.rate = layout.rate
        self.sections = [Section("start", time.time())]
        self.in_flight: set[asyncio.Task[None]] = set()

    async def run(self, session: ClientSession) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            if self.rate <= 0:
                await asyncio.sleep(0.1)
                due = loop.time()
                continue
            due += 1 / self.rate
            await asyncio.sleep(max(0.0, due - loop.time()))
            self._send(loop, session)

    def _send(self, loop: asyncio.AbstractEventLoop, session: ClientSession) -> None:
        unit = self.random.choice(UNITS)
        if len(self.in_flight) >= MAX_IN_FLIGHT:
            self.sections[-1].skipped += 1
            return
        task = loop.create_task(self._visit(session, unit))
        self.in_flight.add(task)
        task.add_done_callback(self.in_flight.discard)

    async def _visit(self, session: ClientSession, unit: str) -> None:
        started = time.perf_counter()
        try:
            async with session.get(self.url, headers={"x-unit": unit}) as got:
                await got.read()
                code, headers = got.status, got.headers
            where, fault = headers.get("x-failed-at"), "x-fault" in headers
        except (ClientError, TimeoutError):
            code, where, fault = 599, "edge", False
        spent = time.perf_counter() - started
        self.sections[-1].add(Seen(time.time(), spent, code, where, fault))

    async def report(self, request: web.Request) -> web.Response:
        name = request.query.get("section", self.sections[-1].name)
        section = next((s for s in reversed(self.sections) if s.name == name), None)
        if section is None:
            refuse(web.HTTPNotFound, f"no section {name}; POST /mark starts one")
        return web.json_response(section.as_dict() | {"rate": self.rate})

    async def mark(self, request: web.Request) -> web.Response:
        name = (await body_of(request)).get("name")
        if not isinstance(name, str) or not name:
            refuse(web.HTTPBadRequest, "name must be a non-empty string")
        self.sections.append(Section(name, time.time()))
        del self.sections[:-MAX_SECTIONS]
        return web.json_response({"section": name})

    async def set_rate(self, request: web.Request) -> web.Response:
        rate = (await body_of(request)).get("rate")
        if isinstance(rate, bool) or not isinstance(rate, int | float):
            refuse(web.HTTPBadRequest, "rate must be a number")
        if not 0 <= rate <= MAX_RATE:
            refuse(web.HTTPBadRequest, f"rate must be from 0 to {MAX_RATE} a second")
        self.rate = float(rate)
        return web.json_response({"rate": self.rate})

    async def lifetime(self, _app: web.Application) -> AsyncIterator[None]:
        async with new_session(VISITOR_PATIENCE_S) as session:
            running = asyncio.create_task(self.run(session))
            yield
            running.cancel()


def generator_app(layout: Layout) -> web.Application:
    generator = Generator(layout)
    app = new_app()
    app.cleanup_ctx.append(generator.lifetime)
    app.router.add_get("/report", generator.report)
    app.router.add_post("/mark", generator.mark)
    app.router.add_put("/rate", generator.set_rate)
    return app
