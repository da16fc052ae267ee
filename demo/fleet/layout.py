"""Who is in the fleet, and who calls whom."""

from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"
CALLS: dict[str, tuple[str, ...]] = {
    "frontend": ("catalog", "checkout"),
    "catalog": (),
    "checkout": ("stock", "payment"),
    "stock": (),
    "payment": (),
}
ENTRY = "frontend"
SERVICES = tuple(CALLS)
STABLE, CANARY = "stable", "canary"
TRACKS = (STABLE, CANARY)
UNITS = tuple(str(number) for number in range(100))
FIRST_VERSION = "1.0.0"


def url_of(port: int) -> str:
    return f"http://{HOST}:{port}"


@dataclass(frozen=True)
class Instance:
    service: str
    track: str
    index: int
    port: int

    @property
    def url(self) -> str:
        return url_of(self.port)


@dataclass(frozen=True)
class Balancer:
    program: str
    folder: Path
    port: int

    @property
    def url(self) -> str:
        return url_of(self.port)

    @property
    def config(self) -> Path:
        return self.folder / "haproxy.cfg"

    @property
    def log(self) -> Path:
        return self.folder / "haproxy.log"

    @property
    def socket(self) -> Path:
        """Where it takes orders and shows its statistics."""
        return self.folder / "haproxy.sock"


@dataclass(frozen=True)
class Layout:
    """Everything a process of the fleet has to know at its start."""

    seed: int
    rate: float
    secret: str
    router_port: int
    generator_port: int
    control_port: int
    pager_port: int
    instances: tuple[Instance, ...]
    # A HAProxy in front of everything; without one the router itself is the edge.
    balancer: Balancer | None = None

    @property
    def router_url(self) -> str:
        return url_of(self.router_port)

    @property
    def edge_url(self) -> str:
        """Where every call goes, of a visitor as of a service."""
        return self.balancer.url if self.balancer else self.router_url

    def of(self, service: str, track: str) -> tuple[Instance, ...]:
        return tuple(i for i in self.instances if (i.service, i.track) == (service, track))
