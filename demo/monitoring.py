"""What the operators of the shop would write for Prometheus and Alertmanager. PURE."""

from collections.abc import Sequence
from typing import Any

import yaml

SCRAPE_INTERVAL_S = 5
ALERT = "ErrorShareHigh"
# Three scrapes: a share of fewer would jump with every answer.
WINDOW_S = 3 * SCRAPE_INTERVAL_S
FIRES_ABOVE = 0.03
FEWEST_REQUESTS = 100


def prometheus(targets: Sequence[str], alertmanager: str) -> str:
    """Instances name their service, track and version themselves."""
    return _yaml(
        {
            "global": {
                "scrape_interval": f"{SCRAPE_INTERVAL_S}s",
                "scrape_timeout": f"{SCRAPE_INTERVAL_S}s",
                "evaluation_interval": f"{SCRAPE_INTERVAL_S}s",
            },
            "rule_files": ["rules.yml"],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]},
            "scrape_configs": [
                {"job_name": "shop", "static_configs": [{"targets": list(targets)}]},
            ],
        }
    )


def rules(service: str | None) -> str:
    """The shop's one alerting rule, on one service; without a service: no rule."""
    found = [_error_share(service)] if service else []
    return _yaml({"groups": [{"name": "shop", "rules": found}]})


def _error_share(service: str) -> dict[str, Any]:
    def increase(more: str = "") -> str:
        series = f'http_server_requests_total{{service_name="{service}"{more}}}'
        return f"sum(increase({series}[{WINDOW_S}s]))"

    errors, requests = increase(',code=~"5.."'), increase()
    return {
        "alert": ALERT,
        "expr": f"{errors} / ({requests} > {FEWEST_REQUESTS}) > {FIRES_ABOVE}",
        "labels": {"service": service, "severity": "page"},
        "annotations": {
            "summary": f"{{{{ $value | humanizePercentage }}}} of {service}'s answers are errors"
        },
    }


def alertmanager(graygate: str, token_file: str) -> str:
    """The shop's alerts go to Graygate; what Graygate itself reports is held for on-call only."""
    graygate_receiver = {
        "url": f"{graygate}/api/v1/alerts",
        "send_resolved": True,
        "http_config": {"authorization": {"credentials_file": token_file}},
    }
    to_graygate = {
        "matchers": [f'alertname="{ALERT}"'],
        "receiver": "graygate",
        "group_by": ["service"],
        "group_wait": "0s",
        "group_interval": "5s",
    }
    return _yaml(
        {
            "route": {"receiver": "on-call", "routes": [to_graygate]},
            "receivers": [
                {"name": "on-call"},
                {"name": "graygate", "webhook_configs": [graygate_receiver]},
            ],
        }
    )


def _yaml(content: dict[str, Any]) -> str:
    return str(yaml.safe_dump(content, sort_keys=False))
