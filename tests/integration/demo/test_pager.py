"""The pager stands for on-call: it believes only signed pages and can be out of order."""

import json

import requests

from tests.integration.demo.conftest import OTHER_SECRET

PAGE = json.dumps(
    {"type": "rollback", "timestamp": "2026-01-01T00:00:00Z", "data": {"change": "c"}}
).encode()


def pages(fleet):
    return requests.get(fleet.state["pager"] + "/pages", timeout=10).json()


def test_pager__signed_page_delivered_twice__is_one_page(fleet):
    for _ in range(2):
        assert fleet.signed("POST", fleet.state["pager"], PAGE).status_code == 200
    (page,) = pages(fleet)["pages"]
    assert (page["id"], page["type"], page["deliveries"]) == ("msg_1", "rollback", 2)
    assert page["data"] == {"change": "c"}


def test_pager__wrong_secret__is_401_and_not_kept(fleet):
    before = pages(fleet)
    answer = fleet.signed("POST", fleet.state["pager"], PAGE, secret=OTHER_SECRET)
    assert answer.status_code == 401
    assert pages(fleet) == before


def test_pager__told_to_fail_once__takes_the_retry(fleet):
    requests.post(fleet.state["pager"] + "/fail", json={"times": 1}, timeout=10)
    codes = [fleet.signed("POST", fleet.state["pager"], PAGE).status_code for _ in range(2)]
    assert codes == [500, 200]
