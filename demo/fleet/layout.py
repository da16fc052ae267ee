"""Who is in the fleet, and who calls whom."""

from dataclasses import dataclass

HOST = "127.0.0.1"
CALLS: dict[str, tuple[str, ...]] = {
    "frontend": ("catalog", "checkout"),
    "catalog": (),
    "checkout": ("stock",),
    "stock": (),
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

    @property
    def router_url(self) -> str:
        return url_of(self.router_port)

    def of(self, service: str, track: str) -> tuple[Instance, ...]:
        return tuple(i for i in self.instances if (i.service, i.track) == (service, track))
