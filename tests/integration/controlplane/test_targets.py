"""Several targets of one service: each becomes a placement of its own."""

import pytest

from attribution.errors import CaseError
from attribution.models import Service
from controlplane import intake
from controlplane.environment import OperatorFile
from controlplane.reading import rollout_json
from controlplane.targets import each_target
from rollout.models import Rollout

pytestmark = pytest.mark.django_db
BALANCER = {"executor": "haproxy", "address": "127.0.0.1:9", "backend": "stock", "canary": ["c0"]}


@pytest.fixture
def balanced(settings, cart):
    settings.OPERATOR = OperatorFile(targets={"lb1": BALANCER, "lb2": BALANCER})
    config = {"targets": ["lb1", "lb2"]}
    Service.objects.filter(pk=cart.pk).update(executor={"name": "haproxy", "config": config})


def handed_over(change):
    intake.advance_changes()
    change.refresh_from_db()
    return Rollout.objects.get(pk=change.rollout_id)


def test_hand_over__service_with_two_targets__is_one_placement_each_without_units(
    submit, body, balanced
):
    rollout = handed_over(submit(body))
    placements = rollout_json(rollout)["placements"]
    assert [(p["target"], p["service"]) for p in placements] == [("lb1", "cart"), ("lb2", "cart")]
    assert [target["config"] for target in rollout.spec["targets"]] == [
        {"target": "lb1"},
        {"target": "lb2"},
    ]
    assert {tuple(target["units"]) for target in rollout.spec["targets"]} == {()}
    assert all(p.exclusive and 0 < p.grain < 0.01 for p in rollout.placements.all())


def test_exposure__before_the_first_call__is_none_of_what_the_target_shows(submit, body, balanced):
    rollout = handed_over(submit(body))
    rollout.placements.update(observed=1.0)
    assert rollout_json(rollout)["exposure"] == 0.0
    rollout.placements.filter(target="lb1").update(generation=1)
    assert rollout_json(rollout)["exposure"] == 0.5


def test_submit__units_on_a_target_that_knows_none__is_refused(submit, body, balanced):
    body["targets"] = [{"service": "cart", "units": ["a"]}]
    with pytest.raises(CaseError, match="knows no units") as error:
        submit(body)
    assert error.value.pointer == "/targets/0/units"


@pytest.mark.parametrize(
    ("config", "pointer"),
    [
        ({"targets": ["lb1", "nowhere"]}, "/executor/config"),
        ({"targets": []}, "/executor/config/targets"),
        ({"targets": "lb1"}, "/executor/config/targets"),
        ({"targets": ["lb1", "lb1"]}, "/executor/config/targets/1"),
        ({"targets": ["lb1", 7]}, "/executor/config/targets/1"),
        ({"targets": ["lb1"], "target": "lb2"}, "/executor/config/targets"),
        ({"targets": ["lb1"], "address": "127.0.0.1:9"}, "/executor/config/address"),
    ],
)
def test_submit__bad_list_of_targets__says_where(submit, body, balanced, config, pointer):
    body["executor"] = {"name": "haproxy", "config": config}
    with pytest.raises(CaseError) as error:
        submit(body)
    assert error.value.pointer == pointer


def test_each_target__one_or_none_named__is_the_config_itself():
    assert each_target({"target": "edge"}, "/config") == [{"target": "edge"}]
    assert each_target({}, "/config") == [{}]
