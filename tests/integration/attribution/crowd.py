"""Many services of one server: 1,000 guardrails on 250 services, for a test and a bench."""

from tests.integration.attribution.instance import Instance

SERVICES = 250
METRICS = ("http", "grpc", "jobs", "db")
COHORTS = {"canary": 'track="canary"', "control": 'track="old"'}


def guardrails(service: str) -> list[dict]:
    return [
        {
            "name": metric,
            "source": "prometheus",
            "kind": "ratio",
            "direction": "increase",
            "events": f'{metric}_total{{service="{service}",code=~"5..",$cohort}}',
            "total": f'{metric}_total{{service="{service}",$cohort}}',
        }
        for metric in METRICS
    ]


def names() -> list[str]:
    return [f"service-{number}" for number in range(SERVICES)]


def show(target: Instance, requests: int, errors: int) -> None:
    """Every service has so many of each metric: the canary's, and of the control ten times it."""
    target.page = "".join(
        f'{metric}_total{{service="{name}",track="{track}",code="{code}"}} {count * times}\n'
        for metric in METRICS
        for name in names()
        for track, times in (("canary", 1), ("old", 10))
        for code, count in (("200", requests - errors), ("500", errors))
    )
