"""Alerts in: a real Alertmanager tells the real API."""

import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from attribution.findings import attribute_due
from attribution.models import Alert, Anomaly, Finding
from controlplane.notify.postable import OWN_LABEL
from tests.factories import ServiceFactory, token_of
from tests.parts import need

from .alertmanager import PACKAGE, Alertmanager, until

pytestmark = pytest.mark.django_db(transaction=True)
DOCS = Path(__file__).resolve().parents[3] / "docs"


def alert(name, service="cart", ends=None, **labels):
    now = datetime.now(UTC)
    return {
        "labels": {"alertname": name, "service": service, **labels},
        "startsAt": (now - timedelta(seconds=30)).isoformat(),
        "endsAt": (ends or now + timedelta(hours=1)).isoformat(),
    }


def told_to(url, **options):
    token = token_of("submitter", scopes=["alert"])
    hook = {
        "url": f"{url}/api/v1/alerts",
        "http_config": {"authorization": {"credentials": token}},
        **options,
    }
    return {
        "route": {
            "receiver": "graygate",
            "group_by": ["cluster"],
            "group_wait": "500ms",
            "group_interval": "500ms",
            "repeat_interval": "1s",
        },
        "receivers": [{"name": "graygate", "webhook_configs": [hook]}],
    }


@pytest.fixture
def cart(db):
    return ServiceFactory(name="cart")


def test_alert__of_a_known_service__opens_an_anomaly_and_its_end_ends_it(
    tmp_path, live_server, cart
):
    am = Alertmanager(tmp_path, told_to(live_server.url))
    with am.process:
        am.post(alert("Errors"))
        anomaly = until(Anomaly.objects.first)
        assert (anomaly.service, anomaly.metric, anomaly.ended_at) == (cart, "Errors", None)
        am.post(alert("Errors", ends=datetime.now(UTC) - timedelta(seconds=1)))
        until(lambda: Anomaly.objects.filter(ended_at__isnull=False).exists())
    assert Anomaly.objects.count() == Alert.objects.count() == 1


def test_alert__of_graygates_own__comes_back_and_opens_nothing(tmp_path, live_server, cart):
    am = Alertmanager(tmp_path, told_to(live_server.url))
    with am.process:
        am.post(alert("GraygateRolledBack", **{OWN_LABEL: "graygate-rollout-r"}), alert("Errors"))
        until(Anomaly.objects.first)
    assert Alert.objects.get().labels["alertname"] == "Errors"
    assert Anomaly.objects.count() == 1


def test_alerts__cut_off_by_max_alerts__make_the_finding_incomplete(
    tmp_path, live_server, cart, client, django_user_model
):
    am = Alertmanager(tmp_path, told_to(live_server.url, max_alerts=1))
    with am.process:
        am.post(*(alert(name) for name in ("Errors", "Latency", "Saturation")))
        until(lambda: Alert.objects.filter(truncated=2).exists())
    assert attribute_due() == 1
    assert Finding.objects.get().incomplete == [
        "2 more alerts were cut off by Alertmanager: symptoms may be missing"
    ]


def test_docs__example_configuration__is_taken_by_alertmanager(tmp_path):
    page = (DOCS / "notify.md").read_text()
    [example] = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    (tmp_path / "alertmanager.yml").write_text(example)
    checked = subprocess.run(
        [need("amtool", PACKAGE), "check-config", "alertmanager.yml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        (["graygate_alert=k", "alertname=GraygateRolledBack", "service=cart"], "on-call"),
        (["alertname=Errors", "service=cart"], "graygate,on-call"),
        (["alertname=Watchdog"], "on-call"),
    ],
)
def test_docs__example_configuration__routes_each_alert_where_it_belongs(
    tmp_path, labels, receivers
):
    page = (DOCS / "notify.md").read_text()
    [example] = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert yaml.safe_load(example)["route"]
    (tmp_path / "alertmanager.yml").write_text(example)
    routed = subprocess.run(
        [
            *(need("amtool", PACKAGE), "config", "routes", "test"),
            *("--config.file=alertmanager.yml", *labels),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert routed.stdout.strip() == receivers
