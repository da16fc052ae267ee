"""From Argo Rollouts, typed as it is printed."""

import pytest

from demo.fleet.ports import held_port
from tests.guides.typed import ROOT, first_three_parts, fresh_checkout, type_in

pytestmark = pytest.mark.e2e
GUIDE = ROOT / "docs/guides/from_argo_rollouts.md"


def test_from_argo_rollouts__typed_as_printed__rules_and_steps_come_over(company, tmp_path):
    checkout = fresh_checkout(tmp_path)
    told = type_in(GUIDE, checkout, company, port=held_port(), before=first_three_parts())
    assert "provider: not carried over: provider job" in told
    assert "harm_shown; success-rate (failures): canary" in told
    assert "would have rolled back" in told
    assert "[0.2, 0.5, 1.0]" in told
