"""The story with nothing to install: the fleet's own router, read by Graygate's own scrape."""

import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Self
from urllib.parse import urlencode

from demo.alert_rule import ERRORS, SLOW, AlertRule
from demo.api import Api
from demo.fleet.layout import UNITS
from demo.fleet.signing import signed_headers
from demo.folder import Folder
from demo.infrastructure import Json, World
from demo.pace import OWN, Pace
from demo.parts import Part
from demo.played import pages_of
from demo.production import Production


@dataclass(frozen=True)
class OwnParts:
    pace: Pace = OWN
    source: str = "scrape"

    def slowed(self, factor: float) -> Self:
        return replace(self, pace=self.pace.slowed(factor))

    def fleet_options(self) -> list[str]:
        return []

    def operator(self, fleet: Json, secret: str) -> Json:
        targets = {
            service: {"url": f"{fleet['router']}/targets/{service}", "secret": secret}
            for service in fleet["services"]
        }
        return {
            "targets": targets,
            "webhooks": [{"name": "pager", "url": fleet["pager"], "secret": secret}],
        }

    def service(self, name: str, fleet: Json) -> Json:
        urls = fleet["services"][name]
        return {
            "units": list(UNITS),
            "source": {"name": "scrape", "config": {"urls": urls["stable"] + urls["canary"]}},
            "executor": {"name": "http", "config": {"target": name}},
        }

    def monitoring(self, folder: Folder, fleet: Json) -> Iterator[Part]:
        del folder, fleet
        yield from ()

    def alerting(self, folder: Folder, url: str, token: str) -> Iterator[Part]:
        del folder, url, token
        yield from ()

    def world(self, production: Production) -> World:
        return World(production, RouterEdge(production), (Pager(production),))

    def alarm(self, production: Production, api: Api, service: str) -> "ToldByHand":
        rules = tuple(AlertRule(production, service, trouble) for trouble in (ERRORS, SLOW))
        return ToldByHand(rules, api)


@dataclass(frozen=True)
class RouterEdge:
    production: Production
    name: str = "router"

    def prepare(self, service: str, version: str) -> None:
        """Nothing: each declaration to the router names the version that it exposes."""

    def exposure(self, service: str, rollout: str) -> float:
        """Asked of the router directly, signed as an operator would."""
        url = f"/targets/{service}?{urlencode({'rollout': rollout})}"
        signed = signed_headers(self.production.secret, str(uuid.uuid4()), time.time(), b"")
        return float(self.production.ask("router", url, signed)["exposure"])

    def exposure_log(self, service: str, rollout: str, since: float) -> list[Json]:
        changes = self.production.stats()["changes"]
        mine = [c for c in changes if (c["service"], c["rollout"]) == (service, rollout)]
        return [change for change in mine if change["at"] >= since]


@dataclass(frozen=True)
class Pager:
    production: Production
    name: str = "on-call"

    def look(self) -> None:
        """It remembers by itself."""

    def told(self, change: str) -> list[str]:
        return pages_of(self.production.pages(), change)

    def resolved(self, change: str) -> bool:
        return {"rolled_back", "recovered"} <= set(self.told(change))


@dataclass(frozen=True)
class ToldByHand:
    """Without an Alertmanager the story itself carries the alert to Graygate."""

    rules: tuple[AlertRule, ...]
    api: Api

    @property
    def firing(self) -> bool:
        return any(rule.firing_since is not None for rule in self.rules)

    def look(self) -> str:
        return "; ".join(filter(None, map(self._carry, self.rules)))

    def _carry(self, rule: AlertRule) -> str:
        told = rule.evaluate()
        if told is None:
            return ""
        self.api.post("alerts", told, "submitter")
        return f"alert {told['status']}: {told['alerts'][0]['annotations']['summary']}"
