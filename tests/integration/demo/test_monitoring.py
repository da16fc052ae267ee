"""What the shop's operators write for Prometheus and Alertmanager is what those understand."""

import subprocess

import pytest
import yaml

from demo import monitoring
from tests.parts import need


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("service", [None, "checkout"])
def test_prometheus__config_and_rule__are_accepted(tmp_path, service):
    (tmp_path / "rules.yml").write_text(monitoring.rules(service))
    config = tmp_path / "prometheus.yml"
    config.write_text(monitoring.prometheus(["127.0.0.1:1"], "127.0.0.1:2"))
    run(need("promtool", "prometheus"), "check", "config", str(config))


def test_alertmanager__config__is_accepted_and_sends_the_shops_alert_to_graygate(tmp_path):
    config = tmp_path / "alertmanager.yml"
    config.write_text(monitoring.alertmanager("http://127.0.0.1:1", str(tmp_path / "token")))
    amtool = need("amtool", "prometheus-alertmanager")
    run(amtool, "check-config", str(config))
    routed = [amtool, "config", "routes", "test", f"--config.file={config}"]
    for alert in (monitoring.ERRORS, monitoring.SLOW):
        run(*routed, "--verify.receivers=graygate", f"alertname={alert}")
    run(*routed, "--verify.receivers=on-call", "alertname=GraygateRolledBack")


# 60 requests a second of one instance; from the second minute on a third of them are bad.
GOOD, BAD, ALL = "0+300x12 3600+200x12", "0+0x12 0+100x12", "0+300x24"
ANSWERS = "http_server_requests_total"
TIMES = "http_server_request_duration_seconds"


@pytest.mark.parametrize(
    ("alert", "series", "words"),
    [
        (
            monitoring.ERRORS,
            {f"{ANSWERS},code=200": GOOD, f"{ANSWERS},code=502": BAD},
            "are errors",
        ),
        (
            monitoring.SLOW,
            {f"{TIMES}_bucket,le=1.0": GOOD, f"{TIMES}_count,track=stable": ALL},
            "take longer than a second",
        ),
    ],
)
def test_rule__bad_answers_of_a_third__fires_within_three_scrapes_and_not_before(
    tmp_path, alert, series, words
):
    (tmp_path / "rules.yml").write_text(monitoring.rules("checkout"))
    fired = {
        "exp_labels": {"service": "checkout", "severity": "page"},
        "exp_annotations": {"summary": f"33.33% of checkout's answers {words}"},
    }
    looks = [("60s", []), ("90s", [fired])]
    case = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": "5s",
        "tests": [
            {
                "interval": "5s",
                "input_series": [
                    {"series": sample(*name.split(",")), "values": values}
                    for name, values in series.items()
                ],
                "alert_rule_test": [
                    {"eval_time": at, "alertname": alert, "exp_alerts": expected}
                    for at, expected in looks
                ],
            }
        ],
    }
    (tmp_path / "test.yml").write_text(yaml.safe_dump(case))
    run(need("promtool", "prometheus"), "test", "rules", str(tmp_path / "test.yml"))


def sample(metric, label):
    name, _, value = label.partition("=")
    return f'{metric}{{service_name="checkout",{name}="{value}"}}'
