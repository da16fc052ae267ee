import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.risk.hidden import DEEPER, HIDDEN
from controlplane.risk.written import written
from controlplane.web.artefact_diff import MOST_LINES, shown


def told(seen):
    return [(line.sign, line.text) for line in seen.lines]


def texts(document):
    return [line.text for line in written(document)]


def test_shown__one_value_of_a_document_changed__only_that_line_is_new():
    before = {"pool": {"max": 10, "min": 1}, "name": "a"}
    seen = shown(before, {"name": "a", "pool": {"min": 1, "max": 90}}, [])
    assert [each for each in told(seen) if each[0] != " "] == [
        ("-", "  max: 10"),
        ("+", "  max: 90"),
    ]


def test_shown__signal_at_a_pointer__stands_at_its_new_line():
    seen = shown({"pool": {"max": 10}}, {"pool": {"max": 90}}, ["/pool/max"])
    (line,) = (line for line in seen.lines if line.found)
    assert (line.sign, line.text, line.found) == ("+", "  max: 90", (0,))


def test_shown__signal_at_what_was_removed__stands_at_the_line_taken_out():
    seen = shown({"a": 1, "probe": "/live"}, {"a": 1}, ["/probe"])
    (line,) = (line for line in seen.lines if line.found)
    assert line.sign == "-"


def test_shown__signal_below_what_is_written__stands_at_the_nearest_line_above():
    seen = shown(None, {"rules": []}, ["/rules/0/port"])
    assert [line.text for line in seen.lines if line.found] == ["rules: []"]


@pytest.mark.parametrize("where", ["", "/artefact", "line 99", "nowhere"])
def test_shown__signal_of_no_line__is_told_of_the_whole(where):
    assert shown("a: 1", "a: 2", [where]).elsewhere == (0,)


def test_shown__text__is_shown_as_it_is_with_line_numbers():
    seen = shown("one\ntwo", "one\n2", ["line 2"])
    assert told(seen) == [(" ", "one"), ("-", "two"), ("+", "2")]
    assert [(line.old, line.new) for line in seen.lines] == [(1, 1), (2, None), (None, 2)]
    assert seen.lines[2].found == (0,)


def test_shown__nobody_said_what_it_replaces__nothing_is_called_new():
    assert {sign for sign, _ in told(shown(None, "a\nb", []))} == {" "}


def test_shown__much_as_before__is_left_out_and_counted():
    lines = [f"line {i}" for i in range(100)]
    seen = shown("\n".join(lines), "\n".join([*lines[:50], "new", *lines[50:]]), [])
    assert [line.left_out for line in seen.lines if line.left_out] == [47, 47]
    assert len(seen.lines) == 9


@pytest.mark.parametrize(
    "document",
    [
        {"db": {"password": "hunter22"}},
        "password: hunter22",
        "DB_PASSWORD=hunter22",
        '  "api_token": "hunter22",',
        {"url": "postgres://me:hunter22@db/x"},
        "connect postgres://me:hunter22@db/x now",
        {"deep": [{"client_secret": "hunter22"}]},
    ],
)
def test_written__secret__is_not_shown(document):
    whole = "\n".join(texts(document))
    assert "hunter22" not in whole
    assert HIDDEN in whole


def test_written__path_of_a_secret__is_shown():
    assert texts({"password_file": "/run/secret"}) == ['password_file: "/run/secret"']


def test_shown__very_long__looks_at_the_beginning_and_says_so():
    seen = shown("a\n" * (MOST_LINES + 5), "b\n" * 3, [])
    assert seen.cut


def test_written__thousands_of_levels__ends_and_says_so():
    deep = {"password": "hunter22"}
    for _ in range(900):
        deep = [deep]
    assert texts(deep)[-1].strip() == f"- {DEEPER}"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(json_values, json_values)
def test_shown__any_two_documents__old_and_new_lines_are_all_there(before, after):
    old, new = texts(before), texts(after)
    seen = shown(before, after, [])
    kept = sum(line.left_out for line in seen.lines)
    both = sum(line.sign == " " and not line.left_out for line in seen.lines)
    if before is not None:
        assert len(old) == kept + both + sum(line.sign == "-" for line in seen.lines)
        assert len(new) == kept + both + sum(line.sign == "+" for line in seen.lines)


@given(json_values)
def test_shown__same_document__nothing_is_new(document):
    again = json.loads(json.dumps(document))
    assert {line.sign for line in shown(document, again, []).lines} <= {" "}


def test_written__private_key_in_a_text__hides_its_body_and_nothing_after_it():
    text = "a: 1\n-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIB\nqhJ7+/=\nb: 2\nMIIEpAIB"
    assert [line.text for line in written(text)] == [
        "a: 1",
        HIDDEN,
        HIDDEN,
        HIDDEN,
        "b: 2",
        "MIIEpAIB",
    ]
