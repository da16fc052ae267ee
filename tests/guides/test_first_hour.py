"""The first hour, typed as it is printed."""

import pytest

from demo.fleet.ports import held_port
from tests.guides.typed import ROOT, fresh_checkout, type_in

pytestmark = pytest.mark.e2e


def test_first_hour__typed_as_printed__shadow_then_enforced(company, tmp_path):
    checkout = fresh_checkout(tmp_path)
    told = type_in(ROOT / "docs/guides/first_hour.md", checkout, company, port=held_port())
    assert "would have rolled back" in told
    assert "rolled back" in told.rpartition("mailer 2026.11.3")[2]
