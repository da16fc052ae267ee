"""A/A on the demo's fleet: `python bench/judge_fleet.py [MINUTES] [SEED]`, 30 minutes unless said.

Real processes behind the fleet's own router, 60 visitors a second. Every service has a third of its
units on instances of a canary that is the same version. Each second every instance is scraped; then
each service's windows of 60 seconds, one after the other, are judged after each second as a rollout
of its own: errors, answers within a second, and the distribution of the latencies, by unit, with
the four minutes before as history. Whatever fails is a false alarm. It takes the time that it
measures, and more than one busy neighbour on the machine would be measured too.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import requests
from judge_print import header, line, upper
from prometheus_client.parser import text_string_to_metric_families

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from attribution.judge import judge
from demo.fleet.layout import CANARY, TRACKS
from demo.fleet.signing import signed_headers
from demo.folder import new_secret

ROOT = Path(__file__).resolve().parent.parent
LOOKS, HISTORY, INTERVAL_S = 60, 240, 1.0
MINUTES, SEED, RATE = 30, 1, 60
EXPOSED = [str(unit) for unit in range(33)]
PATIENCE_S = 60
WITHIN = "1.0"
Json = dict[str, Any]
Counters = dict[str, float]  # of one instance at one moment


def start(folder: Path, seed: int, secret: str) -> tuple[subprocess.Popen[bytes], Json]:
    state = folder / "fleet.json"
    command = [sys.executable, "-m", "demo.fleet", "--state", str(state)]
    fleet = subprocess.Popen(  # noqa: S603 - our own
        [*command, "--rate", str(RATE), "--seed", str(seed)],
        cwd=ROOT,
        env=os.environ | {"GRAYGATE_FLEET_SECRET": secret},
    )
    until = time.monotonic() + PATIENCE_S
    while not state.exists():
        if time.monotonic() > until or fleet.poll() is not None:
            raise SystemExit("the fleet did not come up")
        time.sleep(0.1)
    return fleet, json.loads(state.read_text())


def expose(state: Json, service: str, secret: str) -> None:
    body = json.dumps(
        {
            "target": service,
            "rollout": "a-a",
            "key": "a-a",
            "generation": 1,
            "exposure": len(EXPOSED) / 100,
            "units": EXPOSED,
        }
    ).encode()
    headers = signed_headers(secret, str(uuid.uuid4()), time.time(), body)
    url = f"{state['router']}/targets/{service}"
    requests.put(url, data=body, headers=headers, timeout=10).raise_for_status()


def counters(text: str) -> Counters:
    """Requests by outcome, and the cumulative buckets of their time."""
    found: Counters = defaultdict(float)
    for metric in text_string_to_metric_families(text):
        for sample in metric.samples:
            if sample.name == "http_server_requests_total":
                found["total"] += sample.value
                found["errors"] += sample.value * sample.labels["code"].startswith("5")
            elif sample.name == "http_server_request_duration_seconds_bucket":
                found[sample.labels["le"]] += sample.value
    return found


def record(state: Json, seconds: int) -> dict[tuple[str, str], list[list[Counters]]]:
    """By service and track: of each instance, its counters each second."""
    urls = {
        (service, track): state["services"][service][track]
        for service in state["services"]
        for track in TRACKS
    }
    seen = {key: [[] for _ in instances] for key, instances in urls.items()}
    due = time.monotonic()
    with requests.Session() as session:
        for _ in range(seconds):
            due += INTERVAL_S
            time.sleep(max(0.0, due - time.monotonic()))
            for key, instances in urls.items():
                for place, url in enumerate(instances):
                    seen[key][place].append(counters(session.get(url, timeout=10).text))
    return seen


def increments(moments: list[Counters], name: str) -> list[float]:
    return [now[name] - then[name] for then, now in pairwise(moments)]


def pairs(moments: list[Counters], events: str, total: str) -> list[list[float] | None]:
    both = zip(increments(moments, events), increments(moments, total), strict=True)
    return [[part, whole] if whole > 0 else None for part, whole in both]


def buckets(moments: list[Counters]) -> Json:
    bounds = sorted((name for name in moments[0] if name[0].isdigit()), key=float)
    cumulative = [increments(moments, name) for name in (*bounds, "+Inf")]
    counts = [
        [high - low for low, high in zip((0.0, *row), row, strict=False)]
        for row in zip(*cumulative, strict=True)
    ]
    return {"bounds": [float(bound) for bound in bounds], "counts": counts}


READ = {
    "errors": lambda moments: pairs(moments, "errors", "total"),
    "fast": lambda moments: pairs(moments, WITHIN, "+Inf"),
    "latency": buckets,
}
TERMS = {
    "errors": {"kind": "ratio", "direction": "increase"},
    "fast": {"kind": "ratio", "direction": "decrease"},
    "latency": {"kind": "distribution", "direction": "increase"},
}


def cases(tracks: dict[str, list[list[Counters]]]) -> Iterator[Json]:
    """Windows of one service, one after the other."""
    length = len(tracks[CANARY][0]) - 1
    for begin in range(HISTORY, length - LOOKS + 1, LOOKS):
        metrics = []
        for name, read in READ.items():
            cohort = {
                track: {
                    part: {str(unit): read(moments[low : high + 1]) for unit, moments in units}
                    for part, low, high in (
                        ("now", begin, begin + LOOKS),
                        ("past", begin - HISTORY, begin),
                    )
                }
                for track, units in ((t, list(enumerate(tracks[t]))) for t in TRACKS)
            }
            stable = next(track for track in TRACKS if track != CANARY)
            metrics.append(
                {
                    "name": name,
                    **TERMS[name],
                    "canary": cohort[CANARY]["now"],
                    "control": cohort[stable]["now"],
                    "history": {
                        "canary": cohort[CANARY]["past"],
                        "control": cohort[stable]["past"],
                    },
                }
            )
        yield {"id": begin, "interval_s": INTERVAL_S, "metrics": metrics}


def main() -> None:
    given = [int(each) for each in sys.argv[1:3]]
    minutes, seed = [*given, *(MINUTES, SEED)[len(given) :]]
    secret = new_secret()
    with tempfile.TemporaryDirectory() as folder:
        fleet, state = start(Path(folder), seed, secret)
        try:
            for service in state["services"]:
                expose(state, service, secret)
            seen = record(state, minutes * 60)
        finally:
            fleet.terminate()
            fleet.wait(PATIENCE_S)
    header(("service", "windows", "ever failed", "passed"))
    failed = judged = 0
    for service in state["services"]:
        answers = [judge(case) for case in cases({t: seen[service, t] for t in TRACKS})]
        alarms = sum(answer["verdict"] == "fail" for answer in answers)
        passed = sum(answer["verdict"] == "pass" for answer in answers)
        failed, judged = failed + alarms, judged + len(answers)
        print(line([service, f"{len(answers)}", f"{alarms}", f"{passed}"]))
    print(f"\never failed {failed} of {judged}, at most {upper(failed, judged):.4f} (95%)")


if __name__ == "__main__":
    main()
