"""What is read of one service: its guardrails, and what attribution may look at. PURE."""

from dataclasses import dataclass
from typing import Any

from demo.fleet.layout import CALLS

# Far above what a busy machine of two cores adds to an answer.
SLOW_BUCKET = "1.0"
# Absolute shares that are no harm yet. At 20 requests a second the first of them decides how soon
# 5% errors are proved (and how soon a healthy canary is cleared).
TOLERATED_ERRORS, TOLERATED_SLOW = 0.015, 0.02


@dataclass(frozen=True)
class Meter:
    service: str
    # The metric source that answers: its queries are the same everywhere.
    source: str

    def guardrails(self) -> list[dict[str, Any]]:
        """What every guarded change of the story is judged by."""
        return [self.errors("errors", "http_server_requests_total"), self.fast("fast", "server")]

    def telemetry(self) -> list[dict[str, Any]]:
        """Guarded or not: own requests, and the calls to each callee."""
        entries = [
            self.errors("server_errors", "http_server_requests_total"),
            self.fast("server_fast", "server"),
        ]
        for peer in CALLS[self.service]:
            cohorts = {"canary": 'peer_track="canary"', "control": 'peer_track="stable"'}
            seen = {"peer": peer, "cohorts": cohorts}
            called = f'peer="{peer}",'
            entries += [
                self.errors(f"errors_to_{peer}", "http_client_requests_total", called) | seen,
                self.fast(f"fast_to_{peer}", "client", called) | seen,
            ]
        return entries

    def errors(self, name: str, counter: str, more: str = "") -> dict[str, Any]:
        return self._ratio(
            name,
            events=self._of(counter, more + 'code=~"5..",'),
            total=self._of(counter, more),
            direction="increase",
            margin_abs=TOLERATED_ERRORS,
        )

    def fast(self, name: str, side: str, more: str = "") -> dict[str, Any]:
        metric = f"http_{side}_request_duration_seconds"
        return self._ratio(
            name,
            events=self._of(f"{metric}_bucket", more + f'le="{SLOW_BUCKET}",'),
            total=self._of(f"{metric}_count", more),
            direction="decrease",
            margin_abs=TOLERATED_SLOW,
        )

    def _of(self, metric: str, more: str) -> str:
        """A server of metrics knows every service: each query names its own."""
        return f'{metric}{{service_name="{self.service}",{more}$cohort}}'

    def _ratio(self, name: str, **more: Any) -> dict[str, Any]:
        fixed = {"source": self.source, "kind": "ratio", "margin": 0.1, "critical": True}
        return {"name": name, **fixed, **more}
