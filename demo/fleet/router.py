"""One front door for every call, and the target that a rollout's exposure is declared to."""

import itertools
import time
from collections.abc import Iterator
from typing import Any

from aiohttp import ClientError, web

from demo.fleet.edge import SERVICE, Edge, edge_app
from demo.fleet.exposures import Declared, Exposures, FencedError, MalformedError, parse
from demo.fleet.layout import CANARY, SERVICES, STABLE, TRACKS, UNITS, Instance, Layout
from demo.fleet.serving import parsed, refuse, signed_body
from demo.fleet.tally import Tally

KEPT_HEADERS = ("x-failed-at", "x-fault")


class Router(Edge):
    def __init__(self, layout: Layout) -> None:
        super().__init__(layout)
        self.exposures = Exposures()
        self.tally = Tally()
        self.turns: dict[tuple[str, str], Iterator[Instance]] = {
            (s, t): itertools.cycle(layout.of(s, t)) for s in SERVICES for t in TRACKS
        }

    async def forward(self, request: web.Request) -> web.Response:
        service, unit = request.match_info["service"], request.headers.get("x-unit", "")
        if unit not in UNITS:
            refuse(web.HTTPBadRequest, 'header x-unit must be "0" to "99"')
        track = CANARY if self.exposures.is_exposed(service, unit) else STABLE
        answer = await self._ask(next(self.turns[service, track]), unit)
        self.tally.count(service, track, answer.status, time.time())
        return answer

    async def _ask(self, instance: Instance, unit: str) -> web.Response:
        headers = {"x-track": instance.track}
        failed = {"x-failed-at": f"{instance.service}/{instance.track}"}
        try:
            async with self.session.get(instance.url + "/", headers={"x-unit": unit}) as got:
                headers |= {k: got.headers[k] for k in KEPT_HEADERS if k in got.headers}
                return web.Response(status=got.status, body=await got.read(), headers=headers)
        except TimeoutError:
            # No injected fault takes so long: the machine is too busy.
            return web.Response(status=504, headers=headers | failed)
        except ClientError:
            # Instances never refuse by themselves: only an injected fault kills one.
            return web.Response(status=503, headers=headers | failed | {"x-fault": "1"})

    async def declare(self, request: web.Request) -> web.Response:
        body = await signed_body(request, self.layout.secret, time.time())
        service = request.match_info["service"]
        try:
            wanted = parse(service, parsed(body))
            if self.exposures.check(wanted):
                # Before the first request of a new version, its metrics carry its name.
                await self._name_canary(wanted)
            held = self.exposures.declare(wanted, time.time())
        except MalformedError as error:
            refuse(web.HTTPBadRequest, str(error))
        except FencedError as error:
            return web.json_response(error.current.as_dict(), status=409)
        return web.json_response(held.as_dict())

    async def _name_canary(self, wanted: Declared) -> None:
        service = wanted.target
        if wanted.version:
            await self.set_version(service, CANARY, wanted.version)
        elif wanted.units and not self.exposures.exposed.get(service):
            # A change without a version of its own (a config) runs the stable one.
            await self.set_version(service, CANARY, self.versions[service, STABLE])

    async def observe(self, request: web.Request) -> web.Response:
        await signed_body(request, self.layout.secret, time.time())
        service, rollout = request.match_info["service"], request.query.get("rollout")
        if not rollout:
            return web.json_response({"rollouts": self.exposures.rollouts(service)})
        current = self.exposures.current(service, rollout)
        return web.json_response(current.as_dict())

    async def withdraw(self, service: str) -> None:
        self.exposures.forget(service, time.time())

    async def shown(self) -> dict[str, Any]:
        return self.tally.as_dict(time.time()) | {"changes": self.exposures.changes}


def router_app(layout: Layout) -> web.Application:
    router = Router(layout)
    app = edge_app(router)
    app.router.add_put(f"/targets/{SERVICE}", router.declare)
    app.router.add_get(f"/targets/{SERVICE}", router.observe)
    app.router.add_get(f"/{SERVICE}/{{path:.*}}", router.forward)
    return app
