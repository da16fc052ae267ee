"""Brokers of the tests' own: a server each, so that it may be flushed, stopped and killed."""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import redis

from tests.parts import Process, free_port, need

# The package's own scripts insist on being the user rabbitmq; behind them is one for everybody.
RABBITMQ_SCRIPTS = Path("/usr/lib/rabbitmq/bin")
PASSWORD = "hunter2"


class Broker(Protocol):
    url: str

    def go(self) -> None: ...
    def come(self) -> None: ...


class Redis:
    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"redis://:{PASSWORD}@127.0.0.1:{self.port}/0"
        argv = [need("redis-server", "redis-server"), "--port", str(self.port)]
        argv += ["--bind", "127.0.0.1", "--save", "", "--requirepass", PASSWORD]
        self.process = Process(argv, folder, self._answers, name="redis")

    def client(self) -> redis.Redis:
        return redis.Redis(port=self.port, password=PASSWORD)

    def come(self) -> None:
        self.process.__enter__()

    def go(self) -> None:
        self.process.end(signal.SIGKILL)

    def _answers(self) -> bool:
        try:
            return bool(self.client().ping())
        except redis.ConnectionError:
            return False


class RabbitMQ:
    """A node with an epmd of its own; `go` and `come` stop and start the broker inside it."""

    def __init__(self, folder: Path) -> None:
        need("rabbitmq-server", "rabbitmq-server")
        self.folder, self.port, self.epmd_port = folder, free_port(), free_port()
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}//"
        (folder / "plugins").write_text("[].")
        self.environment = os.environ | {
            "HOME": str(folder),
            "ERL_EPMD_PORT": str(self.epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"graygate{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_CONFIG_FILE": str(folder / "none"),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "none"),
        }
        epmd = [need("epmd", "erlang-base"), "-port", str(self.epmd_port), "-address", "127.0.0.1"]
        self.epmd = Process(epmd, folder, lambda: listens(self.epmd_port), self.environment)
        node = [str(RABBITMQ_SCRIPTS / "rabbitmq-server")]
        self.node = Process(node, folder, self._is_up, self.environment)

    def control(self, *command: str) -> None:
        argv = [RABBITMQ_SCRIPTS / "rabbitmqctl", *command]
        subprocess.run(argv, env=self.environment, check=True, capture_output=True, timeout=300)

    def come(self) -> None:
        self.control("start_app")

    def go(self) -> None:
        self.control("stop_app")

    def _is_up(self) -> bool:
        return listens(self.port)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def own_redis(folder: Path) -> Iterator[Redis]:
    broker = Redis(folder)
    with broker.process:
        yield broker


@contextmanager
def own_rabbitmq(folder: Path) -> Iterator[RabbitMQ]:
    broker = RabbitMQ(folder)
    with broker.epmd, broker.node:
        yield broker
