"""The generator's own books: they know what Graygate must find out."""

import time

import pytest
import requests


@pytest.fixture
def visitors(fleet):
    requests.put(fleet.state["generator"] + "/rate", json={"rate": 50}, timeout=10)
    yield fleet
    requests.put(fleet.state["generator"] + "/rate", json={"rate": 0}, timeout=10)


def report(fleet, section):
    url = f"{fleet.state['generator']}/report?section={section}"
    return requests.get(url, timeout=10).json()


def mark(fleet, name):
    requests.post(fleet.state["generator"] + "/mark", json={"name": name}, timeout=10)


def wait_for(condition):
    for _ in range(100):
        if condition():
            return
        time.sleep(0.05)
    pytest.fail("never came true")


def test_generator__fault_injected__tells_fault_from_noise(visitors):
    mark(visitors, "with a fault")
    visitors.control("PUT", "/faults/catalog/stable", {"kind": "errors", "share": 1})
    wait_for(lambda: report(visitors, "with a fault")["faults"] > 5)
    visitors.control("DELETE", "/faults/catalog/stable")
    book = report(visitors, "with a fault")
    assert book["started_at"] < book["first_fault_at"] <= book["last_fault_at"]
    assert book["errors"] >= book["fault_at"]["catalog/stable"]["count"] > 5
    assert book["failed_at"]["catalog/stable"]["first_at"] <= book["last_bad_at"]
    assert sum(window[1] for window in book["windows"]) == book["requests"]
    assert sum(window[2] for window in book["windows"]) == book["errors"]


def test_generator__new_section__starts_from_nothing(visitors):
    mark(visitors, "before")
    visitors.control("PUT", "/faults/catalog/stable", {"kind": "errors", "share": 1})
    wait_for(lambda: report(visitors, "before")["faults"])
    visitors.control("DELETE", "/faults/catalog/stable")
    requests.put(visitors.state["generator"] + "/rate", json={"rate": 0}, timeout=10)
    time.sleep(0.2)
    mark(visitors, "after")
    assert (report(visitors, "after")["requests"], report(visitors, "after")["faults"]) == (0, 0)
    assert report(visitors, "before")["faults"] > 0


def test_generator__some_units_exposed__router_measures_their_share(visitors):
    visitors.declare("catalog", "r-share", [str(n) for n in range(50)])
    url = visitors.state["router"] + "/stats"

    def share():
        return requests.get(url, timeout=10).json()["canary_share"]["catalog"] or 0

    wait_for(lambda: share() > 0.2)
    visitors.declare("catalog", "r-share", [])


def test_generator__unknown_section__is_404(fleet):
    url = fleet.state["generator"] + "/report?section=never"
    assert requests.get(url, timeout=10).status_code == 404


@pytest.mark.parametrize("rate", [-1, 501, "fast", True])
def test_generator__impossible_rate__is_400(fleet, rate):
    url = fleet.state["generator"] + "/rate"
    assert requests.put(url, json={"rate": rate}, timeout=10).status_code == 400
