import pytest

from rollout.models import Decision, Rollout
from tests.browser import scenes
from tests.factories import journey


@pytest.fixture
def olga(calling):
    return calling("operator", "olga")


@pytest.fixture
def act(olga):
    def do(rollout, action, body=None, **headers):
        return olga.post(f"rollouts/{rollout.pk}/{action}", body or {}, **headers)

    return do


def test_read__running__shows_exposure_stages_and_the_ledger(calling):
    rollout = journey("running").rollout
    answer = calling("viewer").get(f"rollouts/{rollout.pk}")
    shown = answer.json()

    assert answer["ETag"] == f'"{rollout.version}"'
    assert (shown["state"], shown["stage"]) == ("running", 0)
    assert shown["exposure"] == shown["desired_exposure"] == 0.25
    assert [stage["state"] for stage in shown["stages"]] == ["baking", "pending"]
    assert shown["decisions"][0]["decision"] == "create"
    assert shown["placements"][0]["service"] == journey_service(rollout)


def journey_service(rollout):
    return rollout.spec["targets"][0]["service"]


def test_read__paused__shows_who_holds_it_and_why(calling):
    rollout = journey("paused").rollout
    shown = calling("viewer").get(f"rollouts/{rollout.pk}").json()

    assert shown["state"] == "paused"
    assert [(hold["kind"], hold["actor"], hold["reason"]) for hold in shown["holds"]] == [
        ("paused", "olga", "lunch")
    ]


def test_list__filtered_by_phase__holds_what_fits(calling):
    walk = journey("rolled_back")
    viewer = calling("viewer")

    assert len(viewer.get("rollouts?phase=rolled_back").json()["results"]) == 1
    assert viewer.get("rollouts?phase=running").json()["results"] == []
    assert len(viewer.get(f"rollouts?service={walk.service.name}").json()["results"]) == 1


def test_pause_then_resume__by_a_person__are_written_down(act):
    rollout = journey("running").rollout

    assert act(rollout, "pause", {"reason": "lunch"}).json()["state"] == "paused"
    assert act(rollout, "resume").json()["state"] == "running"
    told = Decision.objects.filter(actor="olga").values_list("decision", flat=True)
    assert list(told) == ["pause", "resume"]


@pytest.mark.parametrize("action", ["pause", "abort", "accept", "undo"])
def test_action__that_needs_a_reason__is_refused_without(act, action):
    answer = act(journey("running").rollout, action)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "#/reason"


def test_action__by_a_client_that_saw_an_older_version__changes_nothing(act):
    rollout = journey("running").rollout
    answer = act(rollout, "pause", {"reason": "x"}, If_Match=f'"{rollout.version - 1}"')

    assert answer.status_code == 412
    assert not Rollout.objects.get().holds.exists()


def test_action__by_a_client_that_saw_this_version__is_taken(act):
    rollout = journey("running").rollout
    answer = act(rollout, "pause", {"reason": "x"}, If_Match=f'"{rollout.version}"')

    assert answer.status_code == 200
    assert answer["ETag"] != f'"{rollout.version}"'


@pytest.mark.parametrize("tag", ['W/"1"', "yesterday", '""'])
def test_action__with_an_unusable_tag__changes_nothing(act, tag):
    rollout = journey("running").rollout

    assert act(rollout, "pause", {"reason": "x"}, If_Match=tag).status_code == 412


def test_promote__the_current_stage__waives_it(act):
    rollout = journey("running").rollout
    answer = act(rollout, "promote", {"stage": 0, "reason": "seen enough"})

    assert answer.json()["stages"][0]["state"] == "waived"


def test_promote__another_stage_than_the_current__is_a_mismatch(act):
    assert act(journey("running").rollout, "promote", {"stage": 1}).status_code == 412


@pytest.mark.parametrize("stage", [None, "1", 1.0, True, -1])
def test_promote__no_whole_number__is_unprocessable(act, stage):
    answer = act(journey("running").rollout, "promote", {"stage": stage})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "#/stage"


def test_abort__running__rolls_back(act):
    answer = act(journey("running").rollout, "abort", {"reason": "wrong version"})

    assert answer.json()["state"] == "rolling_back"
    assert answer.json()["desired_exposure"] == 0


@pytest.mark.parametrize("action", ["pause", "resume", "abort", "accept"])
def test_action__on_what_has_ended__is_a_conflict(act, action):
    answer = act(journey("rolled_back").rollout, action, {"reason": "too late"})

    assert answer.status_code == 409
    assert answer.json()["type"].endswith("illegal-transition")


def test_retry__rolled_back__is_a_new_rollout_with_its_address(act):
    first = journey("rolled_back").rollout
    answer = act(first, "retry", {"reason": "noise"})

    assert answer.status_code == 201
    assert answer["Location"] == f"/api/v1/rollouts/{answer.json()['id']}"
    assert answer.json()["retries"] == str(first.pk)
    assert answer.json()["phase"] == "pending"
    assert act(first, "retry", {"reason": "noise"}).status_code == 409


def test_retry__rolled_back_without_a_reason__is_unprocessable(act):
    answer = act(journey("rolled_back").rollout, "retry", {})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "#/reason"


def test_retry__rolled_back_and_not_an_operator__is_refused(calling):
    first = journey("rolled_back").rollout
    answer = calling("approver").post(f"rollouts/{first.pk}/retry", {"reason": "noise"})

    assert answer.status_code == 403
    assert not Rollout.objects.filter(retries=first).exists()


def test_undo__completed__makes_a_linked_rollout_of_the_old_version(act):
    done = journey("completed").rollout
    answer = act(done, "undo", {"reason": "sales dropped"})

    assert answer.status_code == 201
    assert answer["Location"] == f"/api/v1/rollouts/{answer.json()['id']}"
    assert answer.json()["undoes"] == str(done.pk)


def test_undo__not_completed__is_a_conflict(act):
    assert act(journey("running").rollout, "undo", {"reason": "x"}).status_code == 409


def test_series__of_a_rollout__has_an_axis_for_each_guardrail_and_its_exposure(calling):
    walk = journey("running")
    answer = calling("viewer").get(f"rollouts/{walk.rollout.pk}/series")
    (service,) = answer.json()["services"]

    assert service["service"] == walk.service.name
    assert [metric["name"] for metric in service["metrics"]] == ["errors"]
    assert [share for _, share in service["exposure"]] == [0.25, 0.25]


def test_read__baking__foretells_when_it_passes_and_what_it_would_see(calling):
    scenes.services()
    rollout = scenes.running().rollout
    viewer = calling("viewer")
    stages = viewer.get(f"rollouts/{rollout.pk}").json()["stages"]
    expected = stages[1]["expected"]

    assert ["expected" in stage for stage in stages] == [False, True, False, False]
    assert [each["metric"] for each in expected["metrics"]] == ["errors", "slow_requests"]
    assert expected["pass_in_s"] == max(each["pass_in_s"] for each in expected["metrics"])
    assert all(each["within_s"] > 0 and each["factor"] > 1 for each in expected["detects"])
    assert 0 < expected["max_s_left"] < 1800
    assert "expected" not in viewer.get("rollouts").json()["results"][0]["stages"][1]


def test_read__baking_and_nothing_reported__foretells_nothing(calling):
    rollout = journey("running").rollout
    expected = calling("viewer").get(f"rollouts/{rollout.pk}").json()["stages"][0].get("expected")

    assert expected is None or (expected["pass_in_s"], expected["detects"]) == (None, [])
