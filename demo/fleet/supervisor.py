"""Starts the fleet, says where everything is, watches it, and takes all of it down again."""

import asyncio
import json
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.fleet.control import Control, control_app, wait_healthy
from demo.fleet.layout import (
    CALLS,
    ENTRY,
    SERVICES,
    TRACKS,
    Balancer,
    Instance,
    Layout,
    url_of,
)
from demo.fleet.ports import held_port
from demo.fleet.processes import GENERATOR, PAGER, ROUTER, Processes, name_of
from demo.fleet.serving import new_session, start

WATCH_S = 1.0


@dataclass(frozen=True)
class Options:
    state: Path
    secret: str
    rate: float
    seed: int
    instances: int
    # Path of a HAProxy to put in front; none: the fleet's own router is the edge.
    haproxy: str | None = None


def plan(options: Options) -> Layout:
    """The layout, with every port reserved from now on."""
    instances = tuple(
        Instance(service, track, index, held_port())
        for service in SERVICES
        for track in TRACKS
        for index in range(options.instances)
    )
    return Layout(
        seed=options.seed,
        rate=options.rate,
        secret=options.secret,
        router_port=held_port(),
        generator_port=held_port(),
        control_port=held_port(),
        pager_port=held_port(),
        instances=instances,
        balancer=(
            Balancer(options.haproxy, options.state.parent, held_port())
            if options.haproxy
            else None
        ),
    )


def state_of(layout: Layout, processes: Processes) -> dict[str, Any]:
    """What a reader of the state file needs; the secret is not part of it."""
    services = {
        service: {
            track: [f"{instance.url}/metrics" for instance in layout.of(service, track)]
            for track in TRACKS
        }
        for service in SERVICES
    }
    return {
        "edge": layout.edge_url,
        "edge_socket": str(layout.balancer.socket) if layout.balancer else None,
        "router": layout.router_url,
        "generator": url_of(layout.generator_port),
        "control": url_of(layout.control_port),
        "pager": url_of(layout.pager_port),
        "services": services,
        "calls": CALLS,
        "entry": ENTRY,
        "seed": layout.seed,
        "pids": processes.pids(),
    }


def write_state(path: Path, state: dict[str, Any]) -> None:
    """All or nothing: who waits for the file never reads half of it."""
    draft = path.with_name(path.name + ".part")
    draft.write_text(json.dumps(state, indent=2) + "\n")
    draft.replace(path)


async def _watch(processes: Processes, stop: asyncio.Event) -> str | None:
    """Until told to stop, or until a process is lost that nobody killed on purpose."""
    while not stop.is_set():
        if lost := processes.lost():
            return f"lost without being told to end: {', '.join(lost)}"
        try:
            await asyncio.wait_for(stop.wait(), WATCH_S)
        except TimeoutError:
            continue
    return None


async def _bring_up(layout: Layout, processes: Processes, control: Control) -> None:
    session = control.session
    if layout.balancer:
        processes.start_balancer(layout.balancer)
        await wait_healthy(session, layout.edge_url)
    for name in (ROUTER, PAGER, *(name_of(instance) for instance in layout.instances)):
        processes.start(name)
    urls = [layout.router_url, url_of(layout.pager_port), *(i.url for i in layout.instances)]
    await asyncio.gather(*(wait_healthy(session, url) for url in urls))
    # Visitors come last: a start is not an outage.
    processes.start(GENERATOR)
    await wait_healthy(session, url_of(layout.generator_port))
    await start(control_app(control), layout.control_port)


async def run(options: Options) -> str | None:
    """Run until a signal; the answer is None, or why the fleet ended by itself."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    layout = plan(options)
    processes = Processes(layout)
    try:
        async with new_session() as session:
            await _bring_up(layout, processes, Control(layout, processes, session))
            write_state(options.state, state_of(layout, processes))
            print(
                f"fleet up: {len(layout.instances)} instances behind {layout.edge_url}",
                flush=True,
            )
            return await _watch(processes, stop)
    finally:
        processes.kill_all()
