"""The alert rules for Graygate itself: they fire when told, on metrics that exist, with a page."""

import re
import subprocess

import pytest
import yaml

from attribution.clock import database_now
from attribution.models import Sample
from controlplane import metrics
from tests.factories import journey
from tests.integration.deploy.conftest import DEPLOY, ROOT
from tests.parts import need

FOLDER = DEPLOY / "prometheus"
RULES = yaml.safe_load((FOLDER / "graygate.rules.yml").read_text())
ALL = [rule for group in RULES["groups"] for rule in group["rules"]]
ALERTS = {rule["alert"]: rule for rule in ALL if "alert" in rule}
TESTS = yaml.safe_load((FOLDER / "graygate.rules.test.yml").read_text())


def promtool(*arguments):
    command = [need("promtool", "prometheus"), *arguments]
    return subprocess.run(
        command, cwd=FOLDER, capture_output=True, text=True, check=False, timeout=120
    )


@pytest.mark.parametrize(
    "command",
    [("check", "rules", "graygate.rules.yml"), ("test", "rules", "graygate.rules.test.yml")],
)
def test_rules__promtool__is_content(command):
    done = promtool(*command)
    assert done.returncode == 0, done.stdout + done.stderr


def test_rules__each_alert__is_seen_to_fire():
    fired = {
        case["alertname"]
        for test in TESTS["tests"]
        for case in test["alert_rule_test"]
        if case["exp_alerts"]
    }
    assert fired == set(ALERTS)


@pytest.mark.django_db
def test_rules__each_metric__is_exported():
    Sample.objects.create(service=journey("paused").service, at=database_now())
    exported = {
        sample.name for family in metrics.StateCollector().collect() for sample in family.samples
    }
    named = set(re.findall(r"\bgraygate_[a-z_]+", " ".join(rule["expr"] for rule in ALL)))
    assert named <= exported


def test_rules__recorded_names__are_recorded():
    recorded = {rule["record"] for rule in ALL if "record" in rule}
    used = set(re.findall(r"\bgraygate:[a-z_:]+", " ".join(r["expr"] for r in ALL)))
    assert used == recorded


@pytest.mark.parametrize("alert", ALERTS)
def test_alert__any__has_a_page_to_turn_to(alert):
    page, _, anchor = ALERTS[alert]["annotations"]["runbook_url"].partition("#")
    headings = re.findall(r"^#+ (.+)$", (ROOT / page).read_text(), re.MULTILINE)
    assert anchor in {heading.lower().replace(" ", "-") for heading in headings}
