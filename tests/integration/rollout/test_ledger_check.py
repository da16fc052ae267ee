"""The ledger against whoever gets behind the triggers: each single change of it is found."""

import json
import uuid
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rollout import ledger, services
from rollout.ledger_check import faults
from rollout.models import Decision, Rollout
from rollout.recompute import explain
from tests.integration.rollout.conftest import FAIL

pytestmark = pytest.mark.django_db


def behind_the_triggers(statement, *given):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(statement, given)
        cursor.execute("SET LOCAL session_replication_role = origin")


def run(*words):
    said = StringIO()
    call_command(*words, stderr=said)
    return said.getvalue()


def found():
    return [str(fault) for fault in faults(lambda _count: None)]


@pytest.fixture
def history(make_rollout, stagehand):
    """Two rollouts: one that was taken back, one that a person paused."""
    first, second = make_rollout(), make_rollout("cart")
    stagehand.tick()
    services.pause(second.pk, "sre", "lunch")
    stagehand.evidence = FAIL
    stagehand.tick(seconds=3, times=3)
    before = transaction.savepoint()
    yield first, second
    # Else the test's end would stumble over what was done here.
    transaction.savepoint_rollback(before)


def last_of(rollout):
    return rollout.decisions.order_by("-sequence").first()


def test_verify_ledger__as_it_was_written__says_how_many_entries_and_what_cannot_show(history):
    said = run("verify_ledger")
    assert f"All {Decision.objects.count()} entries are there" in said
    assert "a cut end would not show" in said


UNREADABLE = """
    UPDATE rollout_decision SET inputs = ('{"n": 1' || repeat('0', 6000) || '}')::jsonb
    WHERE rollout_id = %s AND sequence = 3
"""


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE rollout_decision SET actor = 'nobody' WHERE rollout_id = %s AND sequence = 2",
         "entry 2 was altered"),
        ("DELETE FROM rollout_decision WHERE rollout_id = %s AND sequence = 2",
         "entry 2 is missing"),
        ("DELETE FROM rollout_decision WHERE rollout_id = %s AND sequence = 1",
         "entry 1 is missing"),
        ("DELETE FROM rollout_decision WHERE rollout_id = %s", "has no entries at all"),
        ("DELETE FROM rollout_rollout WHERE id = %s", "has entries, and is gone itself"),
        ("UPDATE rollout_rollout SET spec = spec || '{\"alpha_rollback\": 1}' WHERE id = %s",
         "spec or change is not that of its first entry"),
        ("UPDATE rollout_rollout SET change_id = gen_random_uuid() WHERE id = %s",
         "spec or change is not that of its first entry"),
        (UNREADABLE, "entry 3 cannot be read: it was altered"),
    ],
)  # fmt: skip
def test_verify_ledger__one_thing_done_to_it__names_the_first_fault_and_nothing_else(
    history, statement, told
):
    rollout, _ = history
    behind_the_triggers(statement, rollout.pk)
    (fault,) = found()
    assert str(rollout.pk) in fault
    assert told in fault
    with pytest.raises(CommandError, match="1 faults"):
        run("verify_ledger")


LEAVES = {
    str: lambda old: old + "x",
    bool: lambda old: not old,
    int: lambda old: old + 1,
    float: lambda old: old * 2 + 1,
    type(None): lambda _old: 0,
    list: lambda old: [*old, "one more"],
    dict: lambda old: old | {"one more": 1},
}


def places(value, path=()):
    yield path
    if isinstance(value, dict | list):
        keys = value if isinstance(value, dict) else range(len(value))
        for key in keys:
            yield from places(value[key], (*path, key))


def changed_at(value, path):
    if not path:
        return LEAVES[type(value)](value)
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = changed_at(value[path[0]], path[1:])
    return copy


COLUMNS = ("id", "rollout_id", "change_id", "sequence", "at", "decision", "reasons", "actor",
           "inputs", "previous_hash", "hash")  # fmt: skip


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_verify_ledger__any_single_stored_field_changed__is_found(history, data):
    entries = list(Decision.objects.order_by("rollout_id", "sequence"))
    entry = data.draw(st.sampled_from(entries))
    column = data.draw(st.sampled_from(COLUMNS))
    if column in ("reasons", "inputs"):
        old = getattr(entry, column)
        path = data.draw(st.sampled_from(list(places(old))))
        new, cast = json.dumps(changed_at(old, path)), "::jsonb"
    elif column == "at":
        new, cast = entry.at + data.draw(st.timedeltas().filter(bool).filter(small)), ""
    elif column == "sequence":
        new, cast = entry.sequence + 1000, ""
    elif column in ("id", "change_id", "rollout_id"):
        new, cast = uuid.uuid4(), ""
    else:
        new, cast = getattr(entry, column)[:-1] + "~", ""
    point = transaction.savepoint()
    statement = f'UPDATE rollout_decision SET "{column}" = %s{cast} WHERE id = %s'  # noqa: S608
    behind_the_triggers(statement, new, entry.pk)
    assert found()
    transaction.savepoint_rollback(point)
    assert not found()


def small(delta):
    return abs(delta.days) < 10_000


