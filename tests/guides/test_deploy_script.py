"""A deploy script of one's own, typed as it is printed."""

import pytest

from demo.fleet.ports import held_port
from tests.guides.typed import ROOT, first_three_parts, fresh_checkout, type_in

pytestmark = pytest.mark.e2e


def test_deploy_script__typed_as_printed__takes_a_bad_release_back_by_it(company, tmp_path):
    told = type_in(
        ROOT / "docs/guides/deploy_script.md",
        fresh_checkout(tmp_path),
        company,
        port=held_port(),
        before=first_three_parts(),
    )
    assert "command shows 0% exposed" in told
    halted, _, after = told.partition("rolled_back")
    assert "halted: harm_shown" in halted
    # What the balancer says, asked by the wrapper.
    assert '{"exposure": 0.00}' in after
