"""Reads the fleet itself: what its router, generator and pager say, whatever Graygate believes."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import requests

TIMEOUT_S = 15


@dataclass(frozen=True)
class Production:
    state: dict[str, Any]
    secret: str

    def stats(self) -> dict[str, Any]:
        """Of whatever stands at the edge."""
        stats: dict[str, Any] = self.ask("router", "/stats")
        return stats

    def report(self, section: str) -> dict[str, Any]:
        query = urlencode({"section": section})
        report: dict[str, Any] = self.ask("generator", f"/report?{query}")
        return report

    def mark(self, section: str) -> None:
        self._send("POST", self.state["generator"] + "/mark", {"name": section})

    def let_in(self, rate: float) -> None:
        """Visitors a second, from now on."""
        self._send("PUT", self.state["generator"] + "/rate", {"rate": rate})

    def pages(self) -> list[dict[str, Any]]:
        pages: list[dict[str, Any]] = self.ask("pager", "/pages")["pages"]
        return pages

    def pager_fails(self, times: int) -> None:
        self._send("POST", self.state["pager"] + "/fail", {"times": times})

    def inject(self, service: str, fault: dict[str, Any]) -> None:
        self._send("PUT", f"{self.state['control']}/faults/{service}/canary", fault)

    def install(self, service: str, version: str) -> None:
        self._send("POST", f"{self.state['control']}/install/{service}", {"version": version})

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

    def ask(self, whom: str, path: str, headers: dict[str, str] | None = None) -> Any:
        """`whom` is a key of the fleet's state."""
        answer = requests.get(self.state[whom] + path, headers=headers, timeout=TIMEOUT_S)
        answer.raise_for_status()
        return answer.json()

    def _send(self, method: str, url: str, body: dict[str, Any]) -> None:
        requests.request(method, url, json=body, timeout=TIMEOUT_S).raise_for_status()
