"""What the operators of the shop would write for Prometheus and Alertmanager. PURE."""

from collections.abc import Sequence
from typing import Any

import yaml

from demo.meter import SLOW_BUCKET

SCRAPE_INTERVAL_S = 5
ERRORS, SLOW = "ErrorShareHigh", "SlowShareHigh"
ALERTS = f"{ERRORS}|{SLOW}"
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
    """The shop's two alerting rules, on one service; without a service: no rule."""
    found = [_error_share(service), _slow_share(service)] if service else []
    return _yaml({"groups": [{"name": "shop", "rules": found}]})


def _error_share(service: str) -> dict[str, Any]:
    counter = "http_server_requests_total"
    errors, requests = _increase(counter, service, ',code=~"5.."'), _increase(counter, service)
    expression = f"{errors} / ({requests} > {FEWEST_REQUESTS}) > {FIRES_ABOVE}"
    return _rule(ERRORS, service, expression, "are errors")


def _slow_share(service: str) -> dict[str, Any]:
    metric = "http_server_request_duration_seconds"
    fast = _increase(f"{metric}_bucket", service, f',le="{SLOW_BUCKET}"')
    requests = _increase(f"{metric}_count", service)
    expression = f"1 - {fast} / ({requests} > {FEWEST_REQUESTS}) > {FIRES_ABOVE}"
    return _rule(SLOW, service, expression, "take longer than a second")


def _increase(metric: str, service: str, more: str = "") -> str:
    return f'sum(increase({metric}{{service_name="{service}"{more}}}[{WINDOW_S}s]))'


def _rule(alert: str, service: str, expression: str, words: str) -> dict[str, Any]:
    share = "{{ $value | humanizePercentage }}"
    return {
        "alert": alert,
        "expr": expression,
        "labels": {"service": service, "severity": "page"},
        "annotations": {"summary": f"{share} of {service}'s answers {words}"},
    }


def alertmanager(graygate: str, token_file: str) -> str:
    """The shop's alerts go to Graygate; what Graygate itself reports is held for on-call only."""
    graygate_receiver = {
        "url": f"{graygate}/api/v1/alerts",
        "send_resolved": True,
        "http_config": {"authorization": {"credentials_file": token_file}},
    }
    to_graygate = {
        "matchers": [f'alertname=~"{ALERTS}"'],
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
