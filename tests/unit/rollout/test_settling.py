import math

import numpy as np
import pytest

from rollout.settling import FEWEST_READINGS, MOST_LEARNED_S, learned, settled_after

WARM, COLD = 0.2, 0.6  # seconds
STEP = 5.0


def case(canary, control=None, stages=(0.0,)):
    """A level in seconds every five of them, from the beginning of the first stage on."""
    rng = np.random.default_rng(3)
    noise = rng.normal(0, 0.01, (2, len(canary)))
    control = control or [WARM] * len(canary)
    metric = {
        "kind": "value",
        "direction": "increase",
        "canary": [v if v is None else v + e for v, e in zip(canary, noise[0], strict=True)],
        "control": [v if v is None else v + e for v, e in zip(control, noise[1], strict=True)],
    }
    times = [STEP * (i + 1) for i in range(len(canary))]
    return {"t": times, "stages": [{"start": s, "share": 0.1} for s in stages]}, metric


def test_settled_after__slow_for_its_first_minute__is_a_minute():
    assert settled_after(*case([COLD] * 12 + [WARM] * 48)) == pytest.approx(60, abs=STEP)


def test_settled_after__as_the_control_from_the_start__is_nothing():
    assert settled_after(*case([WARM] * 60)) == 0


def test_settled_after__cools_down_bit_by_bit__is_longer_than_half_of_it_takes():
    course = [WARM + 0.4 * math.exp(-STEP * i / 60) for i in range(120)]
    assert settled_after(*case(course)) > 60 * math.log(2)


def test_settled_after__worse_later_than_at_first__is_no_settling():
    assert settled_after(*case([WARM] * 30 + [COLD] * 30)) == 0


def test_settled_after__both_cohorts_slow_at_first__is_no_settling():
    slow = [COLD] * 12 + [WARM] * 48
    assert settled_after(*case(slow, slow)) == 0


def test_settled_after__share_that_decreases__is_worse_when_it_is_low():
    fast = {"kind": "ratio", "direction": "decrease", "control": [[990, 1000]] * 60}
    fast["canary"] = [[700 + i % 3, 1000] for i in range(10)] + [
        [990 + i % 3, 1000] for i in range(50)
    ]
    times = {"t": [STEP * (i + 1) for i in range(60)], "stages": [{"start": 0.0, "share": 0.1}]}
    assert settled_after(times, fast) == pytest.approx(50, abs=STEP)


def test_settled_after__what_a_later_stage_brings__is_not_looked_at():
    course = [WARM] * 30 + [COLD] * 12 + [WARM] * 30
    assert settled_after(*case(course, stages=(0.0, STEP * 30))) == 0


def test_settled_after__too_few_readings_of_both__is_not_known():
    course = [COLD] * (FEWEST_READINGS - 1) + [None] * 40
    assert settled_after(*case(course)) is None


def test_learned__two_exposures__nothing_yet():
    assert learned([60.0, 60.0]) is None


def test_learned__one_that_took_long__does_not_decide():
    assert learned([500.0, 60.0, 55.0]) == 60.0


def test_learned__what_was_long_ago__is_forgotten():
    assert learned([0.0, 0.0, 0.0, 0.0, 0.0, 60.0, 60.0, 60.0]) == 0.0


def test_learned__hours__no_longer_than_somebody_would_wait():
    assert learned([9000.0] * 5) == MOST_LEARNED_S
