"""Faults belong to one track of one service, and show where a real one would show."""

import pytest
import requests


@pytest.fixture
def exposed(fleet):
    """Unit 50 meets the canary of stock."""
    fleet.declare("stock", "r-faults", ["50"])
    yield fleet
    fleet.control("DELETE", "/faults/stock/canary")
    fleet.declare("stock", "r-faults", [])


def test_fault__errors_on_canary__fail_its_units_up_to_the_entry(exposed):
    exposed.control("PUT", "/faults/stock/canary", {"kind": "errors", "share": 1})
    bad, direct, good = exposed.page("50"), exposed.visit("stock", "50"), exposed.page("51")
    assert (bad.status_code, bad.headers["x-failed-at"]) == (502, "stock/canary")
    assert bad.headers["x-fault"] == "1"
    assert direct.status_code == 500
    assert "x-fault" not in good.headers


def test_fault__errors_on_canary__are_counted_by_callee_and_caller(exposed):
    exposed.control("PUT", "/faults/stock/canary", {"kind": "errors", "share": 1})
    exposed.page("50")
    served = exposed.metrics("stock", "canary")
    called = exposed.metrics("checkout", "stable")
    assert (
        'code="500",service_name="stock",service_version="1.0.0",track="canary"} 0.0' not in served
    )
    assert 'code="500",service_name="stock",service_version="1.0.0",track="canary"}' in served
    line = 'code="500",peer="stock",peer_track="canary",service_name="checkout",track="stable"}'
    assert f"{line} " in called
    assert f"{line} 0.0" not in called


def test_fault__latency__slows_the_page_and_marks_it(exposed):
    exposed.control("PUT", "/faults/stock/canary", {"kind": "latency", "seconds": 0.3})
    slow = exposed.page("50")
    assert slow.headers["x-fault"] == "1"
    assert slow.elapsed.total_seconds() >= 0.3


def test_fault__dead_canary__is_503_of_the_canary_until_cleared(exposed):
    exposed.control("PUT", "/faults/stock/canary", {"kind": "dead"})
    dead, page = exposed.visit("stock", "50"), exposed.page("50")
    stable = exposed.visit("stock", "51")
    exposed.control("DELETE", "/faults/stock/canary")
    revived = exposed.visit("stock", "50")
    assert (dead.status_code, dead.headers["x-track"]) == (503, "canary")
    assert (page.status_code, page.headers["x-failed-at"]) == (502, "stock/canary")
    assert "x-fault" not in stable.headers
    assert (revived.status_code, revived.headers["x-track"]) == (200, "canary")


def test_fault__dead_canary__cannot_be_scraped(exposed):
    exposed.control("PUT", "/faults/stock/canary", {"kind": "dead"})
    with pytest.raises(requests.ConnectionError):
        exposed.metrics("stock", "canary")


def test_fault__unlabelled__serves_on_and_does_not_say_its_track(exposed):
    exposed.page("50")
    exposed.control("PUT", "/faults/stock/canary", {"kind": "unlabelled"})
    assert exposed.visit("stock", "50").status_code == 200
    assert 'track="' not in exposed.metrics("stock", "canary")
    assert 'http_server_requests_total{code="200"' in exposed.metrics("stock", "canary")
    assert 'track="stable"' in exposed.metrics("stock", "stable")


def test_fault__quirk__slows_every_answer_and_is_no_fault(exposed):
    exposed.control("PUT", "/faults/stock/canary", {"kind": "quirk", "share": 0, "seconds": 0.3})
    page = exposed.page("50")
    assert page.elapsed.total_seconds() >= 0.3
    assert page.status_code == 200
    assert "x-fault" not in page.headers


def test_fault__quirk_of_errors__fails_as_anything_does_now_and_then(exposed):
    exposed.control("PUT", "/faults/stock/canary", {"kind": "quirk", "share": 1, "seconds": 0})
    bad = exposed.page("50")
    assert (bad.status_code, bad.headers["x-failed-at"]) == (502, "stock/canary")
    assert "x-fault" not in bad.headers


def test_payment__beside_stock__is_called_by_checkout_and_counted_there(fleet):
    fleet.page("51")
    line = 'code="200",peer="payment",peer_track="stable",service_name="checkout",track="stable"}'
    assert f"{line} " in fleet.metrics("checkout", "stable")
    assert f"{line} 0.0" not in fleet.metrics("checkout", "stable")


def test_fault__settled__is_gone(exposed):
    exposed.control("PUT", "/faults/stock/canary", {"kind": "errors", "share": 1})
    exposed.control("POST", "/settle/stock", {"version": "1.0.0"})
    assert exposed.control("GET", "/faults").json() == {"faults": {}}


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "gremlins"},
        {"kind": "errors", "share": 2},
        {"kind": "latency", "seconds": 60},
        {"kind": "dead", "surprise": 1},
    ],
)
def test_fault__malformed__is_400_and_injects_nothing(fleet, body):
    assert fleet.control("PUT", "/faults/stock/canary", body).status_code == 400
    assert fleet.control("GET", "/faults").json() == {"faults": {}}
