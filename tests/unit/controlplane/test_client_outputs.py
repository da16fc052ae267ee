"""What the client writes for a CI, read back as the CI reads it: hostile text stays text."""

import argparse
import ast
import json
import re
import sys
import unicodedata
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.client import graygate
from controlplane.client.download import FILE
from controlplane.client.graygate import (
    Reply,
    Report,
    Spot,
    UsageError,
    annotation,
    checked_address,
    code_quality,
    decision_markdown,
    dotenv,
    for_log,
    github_output,
    markdown,
    markdown_link,
    one_json,
    run_key,
)

HOSTILE = [
    "::set-output name=x::y",
    "a\n::error::no",
    "a\r\n::add-mask::e\r",
    "a\x0b\x0c\x1c\x85\u2028\u2029::warning::x",
    "##[set-output name=x;]y",
    "####[error]x",
    "##vso[task.setvariable variable=x]y",
    "\x1b[2J\x1b]0;title\x07",
    "section_start:1:x\r\x1b[0K",
    "\x01 ::error::x",
    "\x7f\t##[error]x",
    "\u200b::add-mask::e",
    ":\u00ad:stop-commands::e",
    "#\u200b#[error]x",
    "x<<EOF\nEOF\ny=1",
    "x=1\ny=2",
    "![](http://evil.example/i.png) [a](javascript:alert(1))",
    "<img src=x onerror=alert(1)> &lt;",
    "| a | b |\n# c\n- d @everyone `e` http://evil.example",
    "\u202egpj.exe",
    "%0A::error::x",
    "",
]
TEXTS = st.one_of(st.sampled_from(HOSTILE), st.text(), st.text("\r\n:#=<%,|`[]\x1b\u2028ab"))


def outputs(text):
    """As GitHub's runner reads the file."""
    lines = text.split("\n")
    assert lines.pop() == ""
    assert "\r" not in text
    found = {}
    while lines:
        line = lines.pop(0)
        equals, heredoc = line.find("="), line.find("<<")
        if equals >= 0 and (heredoc < 0 or equals < heredoc):
            name, _, value = line.partition("=")
        else:
            name, _, mark = line.partition("<<")
            end = lines.index(mark)
            value, lines = lines[:end], lines[end + 1 :]
        assert name not in found
        found[name] = value
    return found


def command(line):
    """As GitHub's runner reads a line: (command, properties, message), or None."""
    # It compares as people read: letters without width are not there.
    told = "".join(one for one in line if unicodedata.category(one) != "Cf").strip()
    if "##[" in told or "##vso[" in told:
        return "old", {}, told
    if not told.startswith("::"):
        return None
    head, _, message = told[2:].partition("::")
    name, _, given_properties = head.partition(" ")
    properties = dict(one.split("=", 1) for one in given_properties.split(",") if one)
    read = {key: unescaped(value, "%3A:", "%2C,") for key, value in properties.items()}
    return name, read, unescaped(message)


def unescaped(text, *more):
    for code in ("%0D\r", "%0A\n", *more, "%25%"):
        text = text.replace(code[:3], code[3:])
    return text


@given(TEXTS, st.lists(TEXTS, max_size=4))
def test_github_output__any_text__sets_what_was_meant_and_nothing_else(title, reasons):
    found = outputs(github_output({"decision": title, "reasons": reasons}))
    assert set(found) == {"decision", "reasons"}
    assert len(found["reasons"]) == len(reasons)
    assert found["decision"] == graygate.printable(title)


def test_github_output__mark__is_another_each_time():
    marks = {github_output({"reasons": []}).split("\n")[0] for _ in range(3)}
    assert len(marks) == 3


@given(TEXTS)
def test_for_log__any_text__is_one_line_and_no_order(text):
    told = for_log(text)
    assert command(told) is None
    assert command(f"  {told}") is None
    assert len(told.splitlines()) <= 1
    assert "\x1b" not in told


@given(TEXTS)
def test_one_json__any_text__is_one_line_of_ascii_and_no_order(text):
    told = one_json({"title": text, text: [text]})
    assert json.loads(told)["title"] == text or text == "title"
    assert told.isascii()
    assert command(told) is None
    assert len(told.splitlines()) == 1


@given(TEXTS, TEXTS)
def test_annotation__any_text__is_one_command_that_says_it(message, file):
    line = annotation("error", message, file=file, line=3)
    assert len(line.splitlines()) == 1
    name, properties, said = command(line.replace("##", "# #"))
    assert name == "error"
    assert set(properties) == {"file", "line"}
    assert properties["line"] == "3"
    if message.isprintable() and "##" not in message:
        assert said.strip() == message[: graygate.LONGEST_TEXT].strip()


@pytest.mark.parametrize(
    ("text", "escaped"),
    [("50%", "50%25"), ("a\r\nb", "a%0D%0Ab"), ("a: b, c", "a: b, c"), ("a%0Ab", "a%250Ab")],
)
def test_annotation__message__is_escaped_as_the_runner_asks(text, escaped):
    assert annotation("error", text) == f"::error::{escaped}"


def test_annotation__property__has_no_colon_and_no_comma():
    told = annotation("error", "x", file="a,b:c%d", title=None)
    assert told == "::error file=a%2Cb%3Ac%25d::x"


@given(TEXTS)
def test_markdown__any_text__has_no_mark_left(text):
    told = re.sub(r"\\.", "", markdown(text))
    assert not re.search(r"[`*_\[\]()#!|<>@:/\\]", told)
    assert len(told.splitlines()) <= 1


