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
    run(*routed, "--verify.receivers=graygate", f"alertname={monitoring.ALERT}")
    run(*routed, "--verify.receivers=on-call", "alertname=GraygateRolledBack")


# 60 requests a second of one instance; from the second minute on a third of them fail.
GOOD, BAD = "0+300x12 3600+200x12", "0+0x12 0+100x12"


def test_rule__errors_of_a_third__fires_within_three_scrapes_and_not_before(tmp_path):
    (tmp_path / "rules.yml").write_text(monitoring.rules("checkout"))
    series = [
        {"series": sample(code), "values": values} for code, values in (("200", GOOD), ("502", BAD))
    ]
    fired = {"service": "checkout", "severity": "page"}
    case = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": "5s",
        "tests": [
            {
                "interval": "5s",
                "input_series": series,
                "alert_rule_test": [
                    {"eval_time": "60s", "alertname": monitoring.ALERT, "exp_alerts": []},
                    {
                        "eval_time": "90s",
                        "alertname": monitoring.ALERT,
                        "exp_alerts": [
                            {
                                "exp_labels": fired,
                                "exp_annotations": {
                                    "summary": "33.33% of checkout's answers are errors"
                                },
                            }
                        ],
                    },
                ],
            }
        ],
    }
    (tmp_path / "test.yml").write_text(yaml.safe_dump(case))
    run(need("promtool", "prometheus"), "test", "rules", str(tmp_path / "test.yml"))


def sample(code):
    return f'http_server_requests_total{{service_name="checkout",code="{code}"}}'
