"""YAML, read as JSON is: bounded, with the line of everything; and written to be the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.configuration.difference import shown
from controlplane.configuration.texts import MOST_CHARACTERS, TextError, read_text
from controlplane.configuration.writing import text_of

TEXTS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"))
PLAIN = (
    st.none()
    | st.booleans()
    | st.integers(-(10**15), 10**15)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS
)
VALUES = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


def read(text):
    return [tree.value for tree in read_text(text)]


@given(st.lists(st.dictionaries(TEXTS, VALUES, min_size=1, max_size=4), min_size=1, max_size=3))
def test_text__written_and_read__is_the_same(documents):
    assert read(text_of(documents)) == documents


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("2026-01-31", "2026-01-31"),
        ("010", "010"),
        ("1:30", "1:30"),
        ("true", True),
        ("~", None),
        ("1e3", 1000.0),
        ("'1'", "1"),
        (".inf", ".inf"),
    ],
)
def test_scalar__plain__is_what_json_would_take_or_a_text(text, value):
    assert read(f"a: {text}") == [{"a": value}]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a: 1\nb:\n  c: 1\n  c: 2\n", 4, "'c' stands twice; first on line 3"),
        ("a: &x [1]\nb: *x\n", 2, "Aliases"),
        ("<<: {a: 1}\nb: !!python/object:os.system x\n", 2, "Tags"),
        ("a: !mine [1]\n", 1, "Tags"),
        ("\n" + "[" * 50, 2, "levels deep"),
        ("? [a]\n: b\n", 1, "A key is a text"),
        ("a: b: c\n", 1, "Not YAML"),
        ("a:\n- x\n  - y: z\n -", 3, "Not YAML"),
        ('a: "\\0"\n', 1, "NUL"),
        ("a: 1" + "0" * 30, 1, "too large"),
        ("a: 1e999", 1, "too large"),
        ("a: \x01", 1, "Not YAML"),
        ("x" * (MOST_CHARACTERS + 1), 1, "characters"),
    ],
)
def test_text__that_is_not_taken__says_why_and_where(text, line, said):
    with pytest.raises(TextError, match=said) as refused:
        read(text)
    assert refused.value.line == line


def test_text__a_million_brackets__ends_with_an_error():
    with pytest.raises(TextError, match="levels deep"):
        read("[" * 1_000_000)


def test_tree__pointer_that_is_not_there__has_the_line_around_it():
    (tree,) = read_text("a:\n- b: 1\n  c: 2\n")

    assert tree.line("/a/0/c") == 3
    assert tree.line("/a/0/d") == 2
    assert tree.line("/x") == 1


def test_shown__what_a_terminal_would_obey__is_made_harmless():
    assert "\x1b" not in shown("\x1b[2J")
    assert len(shown("x" * 1000)) == 70
