"""The story through the parts that its users have, each a process of its own, none of them faked.

HAProxy, Prometheus, Alertmanager, a broker, PostgreSQL, two web processes, two workers, beat. More
seeds: `python bench/story_seeds.py 20 24 -- --real yes --broker rabbitmq --processes 2`.
"""

import pytest

from tests.e2e.playing import left_behind, play
from tests.parts import need

pytestmark = pytest.mark.e2e

STORY_S = 900
PARTS = {
    "haproxy": "haproxy",
    "prometheus": "prometheus",
    "prometheus-alertmanager": "prometheus-alertmanager",
}
BROKERS = {"redis": "redis-server", "rabbitmq": "rabbitmq-server"}


# Of each seed the culprit of round one fails 5% of its answers: the slowest to prove.
@pytest.mark.parametrize(("broker", "seed"), [("redis", 20), ("rabbitmq", 23)])
def test_real_story__two_of_each__ends_as_told(tmp_path, broker, seed):
    for program, package in {**PARTS, BROKERS[broker]: BROKERS[broker]}.items():
        need(program, package)
    options = ["--real", "yes", "--broker", broker, "--processes", "2"]
    done = play(tmp_path / "var", *options, seed=seed, timeout=STORY_S)
    assert done.returncode == 0
    assert "HAProxy exposes 0%" in done.stdout
    assert "Alertmanager was paged, and it resolved" in done.stdout
    assert (tmp_path / "var" / "worker2.log").exists()
    assert left_behind(tmp_path / "var") == []
