"""On-call's end of the line: receives signed webhooks and remembers them."""

import time
from typing import Any

from aiohttp import web

from demo.fleet.layout import Layout
from demo.fleet.serving import body_of, new_app, parsed, refuse, signed_body


class Pager:
    def __init__(self, secret: str) -> None:
        self.secret = secret
        self.pages: dict[str, dict[str, Any]] = {}
        self.to_fail = 0
        self.failed = 0

    async def receive(self, request: web.Request) -> web.Response:
        message = parsed(await signed_body(request, self.secret, time.time()))
        if not isinstance(message.get("type"), str) or "data" not in message:
            refuse(web.HTTPBadRequest, "a page has a type, a timestamp and data")
        if self.to_fail:
            self.to_fail -= 1
            self.failed += 1
            refuse(web.HTTPInternalServerError, "told to fail")
        self._remember(request.headers["webhook-id"], message)
        return web.json_response({})

    def _remember(self, message_id: str, message: dict[str, Any]) -> None:
        """One id is one page, however often it is delivered."""
        page = self.pages.setdefault(
            message_id, {"id": message_id, "received_at": time.time(), "deliveries": 0}
        )
        page["deliveries"] += 1
        page |= {name: message.get(name) for name in ("type", "timestamp", "data")}

    async def show(self, _request: web.Request) -> web.Response:
        return web.json_response({"pages": list(self.pages.values()), "failed": self.failed})

    async def fail(self, request: web.Request) -> web.Response:
        times = (await body_of(request)).get("times")
        if type(times) is not int or times < 0:
            refuse(web.HTTPBadRequest, "times must be an integer, 0 or more")
        self.to_fail = times
        return web.json_response({"times": times})


def pager_app(layout: Layout) -> web.Application:
    pager = Pager(layout.secret)
    app = new_app()
    app.router.add_post("/", pager.receive)
    app.router.add_get("/pages", pager.show)
    app.router.add_post("/fail", pager.fail)
    return app
