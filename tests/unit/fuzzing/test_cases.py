"""classify, judge, attribute, detect, backtest: an answer for each line, whatever stands on it."""

import io
import json
import sys
from contextlib import contextmanager

import pytest
from django.core.management import call_command, load_command_class
from hypothesis import given
from hypothesis import strategies as st

from attribution.errors import CaseError
from attribution.judge import judge
from controlplane.batch import MOST_CHARACTERS
from tests.hostile import FILES, pointers, refusal, replaced
from tests.integration.fuzzing.operations import (
    ATTRIBUTED,
    CLASSIFIED,
    DETECTED,
    JUDGED,
    KAYENTA,
    METRIC,
    SPREAD,
)
from tests.memory import MOST_MB, peak_mb
from tests.unit.fuzzing.mutating import documents, drawn

CASES = {
    "classify": (CLASSIFIED,),
    "judge": (JUDGED, KAYENTA),
    "attribute": (ATTRIBUTED,),
    "detect": (DETECTED,),
}
TOO_LONG = CaseError(
    "Unreadable case", f"Longer than {MOST_CHARACTERS:,} characters.", ""
).as_problem()
LABELLED = ({**JUDGED, "label": "bad"}, {**ATTRIBUTED, "culprit": "c1"})


@contextmanager
def streams(content: bytes):
    """A process's own, strict as they are under a UTF-8 locale."""
    before = sys.stdin, sys.stdout
    sys.stdin = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8")
    sys.stdout = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    try:
        yield lambda: sys.stdout.flush() or sys.stdout.buffer.getvalue().decode()
    finally:
        sys.stdin, sys.stdout = before


def batch(name, content):
    with streams(content) as said:
        call_command(name, batch="-")
        return said()


def refused(text):
    raise ValueError(f"{text} is no JSON")


def answers(text):
    return [json.loads(line, parse_constant=refused) for line in text.split("\n") if line]


@pytest.mark.parametrize("name", CASES)
@drawn
@given(data=st.data())
def test_batch__any_line_before_a_good_one__is_answered_and_the_good_one_too(name, data):
    line = data.draw(documents(*CASES[name])).replace(b"\n", b" ").replace(b"\r", b" ")
    good = json.dumps({**CASES[name][0], "id": "good"}).encode()
    found = answers(batch(name, line + b"\n" + good))

    assert len(found) == (2 if line.decode("utf-8", "replace").strip() else 1)
    assert found[-1]["id"] == "good"
    assert "error" not in found[-1]


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("file", FILES)
def test_batch__hostile_file__is_answered_line_by_line(name, file, tmp_path):
    good = json.dumps({**CASES[name][0], "id": "good"}).encode()
    for source in ("-", str(tmp_path / "cases")):
        (tmp_path / "cases").write_bytes(FILES[file] + b"\n" + good)
        with streams(FILES[file] + b"\n" + good) as said:
            call_command(name, batch=source)
            found = answers(said())
        assert found[-1]["id"] == "good"
        assert all("error" in one for one in found[:-1] if one["id"] is None)


@pytest.mark.parametrize("name", CASES)
def test_batch__line_that_is_far_too_long__is_refused_unread_and_the_next_answered(name, tmp_path):
    file = tmp_path / "cases"
    with file.open("wb") as stream:
        for _ in range(100):
            stream.write(b"a" * 2_000_000)
        stream.write(b"\n" + json.dumps({**CASES[name][0], "id": "good"}).encode())
    with streams(b"") as said:
        assert peak_mb(lambda: call_command(name, batch=str(file))) < 100
        first, second = answers(said())

    assert first == {"id": None, "error": TOO_LONG}
    assert second["id"] == "good"


def test_case__that_is_too_long__is_refused(tmp_path):
    file = tmp_path / "case"
    file.write_bytes(b'"' + b"a" * MOST_CHARACTERS + b'"')

    assert TOO_LONG["detail"] in refusal("judge", file=str(file))


