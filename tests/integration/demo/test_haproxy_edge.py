"""The fleet behind a HAProxy: same headers, same faults; exposure is what HAProxy itself says."""

import socket
import time

import pytest
import requests

from tests.integration.demo.conftest import start_fleet
from tests.parts import need


@pytest.fixture(scope="module")
def balanced(tmp_path_factory):
    haproxy = need("haproxy", "haproxy")
    running = start_fleet(tmp_path_factory.mktemp("fleet") / "state.json", rate=0, haproxy=haproxy)
    yield running
    running.process.terminate()
    running.process.wait(timeout=10)


@pytest.fixture
def weigh(balanced):
    """weigh("stock", canary=100, stable=0), as whoever has the socket may."""

    def order(service, *, stable, canary):
        for server, weight in (("s0", stable), ("c0", canary)):
            assert command(balanced, f"set server {service}/{server} weight {weight}") == ""

    yield order
    for service in balanced.state["services"]:
        balanced.control("POST", f"/settle/{service}", {})


def command(fleet, line):
    with socket.socket(socket.AF_UNIX) as admin:
        admin.settimeout(10)
        admin.connect(fleet.state["edge_socket"])
        admin.sendall(f"{line}\n".encode())
        return b"".join(iter(lambda: admin.recv(65536), b"")).decode().strip()


def stats(fleet):
    return requests.get(fleet.state["router"] + "/stats", timeout=10).json()


def changes(fleet, service):
    return [c["exposure"] for c in stats(fleet)["changes"] if c["service"] == service]


def wait_for(condition):
    until = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < until, "never came true"
        time.sleep(0.05)


def test_edge__just_up__exposes_nobody(balanced):
    tracks = {balanced.visit("catalog", "1").headers["x-track"] for _ in range(20)}
    assert tracks == {"stable"}
    assert stats(balanced)["exposure"] == dict.fromkeys(balanced.state["services"], 0.0)


def test_edge__weight_given_to_the_canary__exposes_that_service_only(balanced, weigh):
    weigh("catalog", stable=0, canary=100)
    assert balanced.visit("catalog", "1").headers["x-track"] == "canary"
    assert balanced.visit("stock", "1").headers["x-track"] == "stable"
    assert stats(balanced)["exposure"]["catalog"] == 1.0


def test_edge__weights_shared__are_the_exposure_and_the_share_of_requests(balanced, weigh):
    weigh("stock", stable=100, canary=50)
    tracks = [balanced.visit("stock", "1").headers["x-track"] for _ in range(300)]
    assert stats(balanced)["exposure"]["stock"] == pytest.approx(1 / 3)
    # 1/3 of 300, within five standard errors.
    assert 59 <= tracks.count("canary") <= 141


def test_edge__two_services_at_equal_weights__draw_apart(balanced, weigh):
    """Taking turns they would go in step: the canary of one would meet that of the other only."""
    weigh("checkout", stable=100, canary=100)
    weigh("stock", stable=100, canary=100)
    before = called_canary(balanced)
    for _ in range(100):
        balanced.visit("checkout", "1")
    met = {track: called_canary(balanced)[track] - before[track] for track in before}
    assert met["stable"] > 5
    assert met["canary"] > 5


def called_canary(fleet):
    """How often each track of checkout has met the canary of stock."""
    line = 'http_client_requests_total{code="200",peer="stock",peer_track="canary"'
    return {
        track: sum(
            float(each.rpartition(" ")[2])
            for each in fleet.metrics("checkout", track).splitlines()
            if each.startswith(line)
        )
        for track in ("stable", "canary")
    }


def test_edge__errors_of_the_canary__are_named_up_to_the_entry(balanced, weigh):
    weigh("stock", stable=0, canary=100)
    balanced.control("PUT", "/faults/stock/canary", {"kind": "errors", "share": 1})
    bad, direct = balanced.page("50"), balanced.visit("stock", "50")
    assert (bad.status_code, bad.headers["x-failed-at"]) == (502, "stock/canary")
    assert bad.headers["x-fault"] == "1"
    assert (direct.status_code, direct.headers["x-track"]) == (500, "canary")


def test_edge__dead_canary__hurts_until_its_weight_is_gone(balanced, weigh):
    weigh("stock", stable=0, canary=100)
    balanced.control("PUT", "/faults/stock/canary", {"kind": "dead"})
    dead, page = balanced.visit("stock", "50"), balanced.page("50")
    weigh("stock", stable=100, canary=0)
    well = balanced.visit("stock", "50")
    assert (dead.status_code, dead.headers["x-track"]) == (503, "canary")
    assert (dead.headers["x-failed-at"], dead.headers["x-fault"]) == ("stock/canary", "1")
    assert (page.status_code, page.headers["x-failed-at"]) == (502, "stock/canary")
    assert (well.status_code, well.headers["x-track"]) == (200, "stable")
    assert "x-failed-at" not in well.headers


def test_edge__canary_killed_under_way__is_told_as_its_fault(balanced, weigh):
    """A connection that breaks after the request was taken: HAProxy answers 502 in its place."""
    weigh("catalog", stable=0, canary=100)
    balanced.visit("catalog", "1")
    balanced.control("PUT", "/faults/catalog/canary", {"kind": "dead"})
    answer = balanced.visit("catalog", "1")
    assert answer.status_code in {502, 503}
    assert (answer.headers["x-failed-at"], answer.headers["x-fault"]) == ("catalog/canary", "1")


def test_edge__exposure_comes_and_goes__is_in_the_log_of_looks(balanced, weigh):
    weigh("frontend", stable=100, canary=100)
    wait_for(lambda: changes(balanced, "frontend")[-1:] == [0.5])
    weigh("frontend", stable=100, canary=0)
    wait_for(lambda: changes(balanced, "frontend")[-1:] == [0.0])


def test_edge__server_in_maintenance__is_not_exposed(balanced, weigh):
    weigh("stock", stable=100, canary=100)
    command(balanced, "set server stock/c0 state maint")
    assert stats(balanced)["exposure"]["stock"] == 0.0


def test_edge__installed__names_the_canary_and_exposes_nobody(balanced):
    balanced.control("POST", "/install/catalog", {"version": "v7"})
    assert 'service_version="v7",track="canary"' in balanced.metrics("catalog", "canary")
    assert stats(balanced)["versions"]["catalog"]["stable"] != "v7"
    assert stats(balanced)["exposure"]["catalog"] == 0.0


def test_edge__settled__stable_is_the_new_version_and_nothing_is_exposed(balanced, weigh):
    balanced.control("POST", "/install/stock", {"version": "v3"})
    weigh("stock", stable=0, canary=100)
    command(balanced, "set server stock/s0 state maint")
    balanced.control("POST", "/settle/stock", {"version": "v3"})
    assert balanced.visit("stock", "70").headers["x-track"] == "stable"
    assert stats(balanced)["versions"]["stock"] == {"stable": "v3", "canary": "v3"}
    assert stats(balanced)["exposure"]["stock"] == 0.0


@pytest.mark.parametrize(
    ("method", "path", "code"), [("GET", "/warehouse/", 404), ("PUT", "/stock/fault", 405)]
)
def test_edge__not_for_visitors__is_refused(balanced, method, path, code):
    assert requests.request(method, balanced.state["edge"] + path, timeout=10).status_code == code


def test_edge__path_behind_a_service__is_its_page_and_nothing_else(balanced):
    answer = requests.get(balanced.state["edge"] + "/stock/metrics", timeout=10)
    assert answer.json() == {"from": "stock/stable"}