@pytest.mark.parametrize("url", ["javascript:alert(1)", "https://a b", "https://a>x", None, "u"])
def test_markdown_link__address_that_is_none__is_text(url):
    assert markdown_link("The change", url) == "The change"


@given(TEXTS, TEXTS)
def test_summary__any_text__keeps_its_shape(title, where):
    signal = {"id": title, "severity": "high", "summary": title, "where": where, "remedy": title}
    answer = {"decision": title, "level": title, "reasons": [title], "url": title}
    told = decision_markdown(answer, [Spot(signal, "a.sql")])
    lines = [line for line in told.split("\n") if line]
    assert sum(line.startswith("#") for line in lines) == 1
    rows = [line for line in lines if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {6}


@given(st.dictionaries(st.sampled_from(["change", "url", "level"]), st.one_of(TEXTS, st.none())))
def test_dotenv__any_text__has_lines_that_gitlab_takes(values):
    told = dotenv(values)
    for line in told.splitlines():
        assert re.fullmatch(r"GRAYGATE_[A-Z]+=[!-~]+", line)
        assert not set("\"'`$# ") & set(line)
    assert told.count("\n") <= len(values)


@given(st.lists(TEXTS, max_size=5))
def test_code_quality__findings_alike__have_each_their_own_fingerprint(texts):
    spots = [Spot({"id": "a", "severity": "high", "summary": one}, "a.sql") for one in texts]
    entries = json.loads(code_quality([*spots, *spots]))
    assert len({one["fingerprint"] for one in entries}) == len(entries) == 2 * len(texts)


def test_code_quality__line_moved__keeps_its_fingerprint():
    signal = {"id": "column_dropped", "severity": "critical", "summary": "It is gone"}
    first, second = (
        json.loads(code_quality([Spot({**signal, "where": where}, "a.sql")]))[0]
        for where in ("line 3", "line 9")
    )
    assert first["fingerprint"] == second["fingerprint"]
    assert (first["location"]["lines"]["begin"], second["location"]["lines"]["begin"]) == (3, 9)
    assert first["severity"] == "critical"


NO_LINE = ["/spec/0", "", None, "line 0", "line 99999999"]


@pytest.mark.parametrize(
    ("where", "line"),
    [("line 3", 3), ("a.yaml:12", 12), *((none, None) for none in NO_LINE)],
)
def test_spot__where__has_a_line_or_none(where, line):
    assert Spot({"where": where}, "f").line == line


def test_report__file_that_cannot_be_written__changes_nothing(tmp_path, capsys):
    options = argparse.Namespace(format="json", dotenv=str(tmp_path), codequality=None)
    Report(options, {"GITHUB_OUTPUT": "/nowhere/x"}).decision({"decision": "allowed"}, [], 0)
    told = capsys.readouterr()
    assert json.loads(told.out) == {"decision": "allowed"}
    assert told.err.count("Cannot write") == 2


# --- who and where


RUN = {"GITHUB_RUN_ID": "17", "GITHUB_REPOSITORY": "a/b", "GITHUB_JOB": "deploy"}


def test_run_key__same_run_and_change__is_the_same_whatever_the_attempt():
    first, second = ({**RUN, "GITHUB_RUN_ATTEMPT": attempt} for attempt in "12")
    assert run_key(first, {"a": 1, "b": 2}) == run_key(second, {"b": 2, "a": 1})


@pytest.mark.parametrize("more", [{"GITHUB_RUN_ID": "18"}, {"GITHUB_JOB": "x"}])
def test_run_key__other_run_or_job__is_another(more):
    assert run_key(RUN, {}) != run_key({**RUN, **more}, {})


def test_run_key__two_changes_of_one_job__are_two():
    assert run_key(RUN, {"a": 1}) != run_key(RUN, {"a": 2})


@given(TEXTS, TEXTS)
def test_run_key__any_names__is_a_key_that_the_server_takes(job, repository):
    key = run_key({**RUN, "GITHUB_JOB": job, "GITHUB_REPOSITORY": repository}, {})
    assert re.fullmatch(r"github-[0-9a-f]{48}", key)


@pytest.mark.parametrize(
    "url",
    ["https://g.example", "https://g.example:8443/graygate/", "http://127.0.0.9:1", "http://[::1]"],
)
def test_checked_address__safe__is_taken_without_its_last_slash(url):
    assert checked_address(url, insecure=False) == url.rstrip("/")


@given(st.text())
def test_checked_address__anything__is_taken_or_a_usage_error(text):
    with suppress(UsageError):
        assert checked_address(text, insecure=True).isascii()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("7", 7), ("", 0), ("soon", 0), ("-3", 0), ("1e9", 0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0)],
)
def test_retry_after__seconds_or_date__is_never_below_zero(text, seconds):
    assert Reply(503, {"retry-after": text}, b"").retry_after_s() == seconds


# --- one file for any interpreter


def test_file__syntax__is_that_of_python_3_9():
    tree = ast.parse(FILE.read_text(), feature_version=(3, 9))
    assert not [node for node in ast.walk(tree) if type(node).__name__ in ("Match", "TryStar")]


def test_file__imports__are_of_the_standard_library():
    tree = ast.parse(FILE.read_text())
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    named = {one.name for node in nodes if isinstance(node, ast.Import) for one in node.names}
    named |= {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in named} <= sys.stdlib_module_names - {"tomllib"}
