import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribution.errors import CaseError
from attribution.sources.promql import (
    Matcher,
    check_embeddable,
    fill_interval,
    quote,
    selector,
    spellings,
    tidy,
)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ('m{,code=~"5..",,a="b",}', 'm{a="b",code=~"5.."}'),
        ("m{a='b', code=~`5..`}", 'm{a="b",code=~"5.."}'),
        (r'm{a="say \"hi\"",b="c:\\d"}', r'm{b="c:\\d",a="say \"hi\""}'),
        ("m", "m{}"),
        (' m { a = "b" } ', 'm{a="b"}'),
    ],
)
def test_selector__written_otherwise__is_the_same(text, same):
    assert selector(text) == selector(same)
    assert str(selector(text)) == str(selector(same))


@pytest.mark.parametrize(
    "text",
    ["sum(m)", "m{} offset 5m", "m[5m]", "m{a=b}", 'm{a="x" b="y"}', 'm{"a.b"="c"}', "-m", ""],
)
def test_selector__other_promql__is_none(text):
    assert selector(text) is None


def test_selector__bucket__fits_every_spelling_of_its_bound():
    assert str(selector('h_bucket{le="1"}')) == 'h_bucket{le=~"1|1\\\\.0|1e\\\\+00"}'
    assert selector('h_bucket{le="1.0"}').name == "h_bucket"
    assert str(selector('h_bucket{le="fast"}')) == 'h_bucket{le=~"fast"}'
    assert str(selector('h_bucket{le!="1"}')) == 'h_bucket{le!="1"}'


@pytest.mark.parametrize(
    ("bound", "all_of_them"),
    [
        ("1", {"1", "1.0"}),
        ("0.005", {"0.005"}),
        ("1e+06", {"1e+06", "1000000", "1000000.0"}),
        ("123456789", {"123456789", "1.23456789e+08"}),
        ("+Inf", {"+Inf"}),
        ("Inf", {"+Inf", "Inf"}),
    ],
)
def test_spellings__of_one_number__are_those_of_servers_and_clients(bound, all_of_them):
    assert all_of_them <= set(spellings(bound))
    assert {float(each) for each in spellings(bound)} == {float(bound)}


@pytest.mark.parametrize(
    ("matcher", "demands"),
    [
        (Matcher("a", "=", '"x"'), True),
        (Matcher("a", "=", '""'), False),
        (Matcher("a", "!=", '"x"'), False),
        (Matcher("a", "!=", '""'), True),
        (Matcher("a", "=~", '"5.."'), True),
        (Matcher("a", "=~", '".*"'), False),
        (Matcher("a", "!~", '"5.."'), False),
        (Matcher("a", "!~", '".*"'), True),
        (Matcher("a", "=~", '"(a+)+"'), True),
        (Matcher("a", "=", r'"\u0041"'), True),
    ],
)
def test_matcher__demands_its_label__unless_a_series_without_it_fits(matcher, demands):
    assert matcher.demands_label is demands


@pytest.mark.parametrize(
    ("text", "tidied"),
    [
        ('sum(m{,a="x"}) by (b,c)', 'sum(m{a="x"}) by (b,c)'),
        ('m{ , a="x",, b="y" ,}', 'm{  a="x", b="y" ,}'),
        ("m{,}", "m{}"),
        ('m{a=",,"}', 'm{a=",,"}'),
        ("f(m, 1)", "f(m, 1)"),
    ],
)
def test_tidy__commas_that_separate_nothing__go(text, tidied):
    assert tidy(text) == tidied


@pytest.mark.parametrize(
    ("seconds", "text"), [(5, "m[5s]"), (2.5, "m[2500ms]"), (0.2, "m[200ms]"), (60.0, "m[60s]")]
)
def test_fill_interval__seconds__become_a_duration(seconds, text):
    assert fill_interval("m[$interval]", seconds) == text


PIECES = [
    "(",
    ")",
    "{",
    "}",
    "[",
    "]",
    '"',
    "'",
    "`",
    "\\",
    "#",
    "m",
    ",",
    "\n",
    "or",
    '"a"',
    "'\\''",
]


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_check_embeddable__whatever_is_let_through__leaves_its_neighbours_alone(text):
    """By another reader: letter by letter, the depth never falls below where it began."""
    try:
        check_embeddable(text)
    except CaseError:
        return
    depth, quoted, escaped = 0, "", False
    for letter in text:
        if quoted:
            if escaped:
                escaped = False
            elif letter == "\\" and quoted != "`":
                escaped = True
            elif letter == quoted:
                quoted = ""
        elif letter in "\"'`":
            quoted = letter
        else:
            assert letter not in "#\\"
            depth += (letter in "({[") - (letter in ")}]")
            assert depth >= 0
    assert (depth, quoted) == (0, "")


@given(st.text())
def test_quote__any_text__is_read_back(text):
    assert Matcher("a", "=", quote(text)).value == text
