"""The story on what its users have: HAProxy at the edge, Prometheus, Alertmanager."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

import requests

from demo import monitoring
from demo.api import Api
from demo.fleet.layout import HOST, SERVICES, url_of
from demo.fleet.ports import held_port
from demo.folder import Folder
from demo.infrastructure import Json, World
from demo.own import Pager
from demo.pace import REAL, Pace
from demo.parts import Part
from demo.production import Production

TIMEOUT_S = 10


@dataclass
class RealParts:
    # By shown name: HAProxy, Prometheus, Alertmanager.
    programs: Mapping[str, str]
    pace: Pace = REAL
    source: str = "prometheus"
    prometheus_port: int = field(default_factory=held_port)
    alertmanager_port: int = field(default_factory=held_port)
    rules: Path = Path()

    @property
    def prometheus(self) -> str:
        return url_of(self.prometheus_port)

    @property
    def alertmanager(self) -> str:
        return url_of(self.alertmanager_port)

    def slowed(self, factor: float) -> Self:
        return replace(self, pace=self.pace.slowed(factor))

    def fleet_options(self) -> list[str]:
        return ["--haproxy", self.programs["HAProxy"]]

    def operator(self, fleet: Json, secret: str) -> Json:
        targets = {
            service: {
                "executor": "haproxy",
                "address": fleet["edge_socket"],
                "backend": service,
                "canary": [f"c{place}" for place in range(len(urls["canary"]))],
            }
            for service, urls in fleet["services"].items()
        }
        alertmanager = {
            "name": "alertmanager",
            "notifier": "alertmanager",
            "url": self.alertmanager,
        }
        return {
            "targets": targets,
            "sources": {"main": {"url": self.prometheus}},
            "webhooks": [{"name": "pager", "url": fleet["pager"], "secret": secret}, alertmanager],
        }

    def service(self, name: str, fleet: Json) -> Json:
        """No units: a weight exposes a share of the requests, of whomever they are."""
        del fleet
        return {
            "source": {"name": "prometheus", "config": {"server": "main"}},
            "executor": {"name": "haproxy", "config": {"target": name}},
        }

    def monitoring(self, folder: Folder, fleet: Json) -> Iterator[Part]:
        home = folder.home("prometheus")
        self.rules = home / "rules.yml"
        self.rules.write_text(monitoring.rules(None))
        config = monitoring.prometheus(_targets(fleet), f"{HOST}:{self.alertmanager_port}")
        (home / "prometheus.yml").write_text(config)
        command = [
            self.programs["Prometheus"],
            f"--config.file={home / 'prometheus.yml'}",
            f"--storage.tsdb.path={home / 'data'}",
            f"--web.listen-address={HOST}:{self.prometheus_port}",
            # To take a new rule at once. For some seconds after that it knows no Alertmanager and
            # drops what fires: by default it would say it again after a minute only.
            "--web.enable-lifecycle",
            f"--rules.alert.resend-delay={monitoring.SCRAPE_INTERVAL_S}s",
            "--log.level=warn",
        ]
        log = folder.log("prometheus")
        yield Part("prometheus", command, log, {}, ready=_answers(f"{self.prometheus}/-/ready"))

    def alerting(self, folder: Folder, url: str, token: str) -> Iterator[Part]:
        home = folder.home("alertmanager")
        secret = home / "token"
        secret.touch(mode=0o600)
        secret.write_text(token)
        (home / "alertmanager.yml").write_text(monitoring.alertmanager(url, str(secret)))
        command = [
            self.programs["Alertmanager"],
            f"--config.file={home / 'alertmanager.yml'}",
            f"--storage.path={home / 'data'}",
            f"--web.listen-address={HOST}:{self.alertmanager_port}",
            # One alone: no cluster, no port for it.
            "--cluster.listen-address=",
            "--log.level=warn",
        ]
        log = folder.log("alertmanager")
        yield Part("alertmanager", command, log, {}, ready=_answers(f"{self.alertmanager}/-/ready"))

    def world(self, production: Production) -> World:
        on_call = (Pager(production), HeldAlerts(self.alertmanager))
        return World(production, HAProxyEdge(production), on_call)

    def alarm(self, production: Production, api: Api, service: str) -> "PrometheusAlarm":
        del production, api
        return PrometheusAlarm(self.prometheus, self.alertmanager, self.rules, service)


def _targets(fleet: Json) -> list[str]:
    urls = [url for s in SERVICES for track in fleet["services"][s].values() for url in track]
    return [url.removeprefix("http://").removesuffix("/metrics") for url in urls]


def _answers(url: str) -> Callable[[], bool]:
    def ready() -> bool:
        try:
            return requests.get(url, timeout=TIMEOUT_S).ok
        except requests.RequestException:
            return False

    return ready


@dataclass(frozen=True)
class HAProxyEdge:
    """Exposure is what HAProxy's own statistics say: it knows services, and nothing of rollouts."""

    production: Production
    name: str = "HAProxy"

    def prepare(self, service: str, version: str) -> None:
        self.production.install(service, version)

    def exposure(self, service: str, rollout: str) -> float:
        del rollout
        return float(self.production.stats()["exposure"][service])

    def exposure_log(self, service: str, rollout: str, since: float) -> list[Json]:
        del rollout
        changes = self.production.stats()["changes"]
        return [c for c in changes if c["service"] == service and c["at"] >= since]


@dataclass
class HeldAlerts:
    """What Alertmanager holds of Graygate's, look by look: it forgets what has resolved."""

    url: str
    name: str = "Alertmanager"
    held: dict[str, list[str]] = field(default_factory=dict)
    firing: frozenset[str] = frozenset()

    def look(self) -> None:
        now: dict[str, list[str]] = {}
        for alert in alerts_of(self.url):
            if change := alert["annotations"].get("change"):
                now.setdefault(change, []).append(alert["labels"]["alertname"])
        self.firing = frozenset(now)
        for change, names in now.items():
            known = self.held.setdefault(change, [])
            known += [name for name in names if name not in known]

    def told(self, change: str) -> list[str]:
        return self.held.get(change, [])

    def resolved(self, change: str) -> bool:
        return change in self.held and change not in self.firing


def alerts_of(url: str, **filters: str) -> list[Json]:
    """Those that fire now."""
    answer = requests.get(f"{url}/api/v2/alerts", params=filters, timeout=TIMEOUT_S)
    answer.raise_for_status()
    found: list[Json] = answer.json()
    return found


@dataclass
class PrometheusAlarm:
    """Prometheus finds the symptom, Alertmanager tells Graygate; the story only looks on."""

    prometheus: str
    alertmanager: str
    rules: Path
    service: str
    summary: str = ""
    firing: bool = False

    def __post_init__(self) -> None:
        self.rules.write_text(monitoring.rules(self.service))
        requests.post(f"{self.prometheus}/-/reload", timeout=TIMEOUT_S).raise_for_status()

    def look(self) -> str:
        found = alerts_of(self.alertmanager, filter=f'alertname=~"{monitoring.ALERTS}"')
        was, self.firing = self.firing, bool(found)
        if found and not was:
            return f"alert firing: {found[0]['annotations']['summary']}"
        return "alert resolved" if was and not found else ""
