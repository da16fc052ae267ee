"""Beside a HAProxy: no request passes here. It reads HAProxy's statistics and gives orders by hand.

What it shows as exposure is HAProxy's own word, looked up every half a second.
"""

import asyncio
import logging
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from demo.fleet.edge import Edge, edge_app
from demo.fleet.haproxy_config import WEIGHT, server_name
from demo.fleet.haproxy_socket import BalancerError, Server, servers, set_weight, share
from demo.fleet.layout import CANARY, SERVICES, STABLE, TRACKS, Balancer, Layout
from demo.fleet.serving import refuse

log = logging.getLogger(__name__)
LOOK_EVERY_S = 0.5
# As many looks as make ten seconds.
RECENT = 21


@dataclass
class Watched:
    """What HAProxy said of one service, look by look."""

    service: str
    exposure: float = 0.0
    changes: list[dict[str, Any]] = field(default_factory=list)
    # Requests sent to each track so far, at each of the last looks.
    sent: deque[dict[str, int]] = field(default_factory=lambda: deque(maxlen=RECENT))

    def see(self, here: list[Server], now: float) -> None:
        sessions = {t: sum(s.sessions for s in here if s.track == t) for t in TRACKS}
        self.sent.append(sessions)
        if share(here) == self.exposure:
            return
        self.exposure = share(here)
        self.changes.append(
            {
                "at": now,
                "service": self.service,
                "exposure": self.exposure,
                "canary_requests": sessions[CANARY],
            }
        )

    def canary_share(self) -> float | None:
        """Of the requests of the last ten seconds; none without a request: that is not zero."""
        if not self.sent:
            return None
        new = {t: self.sent[-1][t] - self.sent[0][t] for t in TRACKS}
        return new[CANARY] / sum(new.values()) if sum(new.values()) else None


class Desk(Edge):
    def __init__(self, layout: Layout, balancer: Balancer) -> None:
        super().__init__(layout)
        self.balancer = balancer
        self.watched = {service: Watched(service) for service in SERVICES}

    async def watch(self, _app: web.Application) -> AsyncIterator[None]:
        watching = asyncio.create_task(self._watch())
        yield
        watching.cancel()

    async def _watch(self) -> None:
        while True:
            try:
                await self.look()
            except BalancerError as error:
                # The next look says more; a HAProxy that has ended ends the fleet.
                log.warning("%s", error)
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> list[Server]:
        found, now = await servers(self.balancer.socket), time.time()
        by_service = defaultdict(list)
        for server in found:
            by_service[server.service].append(server)
        for service, watched in self.watched.items():
            watched.see(by_service[service], now)
        return found

    async def shown(self) -> dict[str, Any]:
        try:
            found = await self.look()
        except BalancerError as error:
            refuse(web.HTTPBadGateway, str(error))
        each = self.watched.values()
        return {
            "counts": counts(found),
            "exposure": {watched.service: watched.exposure for watched in each},
            "canary_share": {watched.service: watched.canary_share() for watched in each},
            "changes": [change for watched in each for change in watched.changes],
        }

    async def withdraw(self, service: str) -> None:
        """Stable first: at no moment is there a backend without a server."""
        for track in (STABLE, CANARY):
            for instance in self.layout.of(service, track):
                name = server_name(instance)
                await set_weight(self.balancer.socket, service, name, WEIGHT[track])


def counts(found: list[Server]) -> dict[str, dict[str, dict[str, int]]]:
    """Answers by service, track and class of code."""
    total: dict[str, dict[str, dict[str, int]]] = {}
    for server in found:
        here = total.setdefault(server.service, {}).setdefault(server.track, {})
        for kind, number in server.answers.items():
            here[kind] = here.get(kind, 0) + number
    return total


def desk_app(layout: Layout, balancer: Balancer) -> web.Application:
    desk = Desk(layout, balancer)
    app = edge_app(desk)
    app.cleanup_ctx.append(desk.watch)
    return app
