import pytest

from attribution.destinations import is_allowed
from controlplane.environment import OperatorFile

LISTED = ("http://*.good:9090", "https://[::1]:*", "http://10.0.0.1:*")


@pytest.fixture(autouse=True)
def _listed(settings):
    settings.OPERATOR = OperatorFile(allowed_destinations=LISTED)


@pytest.mark.parametrize(
    "address",
    ["http://a.good:9090/metrics", "https://[::1]:8443/", "http://10.0.0.1/x?match[]=up"],
)
def test_is_allowed__listed__is(address):
    assert is_allowed(address)


@pytest.mark.parametrize(
    "address",
    [
        "http://a.good/",
        "https://a.good:9090/",
        "http://bad:9090/",
        "http://bad:9090/#.good",
        "http://bad\\.good:9090/",
        "http://bad:9090\\@a.good:9090/",
        "http://a.good@bad:9090/",
        "http://a.good:9090@bad/",
        "http://ba\td.good:9090/",
        " http://a.good:9090/",
        "http://bad%2f.good:9090/",
        "http://b\u00e4d.good:9090/",
        "http://a.good:99999/",
        "ftp://a.good:9090/",
        "//a.good:9090/",
        "",
    ],
)
def test_is_allowed__another_host_for_some_reader__is_not(address):
    assert not is_allowed(address)
