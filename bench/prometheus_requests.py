"""How many requests, and how long, 1,000 guardrails take: `python -m bench.prometheus_requests`.

Starts a Prometheus (or, named as an argument, victoria-metrics) on a free port and one target.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

from django.conf import settings

from attribution.sources.base import Ask, SourceError
from attribution.sources.prometheus import PrometheusSource
from controlplane.environment import OperatorFile
from tests.integration.attribution.crowd import COHORTS, guardrails, names, show
from tests.integration.attribution.instance import Instance
from tests.integration.attribution.monitoring import Gateway, Monitor

LOOKS = 5


def queries(service: str) -> dict[str, str]:
    return {
        f"{one['name']}|{cohort}|{part}": one[part].replace("$cohort", matchers)
        for one in guardrails(service)
        for cohort, matchers in {**COHORTS, "all": ""}.items()
        for part in ("events", "total")
    }


def main(kind: str) -> None:
    settings.GRAYGATE_INTERVAL_S = 20.0
    target, states = Instance(), [{} for _ in names()]
    asked = [queries(name) for name in names()]
    with tempfile.TemporaryDirectory() as folder:
        show(target, 100, 1)
        monitor = Monitor(kind, Path(folder), [target.url], every_s=5)
        with monitor.process:
            gateway = Gateway(monitor.url)
            settings.OPERATOR = OperatorFile(sources={"main": {"url": gateway.url}})
            for look in range(1, LOOKS + 1):
                show(target, 100 + 10 * look, look)
                total = (100 + 10 * look) * len(names())
                monitor.shows('sum(db_total{track="canary"})', total)
                asks = [
                    Ask({"server": "main"}, one, state)
                    for one, state in zip(asked, states, strict=True)
                ]
                gateway.queries.clear()
                began = time.perf_counter()
                found = PrometheusSource().read_many(asks)
                took = time.perf_counter() - began
                failed = [one for one in found if isinstance(one, SourceError)]
                states = [{} if isinstance(one, SourceError) else one.state for one in found]
                print(
                    f"look {look}: {sum(map(len, asked))} queries in {len(gateway.queries)} "
                    f"requests, {took:.2f} s, {len(failed)} services not read"
                )
            gateway.close()
    target.close()


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")
    main(sys.argv[1] if len(sys.argv) > 1 else "prometheus")
