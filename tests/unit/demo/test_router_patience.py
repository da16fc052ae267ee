"""A machine that is too busy is not what was injected: the visitors' books keep them apart."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from demo.fleet.layout import HOST, Instance, Layout
from demo.fleet.router import Router
from demo.fleet.serving import new_session


@pytest.fixture
def ask():
    """What the router says of an instance that is served by `handler`."""

    async def answer(handler):
        server = await asyncio.start_server(handler, HOST, 0)
        port = server.sockets[0].getsockname()[1]
        instance = Instance("stock", "canary", 0, port)
        router = Router(Layout(1, 0.0, "whsec_", 1, 2, 3, 4, (instance,)))
        async with server, new_session(timeout_s=0.2) as router.session:
            return await router._ask(instance, "1")

    # A thread of its own: a browser test before this one leaves a loop running in the main thread.
    with ThreadPoolExecutor(1) as apart:
        yield lambda handler: apart.submit(asyncio.run, answer(handler)).result()


async def silent(_reader, writer):
    await asyncio.sleep(0.5)
    writer.close()


async def breaks_off(_reader, writer):
    writer.close()


def test_router__instance_that_takes_too_long__is_late_and_no_fault(ask):
    answer = ask(silent)
    assert (answer.status, answer.headers["x-failed-at"]) == (504, "stock/canary")
    assert "x-fault" not in answer.headers


def test_router__instance_that_breaks_off__is_a_fault(ask):
    answer = ask(breaks_off)
    assert (answer.status, answer.headers["x-fault"]) == (503, "1")
