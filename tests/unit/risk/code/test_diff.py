import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.risk.code.diff import MOST_CHARACTERS, UnreadableDiffError, parse

MODIFIED = """\
commit 1f2e3d
Author: A Person

    Fix the cart's total

diff --git a/shop/cart.py b/shop/cart.py
index 1..2 100644
--- a/shop/cart.py
+++ b/shop/cart.py
@@ -10,4 +10,5 @@ def total():
 one
-two
+TWO
+three
 four
 five
"""


def numbered(change):
    return [(line.number, line.text) for line in change.added]


def only(text):
    (change,) = parse(text).files
    return change


def test_parse__modified_file__gives_lines_with_their_numbers_and_the_message():
    change = only(MODIFIED)
    assert (change.path, change.status) == ("shop/cart.py", "modified")
    assert numbered(change) == [(11, "TWO"), (12, "three")]
    assert [line.at for line in change.added] == [13, 14]
    assert (change.at, change.deleted) == (6, ["two"])
    assert "Fix the cart's total" in parse(MODIFIED).message


def test_parse__content_that_looks_like_a_header__is_content():
    head = "--- a/x.sql\n+++ b/x.sql\n@@ -1,2 +1,2 @@\n"
    text = head + "--- old comment\n+++ b/y\n+diff --git a/z b/z\n-x\n"
    change = only(text)
    assert change.deleted == ["-- old comment", "x"]
    assert numbered(change) == [(1, "++ b/y"), (2, "diff --git a/z b/z")]


@pytest.mark.parametrize(
    ("header", "status", "path"),
    [
        ("new file mode 100644\n--- /dev/null\n+++ b/a b.py\n", "added", "a b.py"),
        ("deleted file mode 100644\n--- a/a b.py\n+++ /dev/null\n", "deleted", "a b.py"),
        ("similarity index 100%\nrename from a b.py\nrename to c.py\n", "renamed", "c.py"),
        ("old mode 100644\nnew mode 100755\n", "modified", "a b.py"),
    ],
)
def test_parse__header_lines_of_git__tell_what_happened_to_the_file(header, status, path):
    change = only(f"diff --git a/a b.py b/a b.py\n{header}")
    assert (change.status, change.path) == (status, path)


def test_parse__quoted_path__is_decoded():
    old, new = r'"a/\303\244.py"', r'"b/\303\244.py"'
    text = f"diff --git {old} {new}\n--- {old}\n+++ {new}\n"
    assert only(text).path == "ä.py"


def test_parse__binary_file__is_told():
    text = "diff --git a/x.jar b/x.jar\nindex 1..2\nBinary files a/x.jar and b/x.jar differ\n"
    assert only(text).binary


def test_parse__plain_diff_without_git__is_read():
    first = "--- x.c\t2024-01-01\n+++ x.c\t2024-01-02\n@@ -1 +1 @@\n-a\n+b\n"
    text = first + "--- y.c\n+++ y.c\n@@ -0,0 +1 @@\n+c\n"
    assert [(c.path, c.lines) for c in parse(text).files] == [("x.c", 2), ("y.c", 1)]


def test_parse__merge_of_two_parents__counts_what_is_new_to_either():
    head = "diff --cc a.py\n--- a/a.py\n+++ b/a.py\n@@@ -1,3 -1 +1,3 @@@\n"
    text = head + "  same\n++both\n- gone\n +theirs\n"
    change = only(text)
    assert numbered(change) == [(2, "both"), (3, "theirs")]
    assert change.deleted == ["gone"]
    assert parse(text).cut_at is None


def test_parse__carriage_returns_and_byte_order_mark__do_not_disturb():
    change = only("\ufeff" + MODIFIED.replace("\n", "\r\n"))
    assert numbered(change) == [(11, "TWO"), (12, "three")]


def test_parse__hunk_that_ends_early__says_where():
    assert parse(MODIFIED).cut_at is None
    assert parse(MODIFIED.removesuffix(" four\n five\n")).cut_at is not None


@pytest.mark.parametrize(
    "text",
    ["", "hello", "+x\n", "d\0i\0f\0f\0", "x" * (MOST_CHARACTERS + 1), "diff --git a b\n" * 30_000],
)
def test_parse__no_diff_or_too_much_of_it__is_refused(text):
    with pytest.raises(UnreadableDiffError):
        parse(text)


lines = st.sampled_from(
    ["diff --git a/x b/x", "--- a/x", "+++ b/x", "@@ -1,2 +1,2 @@", "@@@ -1 -1 +1 @@@", "+", "-",
     " a", "\\ No newline", "rename to y", "new file mode 160000", '--- "', "@@ -0,0 +999999999 @@"]
)  # fmt: skip


@given(st.lists(lines | st.text(max_size=8), max_size=30))
def test_parse__any_lines__are_read_or_refused(parts):
    try:
        found = parse("\n".join(parts))
    except UnreadableDiffError:
        return
    assert sum(change.lines for change in found.files) <= len(parts) + 30
