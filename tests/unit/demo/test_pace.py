from demo.pace import OWN, REAL, SLOWEST, USUAL_PREPARATION_S, slowness


def test_slowness__usual_machine_or_a_faster_one__is_one():
    assert slowness(USUAL_PREPARATION_S) == slowness(0.1) == 1


def test_slowness__three_times_the_usual__is_three():
    assert slowness(3 * USUAL_PREPARATION_S) == 3


def test_slowness__machine_that_hardly_moves__ends_at_the_slowest_story():
    assert slowness(1000 * USUAL_PREPARATION_S) == SLOWEST


def test_slowed__stretches_every_time_and_no_share():
    slow = OWN.slowed(2)
    assert (slow.interval_s, slow.lease_s, slow.undo_s) == (2, 20, 16)
    assert (slow.round_patience_s, slow.page_patience_s) == (240, 80)
    assert slow.stages() == [
        {"share": share, "min_s": 12, "max_s": 180} for share in (0.33, 0.66, 1.0)
    ]


def test_slowed__by_one__changes_nothing():
    assert REAL.slowed(1) == REAL


def test_slowed__by_a_fraction__whole_seconds_as_policies_want_them():
    assert OWN.slowed(1.5).bake_s == 9
    assert all(isinstance(s, int) for s in OWN.slowed(1.3).stages()[0].values() if s > 1)
