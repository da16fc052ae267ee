"""How each kind of fault is done to a production, and undone."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass

import psycopg
import redis

from tests.chaos import receiver
from tests.chaos.plan import Strike
from tests.chaos.postgres import Postgres
from tests.chaos.production import WORKERS, Production
from tests.chaos.units import Unit

# A request takes some tens of milliseconds: the kill comes within the first of them.
WITHIN_S = 0.06
MIDDLE_WITHIN_S = 2.0
UNDER_WAY = """SELECT 1 FROM rollout_placement
  WHERE generation > confirmed_generation AND lease_until > now() LIMIT 1"""


@dataclass(frozen=True)
class Struck:
    """A fault as it was."""

    kind: str
    began: float
    ended: float


def strike(production: Production, what: Strike, request: Callable[[], object]) -> Struck:
    """`request` begins something to be in the middle of, when the web is killed."""
    with production.turns[part_of(what)]:
        began = time.time()
        with FAULTS[what.kind](production, what, request):
            time.sleep(what.lasts)
        return Struck(what.kind, began, time.time())


def part_of(what: Strike) -> str:
    part = what.kind.split("_")[0]
    return worker(what) if part == "worker" else part


Fault = Callable[[Production, Strike, Callable[[], object]], AbstractContextManager[None]]


def killed(unit: Callable[[Strike], str]) -> Fault:
    def fault(p: Production, what: Strike, _r: object) -> AbstractContextManager[None]:
        one = p.units[unit(what)]
        if what.kind.startswith("worker"):
            in_the_middle(p.postgres)
        one.kill()
        return nullcontext()

    return fault


def in_the_middle(postgres: Postgres) -> None:
    """Until an order is written and its effect not yet seen, if that comes soon: there a call is
    on its way, or about to be.
    """
    until = time.monotonic() + MIDDLE_WITHIN_S
    with suppress(psycopg.Error), postgres.connected() as link:
        while time.monotonic() < until and not link.execute(UNDER_WAY).fetchone():
            time.sleep(0.002)


def stopped(unit: Callable[[Strike], str]) -> Fault:
    @contextmanager
    def fault(p: Production, what: Strike, _r: object) -> Iterator[None]:
        one = p.units[unit(what)]
        if what.kind.startswith("worker"):
            in_the_middle(p.postgres)
        one.stop()
        try:
            yield
        finally:
            one.go_on()

    return fault


def down(name: str) -> Fault:
    @contextmanager
    def fault(p: Production, _w: Strike, _r: object) -> Iterator[None]:
        one: Unit = p.units[name]
        one.held = True
        one.kill()
        try:
            yield
        finally:
            one.held = False

    return fault


def of_receiver(mood: str) -> Fault:
    @contextmanager
    def fault(p: Production, _w: Strike, _r: object) -> Iterator[None]:
        p.receiver.be(mood)
        try:
            yield
        finally:
            p.receiver.be(receiver.TAKES)

    return fault


def web_killed(
    p: Production, what: Strike, request: Callable[[], object]
) -> AbstractContextManager[None]:
    request()
    time.sleep(what.where * WITHIN_S)
    p.units["web"].kill()
    return nullcontext()


def flushed(p: Production, _w: Strike, _r: object) -> AbstractContextManager[None]:
    # One that is down at this moment has nothing to lose.
    with suppress(redis.RedisError):
        p.redis.flushall()
    return nullcontext()


def crashed(p: Production, _w: Strike, _r: object) -> AbstractContextManager[None]:
    p.postgres.crash()
    return nullcontext()


@contextmanager
def deaf(p: Production, _w: Strike, _r: object) -> Iterator[None]:
    p.balancer.hide()
    try:
        yield
    finally:
        p.balancer.show()


@contextmanager
def full(p: Production, _w: Strike, _r: object) -> Iterator[None]:
    p.postgres.fill_disk()
    try:
        yield
    finally:
        p.postgres.empty_disk()


def worker(what: Strike) -> str:
    return WORKERS[int(what.where * len(WORKERS))]


FAULTS: dict[str, Fault] = {
    "worker_killed": killed(worker),
    "worker_stopped": stopped(worker),
    "beat_killed": killed(lambda _: "beat"),
    "web_killed": web_killed,
    "broker_flushed": flushed,
    "broker_down": down("redis-server"),
    "postgres_crashed": crashed,
    "source_stopped": stopped(lambda _: "prometheus"),
    "source_gone": down("prometheus"),
    "source_lost": down("prometheus"),
    "balancer_deaf": deaf,
    "balancer_stopped": stopped(lambda _: "haproxy"),
    "receiver_refuses": of_receiver(receiver.REFUSES),
    "receiver_hangs": of_receiver(receiver.HANGS),
    "receiver_down": of_receiver(receiver.DOWN),
    "disk_full": full,
}
