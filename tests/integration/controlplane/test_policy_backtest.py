"""The command: a draft beside what stands, on stored outcomes or on a file."""

import json

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from attribution.clock import database_now
from controlplane.models import Assessment, Change, Outcome, Policy

STAGES = [{"share": 1, "min_s": 600}]
DRAFT = [
    {"control_level": "L3", "approvals": 0, "stages": STAGES},
    {"level": "high", "tier": 0, "control_level": "L3", "approvals": 1, "stages": STAGES},
]


def ended(result, level="high", tier=0):
    change = Change.objects.create(title="A", kind="deploy", targets=[], author="ann")
    Assessment.objects.create(
        change=change,
        version="1",
        at=database_now(),
        level=level,
        score=1,
        reach=0,
        hazard=0,
        likelihood=0,
        reversibility="reversible",
        policy={},
        case={"context": {"tier": tier}},
    )
    Outcome.objects.create(change=change, result=result, level=level, ended_at=database_now())


@pytest.fixture
def draft(tmp_path):
    file = tmp_path / "draft.json"
    file.write_text(json.dumps(DRAFT))
    return str(file)


def told(capsys, *arguments):
    call_command("policy_backtest", *arguments)
    seen = capsys.readouterr()
    return json.loads(seen.out), seen.err


@pytest.mark.django_db
def test_policy_backtest__stored_history__draft_beside_what_stands(draft, capsys):
    for result in ("completed", "rolled_back", "canceled"):
        ended(result)
    ended("rolled_back", tier=3)
    free = {"when": {}, "then": {"control_level": "L3", "approvals": 0, "stages": STAGES}}
    Policy.objects.create(name="free", spec=free)
    answer, table = told(capsys, draft)
    assert answer["present"]["caught"] == 0
    assert answer["draft"] | {"minutes": None} == {
        "changes": 3,
        "harmful": 2,
        "rejected": 0,
        "approvals": 2,
        "caught": 1,
        "caught_share": 0.5,
        "needlessly_blocked": 1,
        "needlessly_blocked_share": 1.0,
        "minutes": None,
    }
    assert "| draft | 3 | 2 | 1 (50%) | 1 (100%) | 0 | 2 | 10 each |" in table


@pytest.mark.django_db
def test_policy_backtest__since_tomorrow__has_no_history(draft, capsys):
    ended("completed")
    answer, table = told(capsys, draft, "--since", "2200-01-01T00:00:00Z")
    assert answer["draft"]["changes"] == 0
    assert "| draft | 0 | 0 | 0 | 0 | 0 | 0 | - |" in table


def test_policy_backtest__history_in_a_file__needs_no_database(draft, tmp_path, capsys):
    file = tmp_path / "history.jsonl"
    file.write_text('{"level": "high", "kind": "deploy", "tier": 0, "harmful": true}\n\n')
    answer, _ = told(capsys, draft, "--file", str(file))
    assert answer["draft"]["caught"] == 1
    assert answer["present"]["approvals"] == 2


@pytest.mark.parametrize("text", ["", "{}", '[{"approvals": -1}]', "[1]", "\xff"])
def test_policy_backtest__draft_is_none__says_what_is_wrong(text, tmp_path):
    file = tmp_path / "draft.json"
    file.write_text(text)
    with pytest.raises(CommandError):
        call_command("policy_backtest", str(file), "--file", str(file))


def test_policy_backtest__no_such_file__says_so(tmp_path):
    with pytest.raises(CommandError, match="Cannot read"):
        call_command("policy_backtest", str(tmp_path / "none.json"))
