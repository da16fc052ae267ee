import pytest

from tests.simulation.running import run, stage

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def troupe():
    with stage() as troupe:
        yield troupe


def test_schedule__same_seed__same_trace(troupe):
    first, second = (run(7, 120, troupe) for _ in range(2))
    assert first.trace == second.trace


@pytest.mark.parametrize("seed", range(5))
def test_schedule__any_seed__violates_nothing(troupe, seed):
    schedule = run(seed, 120, troupe)
    assert schedule.violation is None, "\n".join(schedule.trace[-60:])
