import json

import pytest
from incident_faults import FAULTS
from incidents import case, incident

from attribution.attribute_case import read_case


@pytest.mark.parametrize("seed", range(6))
def test_case__any_seed__is_a_case_of_the_contract_and_the_same_again(seed):
    made = case(incident(seed))
    assert json.loads(json.dumps(made)) == case(incident(seed))
    read = read_case(made)
    assert read.changes
    assert read.symptom in read.calls
    assert all(change.begins <= read.now for change in read.changes)


@pytest.mark.parametrize("kind", sorted(FAULTS))
def test_incident__each_fault__has_the_culprit_it_says(kind):
    found = incident(3, [kind])
    assert (found.culprit is not None) == FAULTS[kind].with_culprit
    ids = {change["id"] for change in case(found)["changes"]}
    assert found.culprit is None or found.culprit in ids


def test_case__earlier_look__is_the_beginning_of_the_later_one():
    found = incident(2)
    early, late = case(found, 180.0), case(found, 600.0)
    for one, other in zip(early["series"], late["series"], strict=True):
        assert other["v"][: len(one["v"])] == one["v"]


def test_incident__dead_canary__is_silent_from_the_onset_on():
    found = incident(1, ["dead"])
    service, onset = found.origin.service, found.origin.onset
    shown = [
        each
        for each in case(found)["series"]
        if (each["service"], each["metric"], each["cohort"]) == (service, "errors", "canary")
    ]
    for each in shown:
        late = [v for t, v in zip(each["t"], each["v"], strict=True) if t > onset + 60]
        assert set(late) <= {None}


def test_incident__surge__raises_requests_everywhere():
    found = incident(4, ["surge"])
    world = found.hurts.world
    late = world.t > found.origin.onset + 300
    for name in world.calls:
        assert found.hurts[name].requests[:, late].min() > 0
