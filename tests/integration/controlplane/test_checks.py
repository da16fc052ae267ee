import pytest

from controlplane import checks
from controlplane.checks import check_graygate
from controlplane.environment import OperatorFile
from tests.integration.controlplane.conftest import SECRET

HOOK = {"name": "pager", "url": "https://pager.example/x", "secret": SECRET}
AM = {"name": "am", "notifier": "alertmanager", "url": "http://127.0.0.1:9093"}

BALANCER = {
    "executor": "haproxy",
    "address": "/run/haproxy/admin.sock",
    "backend": "stock",
    "canary": ["c0"],
}


def ids():
    return {message.id for message in check_graygate()}


def test_checks__settings_as_they_come__find_nothing():
    assert ids() == set()


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("OPERATOR", OperatorFile(error="operator.json: no such file"), "graygate.E001"),
        ("GRAYGATE_EXECUTORS", {"x": "no.such.Thing"}, "graygate.E002"),
        ("GRAYGATE_NOTIFIERS", {"webhook": "controlplane.notify.webhook.Missing"}, "graygate.E002"),
        ("OPERATOR", OperatorFile(webhooks=[{}]), "graygate.E003"),
        ("OPERATOR", OperatorFile(webhooks=[HOOK, HOOK]), "graygate.E003"),
        ("OPERATOR", OperatorFile(webhooks=[HOOK | {"url": "ftp://x"}]), "graygate.E004"),
        ("OPERATOR", OperatorFile(webhooks=[{"name": "a", "url": "http://x"}]), "graygate.E005"),
        ("OPERATOR", OperatorFile(webhooks=[HOOK | {"secret": "whsec_eA=="}]), "graygate.E005"),
        ("OPERATOR", OperatorFile(webhooks=[HOOK | {"notifier": "pigeon"}]), "graygate.E002"),
        ("OPERATOR", OperatorFile(webhooks=[AM | {"url": "am:9093"}]), "graygate.E004"),
        ("OPERATOR", OperatorFile(webhooks=[AM | {"username": "x"}]), "graygate.E005"),
        ("GRAYGATE_ALERT_REFRESH_S", 0, "graygate.E006"),
        ("OPERATOR", OperatorFile(targets={"a": {"url": "x"}}), "graygate.E004"),
        ("OPERATOR", OperatorFile(targets={"a": {"executor": "magic"}}), "graygate.E002"),
        ("OPERATOR", OperatorFile(targets={"a": {"executor": "haproxy"}}), "graygate.E003"),
        ("OPERATOR", OperatorFile(targets={"a": BALANCER | {"canary": []}}), "graygate.E003"),
        ("OPERATOR", OperatorFile(targets={"a": {"executor": "command"}}), "graygate.E003"),
        ("OPERATOR", OperatorFile(targets={"a": {"executor": "kubernetes"}}), "graygate.E003"),
        ("GRAYGATE_INTERVAL_S", 0, "graygate.E006"),
        ("GRAYGATE_LEASE_S", 3.0, "graygate.E007"),
        ("CELERY_BROKER_URL", "kafka://x", "graygate.E008"),
        ("CELERY_BROKER_URL", "unreadable://", "graygate.E020"),
        ("GRAYGATE_URL", "gray.example", "graygate.E009"),
    ],
)
def test_checks__bad_setting__has_an_id(settings, name, value, expected):
    setattr(settings, name, value)
    assert expected in {message.id for message in check_graygate()}


def test_checks__alertmanager__needs_no_signing_secret(settings, tmp_path):
    (tmp_path / "password").write_text("hunter2")
    access = {"username": "graygate", "password_file": str(tmp_path / "password")}
    settings.OPERATOR = OperatorFile(webhooks=[AM, AM | access | {"name": "other"}])
    assert ids() == set()


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"url": "http://10.0.0.1:9090"}, set()),
        ({"url": "https://mimir.example/prometheus", "bearer_token": "x"}, set()),
        ("http://10.0.0.1:9090", {"graygate.E003"}),
        ({"url": "10.0.0.1:9090"}, {"graygate.E004"}),
        ({}, {"graygate.E004"}),
        ({"url": "http://gray:hunter2@10.0.0.1"}, {"graygate.E004"}),
        ({"url": "http://10.0.0.1/?token=hunter2"}, {"graygate.E004"}),
        ({"url": "http://10.0.0.1", "username": "gray"}, {"graygate.E005"}),
        ({"url": "http://10.0.0.1", "bearer_token_file": "/nowhere"}, {"graygate.E005"}),
        ({"url": "http://10.0.0.1", "bearer_token": "hunter2\n"}, {"graygate.E005"}),
    ],
)
def test_checks__source__is_looked_at_before_it_is_asked(settings, entry, expected):
    settings.OPERATOR = OperatorFile(sources={"main": entry})
    assert ids() == expected
    assert "hunter2" not in str(check_graygate())


def test_checks__haproxy_by_socket_or_tcp__is_fine(settings):
    tcp = BALANCER | {"address": "lb1.internal:9999"}
    settings.OPERATOR = OperatorFile(targets={"lb1": BALANCER, "lb2": tcp})
    assert ids() == set()


def test_checks__bad_secret__is_not_repeated(settings):
    settings.OPERATOR = OperatorFile(
        webhooks=[HOOK | {"secret": "whsec_hunter2", "url": "x:hunter2"}]
    )
    assert "hunter2" not in str(check_graygate())


def test_checks__broker_whose_client_is_missing__has_an_id(settings, monkeypatch):
    settings.CELERY_BROKER_URL = "redis://:hunter2@10.0.0.1/0"
    monkeypatch.setattr(checks, "find_spec", lambda _name: None)

    assert "graygate.E021" in ids()
    assert "hunter2" not in str(check_graygate())


def test_checks__several_hosts_possible_and_no_secret_of_all__warn(settings, monkeypatch):
    monkeypatch.delenv("GRAYGATE_TOKEN_PEPPERS")
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", "django.db.backends.postgresql")
    monkeypatch.delenv("GRAYGATE_SECRET_KEY", raising=False)
    assert {"graygate.W001", "graygate.W002"} <= ids()
