"""Starting and ending the fleet's processes, so that none outlives the one that started them."""

import asyncio
import ctypes
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess

import uvloop
from aiohttp import web

from demo.fleet.desk import desk_app
from demo.fleet.generator import generator_app
from demo.fleet.haproxy_config import config
from demo.fleet.layout import Balancer, Instance, Layout
from demo.fleet.pager import pager_app
from demo.fleet.router import router_app
from demo.fleet.service import service_app
from demo.fleet.serving import start

PR_SET_PDEATHSIG = 1
ROUTER, GENERATOR, PAGER, BALANCER = "router", "generator", "pager", "haproxy"


def die_with_parent(how: signal.Signals) -> None:
    """Whatever ends the parent, even SIGKILL, ends this process too."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(how))


def name_of(instance: Instance) -> str:
    return f"{instance.service}/{instance.track}/{instance.index}"


def _app_of(name: str, layout: Layout) -> tuple[web.Application, int]:
    if name == ROUTER and layout.balancer:
        return desk_app(layout, layout.balancer), layout.router_port
    if name == ROUTER:
        return router_app(layout), layout.router_port
    if name == GENERATOR:
        return generator_app(layout), layout.generator_port
    if name == PAGER:
        return pager_app(layout), layout.pager_port
    instance = next(i for i in layout.instances if name_of(i) == name)
    return service_app(instance, layout), instance.port


async def _serve_while(parent: int, app: web.Application, port: int) -> None:
    """The pipe to the supervisor closes when the supervisor ends, in whatever manner."""
    orphaned = asyncio.Event()
    asyncio.get_running_loop().add_reader(parent, orphaned.set)
    await start(app, port)
    await orphaned.wait()
    os._exit(1)  # at once: there is nobody left to hand anything over to


def _run_part(name: str, layout: Layout) -> None:
    # The parent by birth is the fork server; it lives as long as any of its children does.
    die_with_parent(signal.SIGKILL)
    supervisor = multiprocessing.parent_process()
    if supervisor is None:
        raise RuntimeError("a part of the fleet runs under its supervisor only")
    # Ctrl-C in a terminal reaches the whole group; the supervisor alone decides on the end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    uvloop.run(_serve_while(supervisor.sentinel, *_app_of(name, layout)))


class Program:
    """A HAProxy on the same leash, with the words of the processes beside it."""

    def __init__(self, balancer: Balancer, layout: Layout) -> None:
        balancer.config.write_text(config(layout, balancer))
        leash = [sys.executable, "-m", "demo.leash", str(os.getpid())]
        command = [balancer.program, "-db", "-f", str(balancer.config)]
        with balancer.log.open("ab") as said:
            self.process = subprocess.Popen(  # noqa: S603 - the operator's own HAProxy
                [*leash, *command],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                # Ctrl-C in a terminal reaches the whole group; the supervisor decides on the end.
                start_new_session=True,
            )
        self.pid = self.process.pid

    def is_alive(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> None:
        self.process.kill()

    def join(self) -> None:
        self.process.wait()


@dataclass
class Processes:
    """One preloaded fork server: an instance starts in milliseconds, not in a cold import."""

    layout: Layout
    running: dict[str, ForkServerProcess | Program] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.context = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload([__name__])

    def start_balancer(self, balancer: Balancer) -> None:
        self.running[BALANCER] = Program(balancer, self.layout)

    def start(self, name: str) -> None:
        process = self.context.Process(
            target=_run_part, args=(name, self.layout), name=name, daemon=True
        )
        process.start()
        self.running[name] = process

    def kill(self, names: Iterable[str]) -> None:
        ending = [self.running.pop(name) for name in list(names) if name in self.running]
        for process in ending:
            process.kill()
        for process in ending:
            process.join()

    def kill_all(self) -> None:
        self.kill(list(self.running))

    def lost(self) -> list[str]:
        """Those that ended without being told to."""
        return [name for name, process in self.running.items() if not process.is_alive()]

    def pids(self) -> list[int]:
        return [os.getpid(), *(p.pid for p in self.running.values() if p.pid is not None)]
