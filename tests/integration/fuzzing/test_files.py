"""Files that are read beside the database: nothing is stored of one that is refused."""

import json

import pytest

from attribution.clock import database_now
from rollout import emergency
from rollout.models import Hold
from tests.factories import journey
from tests.hostile import FILES, refusal, replaced
from tests.integration.fuzzing.watching import content

pytestmark = pytest.mark.django_db
OPENING = {"checkpoint": "2026-01-31T12:00:00+00:00", "previous": ""}
HEAD = {"rollout": "5f0c7d1e-0000-4000-8000-000000000000", "sequence": 1, "hash": "x"}
VALUES = (
    '"2026-13-45T99:99:99+00:00"', '"0000-00-00T00:00:00Z"', '"\\u0000"', '"\\ud800"', "1e400",
    "NaN", "null", "[]", "{}", "-1", "1" * 400, "[" * 200 + "]" * 200,
)  # fmt: skip


def lines():
    """Each place of each line of a checkpoint replaced."""
    for value in VALUES:
        for name in OPENING:
            yield replaced(OPENING, (name,), value)
        for name in HEAD:
            yield json.dumps(OPENING).encode() + b"\n" + replaced(HEAD, (name,), value)
        for name in ("heads", "digest"):
            closing = replaced({"heads": 0, "digest": "x"}, (name,), value)
            yield json.dumps(OPENING).encode() + b"\n" + closing


def test_checkpoint__any_file__is_read_or_refused_in_one_line(tmp_path, capsys):
    journey("handed_over")
    path = tmp_path / "heads.jsonl"
    for given in [*FILES.values(), *lines()]:
        path.write_bytes(given)
        for command, arguments in (
            ("verify_ledger", {"file": path}),
            ("export_checkpoint", {"file": str(path)}),
        ):
            if command == "export_checkpoint" and not given.endswith(b"}"):
                continue
            told = refusal(command, **arguments)
            assert len(told) < 500
            assert "\n" not in told
        capsys.readouterr()


@pytest.mark.parametrize("spoilt", [b"", *FILES.values()], ids=["nothing", *FILES])
def test_marker_of_zero__with_a_line_that_is_none__still_holds_the_others(
    tmp_path, settings, spoilt
):
    settings.VAR_DIR = tmp_path
    walk = journey("running")
    target = walk.rollout.placements.get().target
    named = {"target": target, "actor": "olga", "at": "2026-01-31T12:00:00Z"}
    emergency.marker().write_bytes(spoilt + b"\n" + json.dumps(named).encode() + b"\n")

    assert emergency.take_up(database_now()) == 1
    assert not emergency.marker().exists()


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("name", ["target", "actor", "at"])
def test_marker_of_zero__with_a_value_that_cannot_be_stored__still_holds_the_others(
    tmp_path, settings, name, value
):
    settings.VAR_DIR = tmp_path
    walk = journey("running")
    target = walk.rollout.placements.get().target
    named = {"target": target, "actor": "olga", "at": "2026-01-31T12:00:00Z"}
    good = json.dumps(named).encode() + b"\n"
    spoilt = replaced(named, (name,), value) + b"\n"
    # The last line of a target counts: once before, once after.
    for text in (spoilt + good, good + spoilt):
        emergency.marker().write_bytes(text)
        emergency.take_up(database_now())
    assert Hold.objects.filter(rollout=walk.rollout, kind="drift").exists()
    assert not emergency.marker().exists()


def test_apply__any_file__is_refused_and_changes_nothing(tmp_path, capsys):
    before = content()
    path = tmp_path / "all.yaml"
    for given in FILES.values():
        path.write_bytes(given)
        refusal("apply", filename=str(path))
        assert content() == before
        capsys.readouterr()
