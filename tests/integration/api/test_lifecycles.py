"""The lifecycles that other tests start from end where their names say."""

import pytest

from controlplane.decision import decision_of
from tests.factories import LIFECYCLES, journey

DECISION = {
    "approved": "allowed",
    "pending_approval": "needs_approval",
    "rejected": "rejected",
    "canceled": "canceled",
    "handed_over": "allowed",
    "paused": "paused",
    "running": "running",
    "rolled_back": "rolled_back",
    "completed": "completed",
}


@pytest.mark.parametrize("lifecycle", LIFECYCLES)
def test_lifecycle__walked__ends_in_the_decision_of_its_name(db, lifecycle):
    change = journey(lifecycle).change
    change.refresh_from_db()

    assert decision_of(change)["decision"] == DECISION[lifecycle]
