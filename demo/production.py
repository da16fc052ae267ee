"""Reads the fleet itself: what its router, generator and pager say, whatever Graygate believes."""

import time
import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import requests

from demo.fleet.signing import signed_headers

TIMEOUT_S = 15


@dataclass(frozen=True)
class Production:
    state: dict[str, Any]
    secret: str

    def stats(self) -> dict[str, Any]:
        stats: dict[str, Any] = self._get(self.state["router"] + "/stats")
        return stats

    def exposure(self, service: str, rollout: str) -> float:
        """Asked of the router directly, signed as an operator would."""
        url = f"{self.state['router']}/targets/{service}?{urlencode({'rollout': rollout})}"
        headers = signed_headers(self.secret, str(uuid.uuid4()), time.time(), b"")
        answer = requests.get(url, headers=headers, timeout=TIMEOUT_S)
        answer.raise_for_status()
        return float(answer.json()["exposure"])

    def exposure_log(self, service: str, rollout: str) -> list[dict[str, Any]]:
        changes = self.stats()["changes"]
        return [c for c in changes if (c["service"], c["rollout"]) == (service, rollout)]

    def report(self, section: str) -> dict[str, Any]:
        query = urlencode({"section": section})
        report: dict[str, Any] = self._get(f"{self.state['generator']}/report?{query}")
        return report

    def mark(self, section: str) -> None:
        self._send("POST", self.state["generator"] + "/mark", {"name": section})

    def pages(self) -> list[dict[str, Any]]:
        pages: list[dict[str, Any]] = self._get(self.state["pager"] + "/pages")["pages"]
        return pages

    def pager_fails(self, times: int) -> None:
        self._send("POST", self.state["pager"] + "/fail", {"times": times})

    def inject(self, service: str, fault: dict[str, Any]) -> None:
        self._send("PUT", f"{self.state['control']}/faults/{service}/canary", fault)

    def settle(self, service: str, version: str | None) -> None:
        body = {"version": version} if version else {}
        self._send("POST", f"{self.state['control']}/settle/{service}", body)

    def metrics(self, service: str, track: str) -> list[str]:
        """The text of every instance that answers."""
        texts = []
        for url in self.state["services"][service][track]:
            try:
                texts.append(requests.get(url, timeout=2).text)
            except requests.RequestException:
                continue
        return texts

    def _get(self, url: str) -> Any:
        answer = requests.get(url, timeout=TIMEOUT_S)
        answer.raise_for_status()
        return answer.json()

    def _send(self, method: str, url: str, body: dict[str, Any]) -> None:
        requests.request(method, url, json=body, timeout=TIMEOUT_S).raise_for_status()
