import pytest

from controlplane.checks import check_graygate
from controlplane.environment import OperatorFile
from tests.integration.controlplane.conftest import SECRET

HOOK = {"name": "pager", "url": "https://pager.example/x", "secret": SECRET}

BALANCER = {
    "executor": "haproxy",
    "address": "/run/haproxy/admin.sock",
    "backend": "stock",
    "canary": ["c0"],
}


def ids():
    return {message.id for message in check_graygate()} - {"graygate.W001"}


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
        ("OPERATOR", OperatorFile(targets={"a": {"url": "x"}}), "graygate.E004"),
        ("OPERATOR", OperatorFile(targets={"a": {"executor": "magic"}}), "graygate.E002"),
        ("OPERATOR", OperatorFile(targets={"a": {"executor": "haproxy"}}), "graygate.E003"),
        ("OPERATOR", OperatorFile(targets={"a": BALANCER | {"canary": []}}), "graygate.E003"),
        ("GRAYGATE_INTERVAL_S", 0, "graygate.E006"),
        ("GRAYGATE_LEASE_S", 3.0, "graygate.E007"),
        ("CELERY_BROKER_URL", "kafka://x", "graygate.E008"),
        ("GRAYGATE_URL", "gray.example", "graygate.E009"),
        ("SECRET_KEY_IS_EPHEMERAL", True, "graygate.W001"),
    ],
)
def test_checks__bad_setting__has_an_id(settings, name, value, expected):
    setattr(settings, name, value)
    assert expected in {message.id for message in check_graygate()}


def test_checks__haproxy_by_socket_or_tcp__is_fine(settings):
    tcp = BALANCER | {"address": "lb1.internal:9999"}
    settings.OPERATOR = OperatorFile(targets={"lb1": BALANCER, "lb2": tcp})
    assert ids() == set()


def test_checks__bad_secret__is_not_repeated(settings):
    settings.OPERATOR = OperatorFile(
        webhooks=[HOOK | {"secret": "whsec_hunter2", "url": "x:hunter2"}]
    )
    assert "hunter2" not in str(check_graygate())
