"""What an operator does by hand at the edge of the fleet, whether that is the router or a HAProxy.

A version here is a name in the instances' metrics: whoever installs it names it.
"""

from abc import ABC, abstractmethod
from typing import Any

from aiohttp import ClientError, ClientSession, web

from demo.fleet.layout import CANARY, FIRST_VERSION, SERVICES, STABLE, TRACKS, Layout
from demo.fleet.serving import body_of, new_app, refuse, with_session

SERVICE = f"{{service:{'|'.join(SERVICES)}}}"


class Edge(ABC):
    session: ClientSession

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.versions = {(s, t): FIRST_VERSION for s in SERVICES for t in TRACKS}

    @abstractmethod
    async def withdraw(self, service: str) -> None:
        """Nobody meets the service's canary any more, whatever was ordered before."""

    @abstractmethod
    async def shown(self) -> dict[str, Any]:
        """Statistics of the edge's own: `counts`, `canary_share` of now, `changes` of exposure."""

    async def stats(self, _request: web.Request) -> web.Response:
        versions = {s: {t: self.versions[s, t] for t in TRACKS} for s in SERVICES}
        return web.json_response(await self.shown() | {"versions": versions})

    async def settle(self, request: web.Request) -> web.Response:
        service = request.match_info["service"]
        version = await self._version_in(request)
        await self.set_version(service, STABLE, version)
        await self.withdraw(service)
        await self.set_version(service, CANARY, version)
        return web.json_response({"service": service, "version": version})

    async def install(self, request: web.Request) -> web.Response:
        """A new version lies ready on the canary instances, and nobody meets it yet."""
        service, version = request.match_info["service"], await self._version_in(request)
        await self.set_version(service, CANARY, version)
        return web.json_response({"service": service, "version": version})

    async def _version_in(self, request: web.Request) -> str:
        """Without one: what is stable now."""
        stable = self.versions[request.match_info["service"], STABLE]
        version = (await body_of(request)).get("version") or stable
        if not isinstance(version, str):
            refuse(web.HTTPBadRequest, "version must be a string")
        return version

    async def set_version(self, service: str, track: str, version: str) -> None:
        if self.versions[service, track] != version:
            self.versions[service, track] = version
            await self._tell_version(service, track)

    async def _tell_version(self, service: str, track: str) -> None:
        version = {"version": self.versions[service, track]}
        for instance in self.layout.of(service, track):
            try:
                async with self.session.put(f"{instance.url}/version", json=version):
                    pass
            except (ClientError, TimeoutError):
                continue  # dead: it is told when it is revived

    async def revived(self, request: web.Request) -> web.Response:
        """New processes do not know what the ones before them were told."""
        await self._tell_version(request.match_info["service"], request.match_info["track"])
        return web.json_response({})


def edge_app(edge: Edge) -> web.Application:
    app = new_app()
    app.cleanup_ctx.append(with_session(lambda session: setattr(edge, "session", session)))
    app.router.add_get("/stats", edge.stats)
    app.router.add_post(f"/install/{SERVICE}", edge.install)
    app.router.add_post(f"/settle/{SERVICE}", edge.settle)
    app.router.add_post(f"/revived/{SERVICE}/{{track:stable|canary}}", edge.revived)
    return app
