import pytest

from tests.simulation.running import stage


@pytest.fixture
def troupe(transactional_db):
    with stage() as troupe:
        yield troupe
