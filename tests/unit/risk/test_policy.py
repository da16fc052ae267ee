import pytest

from attribution.errors import CaseError
from controlplane.risk.kinds import KINDS
from controlplane.risk.policy import DEFAULT_POLICIES, PolicyRow, StageRow, choose
from controlplane.risk.policy_rows import row_of
from controlplane.risk.signals import SEVERITIES

DEPLOY = KINDS["deploy"]


def row(source, **when):
    return PolicyRow(source, "L3", 0, (StageRow(1.0, 60),), **when)


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
@pytest.mark.parametrize("tier", [None, 0, 1, 2, 3])
@pytest.mark.parametrize("level", SEVERITIES)
def test_default_table__every_level_kind_and_tier__has_a_policy(level, kind, tier):
    chosen = choose(DEFAULT_POLICIES, level, kind, tier)
    assert chosen.stages[-1].share == 1.0
    if not (kind.observable and kind.reversible):
        assert chosen.control_level in ("L0", "L1", "L2")
    if not kind.grayable:
        assert [stage.gates for stage in chosen.stages] == [("pre_flight",)]


def test_default_table__higher_level__asks_for_no_less():
    rows = [choose(DEFAULT_POLICIES, level, DEPLOY, 2) for level in SEVERITIES]
    assert [one.approvals for one in rows] == [0, 1, 2, 2]
    first = [one.stages[0].share for one in rows]
    assert first == sorted(first, reverse=True)
    bakes = [one.stages[0].min_s for one in rows]
    assert bakes == sorted(bakes)


def test_choose__several_rows_fit__takes_the_most_specific():
    table = [
        row("any"),
        row("level", level="low"),
        row("tier", tier=1),
        row("kind", kind="deploy"),
        row("kind and tier", kind="deploy", tier=1),
    ]
    assert choose(table, "low", DEPLOY, 1).source == "kind and tier"
    assert choose(table[:4], "low", DEPLOY, 1).source == "kind"
    assert choose(table[:3], "low", DEPLOY, 1).source == "tier"
    assert choose(table[:2], "low", DEPLOY, 1).source == "level"


def test_choose__unknown_tier__fits_no_row_that_names_one():
    assert choose([row("tier", tier=3)], "low", DEPLOY, None).source == "default-1/low"


def test_choose__no_row_fits__falls_back_to_the_default_table():
    assert choose([row("x", level="low")], "high", DEPLOY, 1).source == "default-1/high"


STAGES = [{"share": 1}]


def test_row_of__nested_and_flat__are_the_same():
    nested = {"when": {"level": "low"}, "then": {"control_level": "L2", "stages": STAGES}}
    flat = {"level": "low", "control_level": "L2", "stages": STAGES}
    assert row_of(nested) == row_of(flat)


@pytest.mark.parametrize(
    ("data", "pointer"),
    [
        ({"stages": STAGES, "surprise": 1}, ""),
        ({"stages": STAGES, "level": "severe"}, "/level"),
        ({"stages": STAGES, "kind": "deployment"}, "/kind"),
        ({"stages": STAGES, "tier": True}, "/tier"),
        ({"stages": STAGES, "reject": 1}, "/reject"),
        ({"stages": STAGES, "approvals": -1}, "/approvals"),
        ({"stages": [{"share": 0.5}, {"share": 0.1}]}, "/stages/1/share"),
        ({"stages": [{"share": 2}]}, "/stages/0/share"),
        ({"stages": [{"share": 0.5}]}, "/stages"),
        ({}, "/stages"),
    ],
)
def test_row_of__bad_row__points_at_the_fault(data, pointer):
    with pytest.raises(CaseError) as caught:
        row_of(data)
    assert caught.value.pointer == pointer


def test_row__checks__by_name_or_with_whom_to_believe():
    row = row_of({"stages": [{"share": 1}], "checks": ["ci", {"name": "scan", "by": ["scanner"]}]})
    told = [{"name": "ci", "by": []}, {"name": "scan", "by": ["scanner"]}]
    assert row.as_dict()["checks"] == told


@pytest.mark.parametrize(
    ("checks", "pointer"),
    [
        ("ci", "/checks"),
        ([1], "/checks/0"),
        ([""], "/checks/0/name"),
        (["ci", "ci"], "/checks"),
        ([{"name": "ci", "who": []}], "/checks/0"),
        ([{"name": "ci", "by": "bot"}], "/checks/0/by"),
    ],
)
def test_row__checks_malformed__are_refused_with_their_place(checks, pointer):
    with pytest.raises(CaseError) as raised:
        row_of({"stages": [{"share": 1}], "checks": checks})
    assert raised.value.pointer == pointer
