"""One instance of one service: calls its callees, answers, counts."""

import asyncio
import random
import time
from dataclasses import dataclass

from aiohttp import ClientError, ClientSession, web

from demo.fleet.faults import ERRORS, LATENCY, QUIRK, UNLABELLED, Fault, parse_fault
from demo.fleet.layout import CALLS, Instance, Layout
from demo.fleet.metrics import CONTENT_TYPE, InstanceMetrics
from demo.fleet.serving import body_of, new_app, refuse, with_session

# Of each service; a page fails with any of the five.
BASE_ERROR_SHARE = 0.0005
BASE_LATENCY_S = (0.001, 0.004)


@dataclass(frozen=True)
class Answer:
    """What came of a call; `fault` marks an injected fault for the generator's own books."""

    code: int = 200
    failed_at: str | None = None
    fault: bool = False

    def headers(self) -> dict[str, str]:
        failed = {"x-failed-at": self.failed_at} if self.failed_at else {}
        return failed | ({"x-fault": "1"} if self.fault else {})


class Service:
    session: ClientSession

    def __init__(self, instance: Instance, layout: Layout) -> None:
        self.instance = instance
        self.edge_url = layout.edge_url
        self.metrics = InstanceMetrics(instance)
        self.fault: Fault | None = None
        self.name = f"{instance.service}/{instance.track}"
        self.random = random.Random(f"{layout.seed}/{self.name}/{instance.index}")

    async def page(self, request: web.Request) -> web.Response:
        started = time.perf_counter()
        answer = await self._answer(request.headers.get("x-unit", ""))
        self.metrics.count_served(answer.code, time.perf_counter() - started)
        return web.json_response({"from": self.name}, status=answer.code, headers=answer.headers())

    async def _answer(self, unit: str) -> Answer:
        """Callees first: a fault here must not thin out the traffic behind it."""
        peers = CALLS[self.instance.service]
        called = await asyncio.gather(*(self._call(peer, unit) for peer in peers))
        slowed = await self._work()
        fault = slowed or any(answer.fault for answer in called)
        failed = next((answer for answer in called if answer.code >= 500), None)
        if failed:
            return Answer(502, failed.failed_at, fault)
        if self._hit(ERRORS):
            return Answer(500, self.name, fault=True)
        if self.random.random() < BASE_ERROR_SHARE or self._hit(QUIRK):
            return Answer(500, self.name, fault)
        return Answer(fault=fault)

    def _hit(self, kind: str) -> bool:
        fault = self.fault
        return fault is not None and fault.kind == kind and self.random.random() < fault.share

    async def _work(self) -> bool:
        slowed = self._hit(LATENCY)
        quirky = self.fault is not None and self.fault.kind == QUIRK
        extra = self.fault.seconds if self.fault and (slowed or quirky) else 0.0
        await asyncio.sleep(self.random.uniform(*BASE_LATENCY_S) + extra)
        return slowed

    async def _call(self, peer: str, unit: str) -> Answer:
        started = time.perf_counter()
        track, answer = await self._ask(f"{self.edge_url}/{peer}/", unit, peer)
        self.metrics.count_called(peer, track, answer.code, time.perf_counter() - started)
        return answer

    async def _ask(self, url: str, unit: str, peer: str) -> tuple[str, Answer]:
        try:
            async with self.session.get(url, headers={"x-unit": unit}) as got:
                await got.read()
                at, fault = got.headers.get("x-failed-at"), "x-fault" in got.headers
                return got.headers.get("x-track", ""), Answer(got.status, at, fault)
        except (ClientError, TimeoutError):
            return "", Answer(503, f"{peer}/unknown")

    async def show_metrics(self, _request: web.Request) -> web.Response:
        labelled = self.fault is None or self.fault.kind != UNLABELLED
        return web.Response(body=self.metrics.text(labelled=labelled), headers=CONTENT_TYPE)

    async def set_version(self, request: web.Request) -> web.Response:
        self.metrics.set_version(str((await body_of(request))["version"]))
        return web.json_response({})

    async def set_fault(self, request: web.Request) -> web.Response:
        try:
            self.fault = parse_fault(await body_of(request))
        except ValueError as error:
            refuse(web.HTTPBadRequest, str(error))
        return web.json_response({})

    async def clear_fault(self, _request: web.Request) -> web.Response:
        self.fault = None
        return web.json_response({})


def service_app(instance: Instance, layout: Layout) -> web.Application:
    service = Service(instance, layout)
    app = new_app()
    app.cleanup_ctx.append(with_session(lambda session: setattr(service, "session", session)))
    app.router.add_get("/", service.page)
    app.router.add_get("/metrics", service.show_metrics)
    app.router.add_put("/version", service.set_version)
    app.router.add_put("/fault", service.set_fault)
    app.router.add_delete("/fault", service.clear_fault)
    return app
