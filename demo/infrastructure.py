"""What the story stands on: the fleet's own router and scrape, or the parts that its users have."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol, Self

from demo.api import Api
from demo.folder import Folder
from demo.pace import Pace
from demo.parts import Part
from demo.production import Production

Json = dict[str, Any]


class Edge(Protocol):
    """Who decides which version a request meets, asked without Graygate."""

    @property
    def name(self) -> str: ...

    def prepare(self, service: str, version: str) -> None:
        """As a CI would before it submits the change: the new version lies ready, unexposed."""

    def exposure(self, service: str, rollout: str) -> float: ...

    def exposure_log(self, service: str, rollout: str, since: float) -> list[Json]:
        """Every change of the exposure since then: at, exposure."""


class Alarm(Protocol):
    """The shop's own alerting on one service. It knows nothing of changes."""

    @property
    def firing(self) -> bool: ...

    def look(self) -> str:
        """What has changed since the last look, for the screen."""


class OnCall(Protocol):
    """Whom Graygate pages."""

    @property
    def name(self) -> str: ...

    def look(self) -> None:
        """Alerts come and go; the story looks once a second."""

    def told(self, change: str) -> list[str]:
        """What on-call was told of a change, in order."""

    def resolved(self, change: str) -> bool:
        """There was a page, and it is over."""


@dataclass(frozen=True)
class World:
    """Where the story acts, and where everything is read back from."""

    production: Production
    edge: Edge
    on_call: tuple[OnCall, ...]


class Infrastructure(Protocol):
    @property
    def pace(self) -> Pace: ...

    def slowed(self, factor: float) -> Self: ...

    @property
    def source(self) -> str:
        """Name of the metric source that guardrails and telemetry are read from."""

    def fleet_options(self) -> list[str]:
        """Of `python -m demo.fleet`."""

    def operator(self, fleet: Json, secret: str) -> Json:
        """What the operator's file says of where requests may go."""

    def service(self, name: str, fleet: Json) -> Json:
        """Source, executor and units of a service."""

    def monitoring(self, folder: Folder, fleet: Json) -> Iterator[Part]:
        """What watches the fleet, before there is a Graygate."""

    def alerting(self, folder: Folder, url: str, token: str) -> Iterator[Part]:
        """What carries alerts, to a Graygate at `url` as well."""

    def world(self, production: Production) -> World: ...

    def alarm(self, production: Production, api: Api, service: str) -> Alarm: ...
