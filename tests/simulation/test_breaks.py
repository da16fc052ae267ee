"""The checks bite: each deliberate break of the product is noticed, by the invariant it breaks."""

import pytest

from tests.simulation.breaks import BREAKS, SHOWN_BY, broken
from tests.simulation.running import run

STEPS = 100
# Any change of the product changes what a seed tells: then one of those that follow shows it.
MOST_SEEDS = 60
FIRST = {"exception_counts_as_pass": 10, "late_call_accepted": 6, "no_fencing_check": 2}


@pytest.mark.parametrize("name", BREAKS)
def test_break__of_one_promise__is_noticed_by_its_invariant(troupe, name):
    favoured, invariant = SHOWN_BY[name]
    noticed = []
    for seed in range(FIRST.get(name, 1), MOST_SEEDS):
        with broken(name):
            schedule = run(seed, STEPS, troupe, favoured)
        noticed.append(str(schedule.violation or ""))
        if invariant in noticed[-1]:
            return
    pytest.fail(f"not noticed by {len(noticed)} seeds, but {[n for n in noticed if n]}")
