from datetime import UTC, datetime

import pytest

from attribution.errors import CaseError
from attribution.moments import moment


def test_moment__with_its_offset__is_told_in_utc():
    assert moment("2026-01-31T14:00:00+02:00", "/at") == datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "told",
    [
        "2026-01-31T14:00:00",
        "2026-01-31",
        "yesterday",
        "",
        5,
        None,
        # Valid where it was told, outside the calendar in UTC.
        "9999-12-31T23:59:59-14:00",
        "0001-01-01T00:00:00+14:00",
    ],
)
def test_moment__not_one_that_can_be_kept__names_its_place(told):
    with pytest.raises(CaseError) as problem:
        moment(told, "/at")
    assert problem.value.pointer == "/at"
