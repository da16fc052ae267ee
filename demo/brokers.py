"""A broker of the demo's own: Redis or RabbitMQ, in the demo's folder, on free ports."""

import os
import secrets
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from demo.fleet.layout import HOST
from demo.fleet.ports import held_port
from demo.folder import Folder
from demo.parts import Part
from demo.programs import MissingPartError, path_of

KINDS = ("files", "redis", "rabbitmq")
# The package's own scripts insist on its user; behind them lie those for everybody.
RABBITMQ = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")


@dataclass(frozen=True)
class Broker:
    """`files`: the transport that needs no server."""

    kind: str
    port: int = field(default_factory=held_port)
    password: str = field(default_factory=lambda: secrets.token_urlsafe(16))

    def environment(self) -> dict[str, str]:
        if self.kind == "redis":
            return {"CELERY_BROKER_URL": f"redis://:{self.password}@{HOST}:{self.port}/0"}
        if self.kind == "rabbitmq":
            # It trusts its guest from this machine only, and listens nowhere else.
            return {"CELERY_BROKER_URL": f"amqp://guest:guest@{HOST}:{self.port}//"}
        return {}

    def parts(self, folder: Folder) -> Iterator[Part]:
        if self.kind == "redis":
            yield self._redis(folder)
        if self.kind == "rabbitmq":
            yield from self._rabbitmq(folder)

    def _redis(self, folder: Folder) -> Part:
        home = folder.home("redis")
        config = home / "redis.conf"
        config.touch(mode=0o600)
        lines = [f"bind {HOST}", f"port {self.port}", f"dir {home}", 'save ""']
        config.write_text("\n".join([*lines, f"requirepass {self.password}", ""]))
        command = [needed("redis-server", "redis-server"), str(config)]
        return Part("redis", command, folder.log("redis"), os.environ, ready=self._listens)

    def _rabbitmq(self, folder: Folder) -> Iterator[Part]:
        """With an epmd of its own: the usual one would stay behind, and belong to nobody."""
        home, names = folder.home("rabbitmq"), held_port()
        program = needed(str(RABBITMQ), "rabbitmq-server")
        (home / "plugins").write_text("[].")
        values = os.environ | {
            "HOME": str(home),
            "ERL_EPMD_PORT": str(names),
            "ERL_EPMD_ADDRESS": HOST,
            "RABBITMQ_NODENAME": f"graygate{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": HOST,
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(held_port()),
            "RABBITMQ_MNESIA_BASE": str(home / "mnesia"),
            "RABBITMQ_LOG_BASE": str(home / "log"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "plugins"),
            "RABBITMQ_CONFIG_FILE": str(home / "none"),
            "RABBITMQ_CONF_ENV_FILE": str(home / "none"),
        }
        epmd = [needed("epmd", "erlang-base"), "-port", str(names), "-address", HOST]
        log = folder.log("rabbitmq")
        yield Part("epmd", epmd, log, values, ready=lambda: listens(names))
        yield Part("rabbitmq", [program], log, values, ready=self._listens)

    def _listens(self) -> bool:
        return listens(self.port)


def needed(program: str, package: str) -> str:
    if path := path_of(program):
        return path
    how = f"apt-get install -y --no-install-recommends {package}"
    raise MissingPartError(f"not here: {program} ({how})")


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0
