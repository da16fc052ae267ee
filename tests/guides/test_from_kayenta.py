"""From Kayenta, typed as it is printed."""

import json

import pytest

from demo.fleet.ports import held_port
from tests.guides.typed import ROOT, first_three_parts, fresh_checkout, type_in

pytestmark = pytest.mark.e2e
GUIDE = ROOT / "docs/guides/from_kayenta.md"


def test_from_kayenta__typed_as_printed__config_comes_over_and_both_judge(company, tmp_path):
    checkout = fresh_checkout(tmp_path)
    told = type_in(GUIDE, checkout, company, port=held_port(), before=first_three_parts())
    answers = [json.loads(line) for line in (checkout / "kayenta/answers.jsonl").open()]
    as_kayenta, sequential = answers
    # What Kayenta's own judge says of these series, by its rules.
    found = [each["classification"] for each in as_kayenta["metrics"]]
    assert (as_kayenta["classification"], as_kayenta["score"]) == ("Fail", 0.0)
    assert found == ["High", "Pass"]
    assert sequential["verdict"] == "inconclusive"
    assert "would have rolled back" in told
    assert "harm_shown; failures: canary" in told