def test_backtest__line_that_is_too_long__is_named_and_the_next_counted(tmp_path):
    file = tmp_path / "cases"
    file.write_bytes(b"a" * (MOST_CHARACTERS + 9) + b"\n" + json.dumps(LABELLED[0]).encode())
    with streams(b"") as said:
        call_command("backtest", str(file))
        found = json.loads(said())

    assert found["judge"]["cases"] == 1
    assert len(found["errors"]) == 1


@pytest.mark.parametrize("name", CASES)
@drawn
@given(data=st.data())
def test_case__any_bytes__are_answered_or_refused_in_one_line(name, data):
    content = data.draw(documents(*CASES[name]))
    with streams(content) as said:
        told = refusal(name, file="-")
        assert len(told) < 2000
        if not told:
            json.loads(said(), parse_constant=refused)


EXTREME = (1e308, 1e200, 1e100, 1e15, 1e-100, 5e-324, 0, -0.0, -5e-324, -1e308)
COMMANDS = {"judge": JUDGED, "kayenta": KAYENTA, "attribute": ATTRIBUTED, "detect": DETECTED}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", COMMANDS)
def test_case__extreme_number_anywhere__is_answered_in_numbers_or_refused(name):
    command = load_command_class("controlplane", "judge" if name == "kayenta" else name)
    for at in pointers(COMMANDS[name]):
        for number in EXTREME:
            case = json.loads(replaced(COMMANDS[name], at, json.dumps(number)))
            try:
                found = command.answer(case) if isinstance(case, dict) else {}
            except CaseError:
                continue
            json.loads(json.dumps(found), parse_constant=refused)


def distribution(bounds, intervals, units=1):
    one = {"bounds": list(range(1, bounds + 1)), "counts": [None] * intervals}
    cohort = {f"u{n}": one for n in range(units)}
    return {**SPREAD, "control": cohort, "canary": cohort}


@pytest.mark.parametrize(
    ("metrics", "why"),
    [
        ([distribution(60_000, 100_000)], "too many buckets"),
        ([distribution(200, 100_000)], "too many counts"),
        ([distribution(200, 3_000, units=50)], "too many counts"),
        ([distribution(999, 190, units=2)], "too many counts"),
        ([{**distribution(200, 3_300), "name": f"m{n}"} for n in range(20)], "too many readings"),
    ],
    ids=["buckets", "intervals", "units", "work", "metrics"],
)
def test_judge__missing_readings_that_would_fill_the_memory__are_refused(metrics, why):
    case = {key: value for key, value in JUDGED.items() if key != "t"} | {"metrics": metrics}

    def judged():
        with pytest.raises(CaseError, match=why):
            judge(case)

    assert peak_mb(judged) < MOST_MB


@pytest.mark.parametrize("weight", [False, 1e-12, 1e12])
def test_judge__weight_that_is_none__is_refused(weight):
    with pytest.raises(CaseError) as told:
        judge({**JUDGED, "metrics": [{**METRIC, "weight": weight}, SPREAD]})
    assert told.value.pointer == "/metrics/0/weight"


def test_judge__many_missing_readings__takes_little_memory():
    case = {key: value for key, value in JUDGED.items() if key != "t"}
    case["metrics"] = [distribution(200, 1_000)]

    assert peak_mb(lambda: judge(case)) < MOST_MB


@drawn
@given(data=st.data())
def test_backtest__any_line__is_counted_or_named(data):
    line = data.draw(documents(*LABELLED)).replace(b"\n", b" ").replace(b"\r", b" ")
    with streams(line + b"\n" + json.dumps(LABELLED[0]).encode()) as said:
        call_command("backtest", "-")
        found = json.loads(said(), parse_constant=refused)

    assert found["judge"]["cases"] >= 1


@pytest.mark.parametrize("file", FILES)
def test_backtest__hostile_file__names_its_lines_and_goes_on(file):
    with streams(FILES[file] + b"\n" + json.dumps(LABELLED[0]).encode()) as said:
        call_command("backtest", "-")
        assert json.loads(said())["judge"]["cases"] == 1