def test_verify_ledger__last_entry_cut_off__shows_against_a_checkpoint_only(history, tmp_path):
    rollout, _ = history
    file = tmp_path / "heads.jsonl"
    assert "2 heads written" in run("export_checkpoint", str(file))
    assert "as they were written." in run("verify_ledger", "--from", str(file))
    last = last_of(rollout)
    behind_the_triggers("DELETE FROM rollout_decision WHERE id = %s", last.pk)
    assert found() == []
    with pytest.raises(CommandError, match="1 faults"):
        run("verify_ledger", "--from", str(file))


def test_verify_ledger__rollout_gone_with_all_its_entries__shows_against_a_checkpoint(
    history, tmp_path
):
    rollout, _ = history
    file = tmp_path / "heads.jsonl"
    run("export_checkpoint", str(file))
    behind_the_triggers("DELETE FROM rollout_decision WHERE rollout_id = %s", rollout.pk)
    behind_the_triggers("DELETE FROM rollout_rollout WHERE id = %s", rollout.pk)
    assert found() == []
    with pytest.raises(CommandError):
        run("verify_ledger", "--from", str(file))


def test_verify_ledger__every_hash_computed_anew__shows_against_a_checkpoint(history, tmp_path):
    rollout, _ = history
    file = tmp_path / "heads.jsonl"
    run("export_checkpoint", str(file))
    previous = ""
    for entry in rollout.decisions.order_by("sequence"):
        entry.actor, entry.previous_hash = "nobody", previous
        previous = entry.hash = ledger.entry_hash(entry)
        behind_the_triggers(
            "UPDATE rollout_decision SET actor = %s, previous_hash = %s, hash = %s WHERE id = %s",
            *(entry.actor, entry.previous_hash, entry.hash, entry.pk),
        )
    assert found() == []
    with pytest.raises(CommandError):
        run("verify_ledger", "--from", str(file))


def test_export_checkpoint__again__appends_and_both_exports_hold(history, make_rollout, tmp_path):
    file = tmp_path / "heads.jsonl"
    run("export_checkpoint", str(file))
    before = file.read_bytes()
    make_rollout("stock")
    run("export_checkpoint", str(file))
    assert file.read_bytes().startswith(before)
    assert "as they were written." in run("verify_ledger", "--from", str(file))


def test_export_checkpoint__the_one_before_was_cut_off__goes_on_and_it_is_noted(history, tmp_path):
    file = tmp_path / "heads.jsonl"
    run("export_checkpoint", str(file))
    whole = file.read_bytes()
    file.write_bytes(whole[: whole.rindex(b"{") - 20])
    run("export_checkpoint", str(file))
    assert "did not come to its end" in run("verify_ledger", "--from", str(file))


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda lines: [lines[0], lines[2], lines[3]], "closes other lines"),
        (lambda lines: [lines[0], lines[1].replace(b'"sequence": ', b'"sequence": 1'), *lines[2:]],
         "closes other lines"),
        (lambda lines: lines[1:], "line 1 belongs to no export"),
        (lambda _lines: [b"[1]\n"], "line 1 is no JSON object"),
        (lambda _lines: [b"[" * 990 + b"\n"], "line 1 belongs to no export"),
        (lambda _lines: [b"x" * 5000], "line 1 is longer than 1000 bytes"),
        (lambda lines: [lines[0], b'{"rollout": "x"}\n'], "line 2 is no head of a chain"),
        (lambda lines: [lines[0], b"\xff\n", lines[1]], "comes after a line that was cut off"),
        (lambda _lines: [b'{"checkpoint": "soon"}\n'], "line 1 has no time"),
    ],
)  # fmt: skip
def test_verify_ledger__checkpoint_that_is_none__names_the_line(history, tmp_path, spoil, told):
    file = tmp_path / "heads.jsonl"
    run("export_checkpoint", str(file))
    file.write_bytes(b"".join(spoil(file.read_bytes().splitlines(keepends=True))))
    with pytest.raises(CommandError, match=told):
        run("verify_ledger", "--from", str(file))


def test_verify_ledger__checkpoint_is_not_there__says_so(tmp_path):
    with pytest.raises(CommandError, match="No such file"):
        run("verify_ledger", "--from", str(tmp_path / "none"))


def test_explain__decision_of_the_loop__is_the_same(history):
    for entry in history[0].decisions.filter(inputs__has_key="snapshot"):
        assert "the same" in run("explain", str(entry.pk))


def test_explain__order_of_a_person__says_who_and_why(history):
    paused = history[1].decisions.get(decision="pause")
    said = run("explain", str(paused.pk))
    assert "was ordered by sre: lunch" in said
    assert explain(paused).same is None


def test_explain__inputs_that_give_something_else__names_the_field(history):
    entry = history[0].decisions.get(decision="rollback")
    entry.inputs["snapshot"]["common_cause"] = True
    entry.hash = ledger.entry_hash(entry)
    fields = [each.field for each in explain(entry).differences]
    assert (explain(entry).same, fields[0]) == (False, "decision")
    assert "The code is the same as then" in explain(entry).text


def test_explain__inputs_that_are_broken__says_so_and_that_it_was_altered(history):
    entry = history[0].decisions.get(decision="rollback")
    del entry.inputs["snapshot"]["phase"]
    told = explain(entry)
    assert told.altered == ("the entry itself was altered",)
    assert [each.field for each in told.differences] == ["inputs"]


def test_explain__no_such_decision__says_so():
    with pytest.raises(CommandError, match="no such decision"):
        run("explain", str(uuid.uuid4()))
    assert not Rollout.every.exists()
