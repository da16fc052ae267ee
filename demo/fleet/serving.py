"""What every process of the fleet needs to serve and to call HTTP."""

import json
from collections.abc import AsyncIterator, Callable
from typing import Any, NoReturn

from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector, web

from demo.fleet.layout import HOST
from demo.fleet.signing import BadSignatureError, verify

# Longer than any latency fault, so that a slow instance is slow and not dead.
CALL_TIMEOUT_S = 5.0
MAX_BODY = 64 * 1024


def new_app() -> web.Application:
    app = web.Application(client_max_size=MAX_BODY)
    app.router.add_get("/healthz", _healthy)
    return app


async def _healthy(_request: web.Request) -> web.Response:
    return web.json_response({"ok": True})


def new_session(timeout_s: float = CALL_TIMEOUT_S) -> ClientSession:
    """A client stripped of what costs time on every call and has no use here."""
    return ClientSession(
        connector=TCPConnector(limit=0, keepalive_timeout=60),
        cookie_jar=DummyCookieJar(),
        timeout=ClientTimeout(total=timeout_s),
        skip_auto_headers=("user-agent", "accept", "accept-encoding"),
    )


def with_session(keep: Callable[[ClientSession], None]) -> Callable[..., AsyncIterator[None]]:
    """A session belongs to a running loop, so the app opens it at its start."""

    async def lifetime(_app: web.Application) -> AsyncIterator[None]:
        async with new_session() as session:
            keep(session)
            yield

    return lifetime


async def start(app: web.Application, port: int) -> web.AppRunner:
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    await web.TCPSite(runner, HOST, port, reuse_address=True).start()
    return runner


def refuse(kind: type[web.HTTPException], why: str) -> NoReturn:
    raise kind(text=json.dumps({"error": why}), content_type="application/json")


def parsed(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError:
        refuse(web.HTTPBadRequest, "the body is not JSON")
    if not isinstance(value, dict):
        refuse(web.HTTPBadRequest, "the body must be a JSON object")
    return value


async def body_of(request: web.Request) -> dict[str, Any]:
    return parsed(await request.read())


async def signed_body(request: web.Request, secret: str, now: float) -> bytes:
    body = await request.read()
    try:
        verify(secret, request.headers, body, now)
    except BadSignatureError as error:
        refuse(web.HTTPUnauthorized, str(error))
    return body
