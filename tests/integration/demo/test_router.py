"""The router as a target: what is declared to it holds, and only what is properly declared."""

import json
import time

import pytest

from tests.integration.demo.conftest import OTHER_SECRET


def body_for(rollout, /, **changed):
    body = {
        "target": "catalog",
        "rollout": rollout,
        "key": f"0/{rollout}/catalog/1",
        "generation": 1,
        "exposure": 0.01,
        "units": ["40"],
    }
    return json.dumps(body | changed).encode()


@pytest.fixture
def target(fleet):
    return f"{fleet.state['router']}/targets/catalog"


def test_router__unit_exposed__meets_canary_and_others_stable(fleet):
    fleet.declare("catalog", "r-route", ["3", "17"])
    tracks = {unit: fleet.visit("catalog", unit).headers["x-track"] for unit in ("3", "17", "4")}
    fleet.declare("catalog", "r-route", [])
    assert tracks == {"3": "canary", "17": "canary", "4": "stable"}


def test_router__exposure_of_catalog__leaves_other_services_stable(fleet):
    fleet.declare("catalog", "r-other", ["5"])
    track = fleet.visit("stock", "5").headers["x-track"]
    fleet.declare("catalog", "r-other", [])
    assert track == "stable"


def test_router__two_rollouts_on_one_service__each_keeps_its_units(fleet):
    fleet.declare("stock", "r-one", ["1"])
    fleet.declare("stock", "r-two", ["2"])
    fleet.declare("stock", "r-one", [])
    tracks = [fleet.visit("stock", unit).headers["x-track"] for unit in ("1", "2")]
    fleet.declare("stock", "r-two", [])
    assert tracks == ["stable", "canary"]


def test_router__declared_exposure__is_read_back(fleet):
    answer = fleet.declare("catalog", "r-back", ["9", "8"])
    observed = fleet.observe("catalog", "r-back")
    fleet.declare("catalog", "r-back", [])
    assert answer.json() == observed
    assert observed == {
        "target": "catalog",
        "rollout": "r-back",
        "key": "0/r-back/catalog/1",
        "generation": 1,
        "exposure": 0.02,
        "units": ["8", "9"],
    }


def test_router__asked_without_a_rollout__lists_those_with_exposure(fleet, target):
    fleet.declare("catalog", "r-listed", ["9"])
    listed = fleet.signed("GET", target).json()
    fleet.declare("catalog", "r-listed", [])
    assert "r-listed" in listed["rollouts"]
    assert "r-listed" not in fleet.signed("GET", target).json()["rollouts"]


def test_router__unknown_rollout__is_observed_at_zero(fleet):
    observed = fleet.observe("catalog", "r-never")
    assert (observed["generation"], observed["exposure"], observed["units"]) == (0, 0, [])


def test_router__older_generation__is_fenced_off_with_the_current_state(fleet):
    fleet.declare("catalog", "r-fence", ["1"])
    fleet.declare("catalog", "r-fence", [])
    late = fleet.declare("catalog", "r-fence", ["1", "2"], generation=1, key="late")
    assert late.status_code == 409
    assert (late.json()["generation"], late.json()["units"]) == (2, [])
    assert fleet.visit("catalog", "1").headers["x-track"] == "stable"


def test_router__same_key_again__gives_the_same_answer_and_one_effect(fleet, target):
    first = fleet.signed("PUT", target, body_for("r-again"))
    second = fleet.signed("PUT", target, body_for("r-again"))
    stats = fleet.signed("GET", fleet.state["router"] + "/stats").json()
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json() == second.json()
    assert len([c for c in stats["changes"] if c["rollout"] == "r-again"]) == 1


def test_router__one_generation_with_two_meanings__refuses_the_second(fleet, target):
    fleet.signed("PUT", target, body_for("r-twice"))
    other = fleet.signed("PUT", target, body_for("r-twice", key="another", units=["41"]))
    assert other.status_code == 409
    assert other.json()["units"] == ["40"]


def test_router__change_without_a_version__runs_the_stable_one(fleet):
    fleet.declare("checkout", "r-config", ["61"], version="")
    fleet.visit("checkout", "61")
    fleet.declare("checkout", "r-config", [], version="")
    assert 'service_version="1.0.0",track="canary"} 1.0' in fleet.metrics("checkout", "canary")


@pytest.mark.parametrize("changed", [{"secret": OTHER_SECRET}, {"now": time.time() - 301}])
@pytest.mark.parametrize("method", ["PUT", "GET"])
def test_router__bad_or_stale_signature__is_401_and_changes_nothing(fleet, target, method, changed):
    answer = fleet.signed(method, target + "?rollout=r-forged", body_for("r-forged"), **changed)
    assert answer.status_code == 401
    assert fleet.observe("catalog", "r-forged")["units"] == []


@pytest.mark.parametrize(
    "changed",
    [
        {"target": "stock"},
        {"rollout": ""},
        {"key": 1},
        {"generation": True},
        {"generation": -1},
        {"exposure": 1.5},
        {"exposure": "all"},
        {"units": ["100"]},
        {"units": [3]},
        {"units": "3"},
        {"surprise": 1},
    ],
)
def test_router__malformed_declaration__is_400_and_says_why(fleet, target, changed):
    answer = fleet.signed("PUT", target, body_for("r-malformed", **changed))
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert fleet.observe("catalog", "r-malformed")["units"] == []


@pytest.mark.parametrize("body", [b"{", b"[]"])
def test_router__no_json_object__is_400(fleet, target, body):
    assert fleet.signed("PUT", target, body).status_code == 400


def test_router__unknown_service__is_404(fleet):
    assert fleet.declare("warehouse", "r-unknown", ["1"]).status_code == 404


def test_router__version_declared__is_named_in_the_canarys_metrics(fleet):
    fleet.declare("catalog", "r-version", ["60"], version="v7")
    fleet.visit("catalog", "60")
    fleet.declare("catalog", "r-version", [])
    assert 'service_version="v7",track="canary"} 1.0' in fleet.metrics("catalog", "canary")


def test_router__settled__stable_is_the_new_version_and_nothing_is_exposed(fleet):
    fleet.declare("stock", "r-settle", ["70"], version="v3")
    fleet.control("POST", "/settle/stock", {"version": "v3"})
    answer = fleet.visit("stock", "70")
    stats = fleet.signed("GET", fleet.state["router"] + "/stats").json()
    assert answer.headers["x-track"] == "stable"
    assert fleet.observe("stock", "r-settle")["exposure"] == 0
    assert stats["versions"]["stock"] == {"stable": "v3", "canary": "v3"}
    assert 'service_version="v3",track="stable"' in fleet.metrics("stock", "stable")
    assert fleet.declare("stock", "r-settle", ["70"], generation=0).status_code == 409
