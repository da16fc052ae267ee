"""Who may ask, and whom Graygate believes: before a real Prometheus stands a gateway that asks."""

import ssl

import pytest

from attribution.sources.base import SourceError
from attribution.sources.prometheus import PrometheusSource
from controlplane.environment import OperatorFile
from tests.integration.attribution.monitoring import Gateway, Monitor, authority

# Of the server itself: there is always one of these.
QUERIES = {"up|all|total": "vector(5) + 0 * sum(vector(1))"}
BASIC = "Basic Z3JheTpodW50ZXIy"


@pytest.fixture(scope="module")
def monitor(tmp_path_factory):
    one = Monitor("prometheus", tmp_path_factory.mktemp("prometheus"), [])
    with one.process:
        yield one


@pytest.fixture
def files(tmp_path):
    authority(tmp_path)
    return tmp_path


@pytest.fixture
def gateway(monitor):
    made: list[Gateway] = []

    def make(tls: ssl.SSLContext | None = None) -> Gateway:
        made.append(Gateway(monitor.url, tls))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def read(settings):
    settings.GRAYGATE_INTERVAL_S = 20.0

    def make(gateway: Gateway, **entry):
        settings.OPERATOR = OperatorFile(sources={"main": {"url": gateway.url, **entry}})
        return PrometheusSource().read({"server": "main"}, QUERIES, {}).increments

    return make


def server_side(files) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files / "server.pem", files / "server.key")
    return context


def test_read__right_password__is_let_in(gateway, read):
    one = gateway()
    one.authorization = BASIC
    assert read(one, username="gray", password="hunter2") == {"up|all|total": 5}


@pytest.mark.parametrize(
    "entry", [{}, {"username": "gray", "password": "hunter3"}, {"bearer_token": "hunter2"}]
)
def test_read__wrong_password__is_an_error_without_it(gateway, read, entry):
    one = gateway()
    one.authorization = BASIC
    with pytest.raises(SourceError, match="refuses the credentials") as problem:
        read(one, **entry)
    assert "hunter" not in str(problem.value)


def test_read__bearer_token_of_a_file__is_let_in(gateway, read, tmp_path):
    one = gateway()
    one.authorization = "Bearer hunter2"
    token = tmp_path / "token"
    token.write_text("hunter2\n")
    assert read(one, bearer_token_file=str(token)) == {"up|all|total": 5}


def test_read__token_file_gone__is_an_error_that_names_the_field(gateway, read):
    with pytest.raises(SourceError, match="`bearer_token_file` cannot be read"):
        read(gateway(), bearer_token_file="/nowhere")


def test_read__tls_of_a_trusted_authority__is_believed(gateway, read, files):
    one = gateway(server_side(files))
    assert read(one, ca_file=str(files / "ca.pem")) == {"up|all|total": 5}


def test_read__tls_of_a_stranger__is_not_believed_and_told_nothing(gateway, read, files):
    one = gateway(server_side(files))
    with pytest.raises(SourceError, match="cannot be reached: SSLError"):
        read(one, bearer_token="hunter2")
    assert one.queries == []


def test_read__server_wants_a_certificate__is_shown_ours(gateway, read, files):
    context = server_side(files)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(files / "ca.pem")
    one = gateway(context)
    ours = {"cert_file": str(files / "client.pem"), "key_file": str(files / "client.key")}
    assert read(one, ca_file=str(files / "ca.pem"), **ours) == {"up|all|total": 5}
    with pytest.raises(SourceError, match="cannot be reached"):
        read(one, ca_file=str(files / "ca.pem"))


def test_read__server_that_is_not_listed__is_never_asked(settings):
    settings.OPERATOR = OperatorFile()
    with pytest.raises(SourceError, match="not among `sources`"):
        PrometheusSource().read({"server": "main"}, QUERIES, {})
