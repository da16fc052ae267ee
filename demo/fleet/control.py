"""The fleet's control port: faults on and off, and the end of a round."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import ClientError, ClientSession, web

from demo.fleet.faults import DEAD, Fault, parse_fault
from demo.fleet.layout import CANARY, SERVICES, Layout
from demo.fleet.processes import Processes, name_of
from demo.fleet.serving import body_of, new_app, refuse

HEALTH_PATIENCE_S = 20.0
HEALTH_PAUSE_S = 0.05


class NotHealthyError(Exception):
    """A process was started and does not answer."""


async def wait_healthy(session: ClientSession, url: str) -> None:
    async def poll() -> None:
        while True:
            try:
                async with session.get(f"{url}/healthz") as got:
                    if got.ok:
                        return
            except ClientError:
                pass  # not listening yet
            await asyncio.sleep(HEALTH_PAUSE_S)

    try:
        await asyncio.wait_for(poll(), HEALTH_PATIENCE_S)
    except TimeoutError as error:
        raise NotHealthyError(f"{url} is not healthy after {HEALTH_PATIENCE_S:g} s") from error


class Control:
    def __init__(self, layout: Layout, processes: Processes, session: ClientSession) -> None:
        self.layout = layout
        self.processes = processes
        self.session = session
        self.faults: dict[tuple[str, str], Fault] = {}
        # One switch at a time: a kill and a revival of the same track must not cross.
        self.lock = asyncio.Lock()

    async def put_fault(self, request: web.Request) -> web.Response:
        service, track = request.match_info["service"], request.match_info["track"]
        try:
            fault = parse_fault(await body_of(request))
        except ValueError as error:
            refuse(web.HTTPBadRequest, str(error))
        async with self.lock:
            await self._clear(service, track)
            await self._inject(service, track, fault)
        return web.json_response(fault.as_dict())

    async def _inject(self, service: str, track: str, fault: Fault) -> None:
        self.faults[service, track] = fault
        instances = self.layout.of(service, track)
        if fault.kind == DEAD:
            self.processes.kill(name_of(instance) for instance in instances)
            return
        for instance in instances:
            await self._send("PUT", f"{instance.url}/fault", fault.as_dict())

    async def delete_fault(self, request: web.Request) -> web.Response:
        async with self.lock:
            await self._clear(request.match_info["service"], request.match_info["track"])
        return web.json_response({})

    async def _clear(self, service: str, track: str) -> None:
        fault = self.faults.pop((service, track), None)
        if fault is None:
            return
        if fault.kind == DEAD:
            await self._revive(service, track)
            return
        for instance in self.layout.of(service, track):
            await self._send("DELETE", f"{instance.url}/fault")

    async def _revive(self, service: str, track: str) -> None:
        for instance in self.layout.of(service, track):
            self.processes.start(name_of(instance))
        urls = [instance.url for instance in self.layout.of(service, track)]
        await asyncio.gather(*(wait_healthy(self.session, url) for url in urls))
        await self._send("POST", f"{self.layout.router_url}/revived/{service}/{track}")

    async def install(self, request: web.Request) -> web.Response:
        service, body = request.match_info["service"], await body_of(request)
        url = f"{self.layout.router_url}/install/{service}"
        return web.json_response(await self._send("POST", url, body))

    async def settle(self, request: web.Request) -> web.Response:
        """The round is over: stable is the new version, nothing is exposed, the canary is sound."""
        service, body = request.match_info["service"], await body_of(request)
        async with self.lock:
            answer = await self._send("POST", f"{self.layout.router_url}/settle/{service}", body)
            await self._clear(service, CANARY)
        return web.json_response(answer)

    async def _send(self, method: str, url: str, body: dict[str, Any] | None = None) -> Any:
        async with self.session.request(method, url, json=body) as got:
            answer = await got.json()
            if not got.ok:
                refuse(web.HTTPBadRequest, f"{method} {url}: {answer}")
            return answer

    async def show(self, _request: web.Request) -> web.Response:
        faults = {f"{s}/{t}": fault.as_dict() for (s, t), fault in self.faults.items()}
        return web.json_response({"faults": faults})


@web.middleware
async def _say_why(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except (ClientError, TimeoutError, NotHealthyError) as error:
        refuse(web.HTTPBadGateway, f"the fleet did not follow: {error}")


def control_app(control: Control) -> web.Application:
    app = new_app()
    app.middlewares.append(_say_why)
    service = f"{{service:{'|'.join(SERVICES)}}}"
    fault = f"/faults/{service}/{{track:stable|canary}}"
    app.router.add_get("/faults", control.show)
    app.router.add_put(fault, control.put_fault)
    app.router.add_delete(fault, control.delete_fault)
    app.router.add_post(f"/install/{service}", control.install)
    app.router.add_post(f"/settle/{service}", control.settle)
    return app
