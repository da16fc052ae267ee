"""What a stranger may hand in as a configuration file."""

import pytest

from controlplane.risk.documents import read
from controlplane.risk.reading import UnreadableError


@pytest.mark.parametrize("unit", ["[", "{a: ", "- ", "? "])
def test_read__tens_of_thousands_of_levels__is_unreadable_and_the_process_lives(unit):
    with pytest.raises(UnreadableError):
        read(unit * 50_000)


def test_read__aliases_of_aliases__are_not_unfolded_without_end():
    rows = ["a: &a [[x], [x]]"]
    for before, name in zip("abcdefgh", "bcdefghi", strict=True):
        rows.append(f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]")
    with pytest.raises(UnreadableError):
        read("\n".join(rows))


def test_read__a_document_that_holds_itself__is_unreadable():
    with pytest.raises(UnreadableError):
        read("a: &a [x, *a, [*a]]\n")


def test_read__long_key_over_many_values__is_unreadable_before_it_fills_the_memory():
    with pytest.raises(UnreadableError, match="too long"):
        read({"k" * 100_000: {str(i): i for i in range(2_000)}})
