from hypothesis import given
from hypothesis import strategies as st

from rollout.plan import assign, unit_count

UNITS = [str(n) for n in range(100)]
SHARES = st.floats(0.0, 1.0)


def test_unit_count__share_below_one_unit__is_one_unit():
    assert unit_count(0.001, 100) == 1


def test_unit_count__share_between_units__is_rounded_down():
    assert unit_count(0.299, 100) == 29
    assert unit_count(0.29, 100) == 29


def test_unit_count__zero_share__is_no_unit():
    assert unit_count(0.0, 100) == 0


@given(st.text("ab", min_size=1), SHARES, SHARES)
def test_assign__share_grows__keeps_the_units_it_had(change, one, other):
    small, large = sorted((one, other))
    first = assign(change, UNITS, small)
    second = assign(change, UNITS, large, mine=first.units)
    assert set(first.units) <= set(second.units)


@given(SHARES, SHARES)
def test_assign__disjoint_units_exist__two_changes_never_share_one(one, other):
    first = assign("first", UNITS, one)
    second = assign("second", UNITS, other, taken=first.units)
    enough = len(first.units) + len(second.units) <= len(UNITS)
    assert enough == (not set(first.units) & set(second.units))
    assert set(second.shared) == set(first.units) & set(second.units)


@given(st.lists(st.sampled_from(UNITS), unique=True), SHARES)
def test_assign__any_input__reports_the_share_it_achieved(taken, share):
    given_ = assign("change", UNITS, share, taken=taken)
    assert given_.share == len(given_.units) / len(UNITS)
    assert given_.share <= max(share, 0.01) + 1e-9
