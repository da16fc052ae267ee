"""The bench's two scoring rules, by hand."""

import sys
from pathlib import Path

import numpy as np
import pytest

BENCH = Path(__file__).resolve().parents[3] / "bench"


@pytest.fixture(scope="module")
def nab():
    sys.path.insert(0, str(BENCH))
    import nab_rule  # noqa: PLC0415 - bench is a folder of scripts, not a package

    return nab_rule


@pytest.fixture(scope="module")
def segment():
    sys.path.insert(0, str(BENCH))
    import segment_rule  # noqa: PLC0415 - as above

    return segment_rule


def sigma(y):
    return 2 / (1 + np.exp(5 * y)) - 1


def one(nab, scores, windows=((100, 109),)):
    return [nab.prepared(list(range(200)), scores, list(windows))]


def flags(*places):
    scores = np.zeros(200)
    scores[list(places)] = 1.0
    return scores


def test_nab_rule__first_point_of_the_window__is_perfect(nab):
    for profile in nab.PROFILES:
        assert nab.normalised(one(nab, flags(100)), profile, 1.0) == pytest.approx(100.0)


def test_nab_rule__nothing__is_zero(nab):
    for profile in nab.PROFILES:
        ready = one(nab, flags())
        assert nab.normalised(ready, profile, 1.0) == 0.0


def test_nab_rule__late_and_repeated__counts_the_earliest(nab):
    expected = 100 * (sigma(-0.6) / sigma(-1.0) + 1) / 2
    found = nab.normalised(one(nab, flags(104, 106, 109)), nab.PROFILES[0], 1.0)
    assert found == pytest.approx(expected)


def test_nab_rule__false_detections__cost_by_distance(nab):
    before, close, far = 60, 113, 199
    cost = 0.11 * (-1 + sigma((close - 109) / 9) - 1)
    for place, share in (
        ([100, before, close, far], 100 * (2 + cost) / 2),
        ([before, close, far], 100 * cost / 2),
    ):
        found = nab.normalised(one(nab, flags(*place)), nab.PROFILES[0], 1.0)
        assert found == pytest.approx(share)


def test_nab_rule__unscored_beginning__counts_nothing(nab):
    assert nab.normalised(one(nab, flags(0, 10, 29)), nab.PROFILES[0], 1.0) == 0.0
    assert nab.normalised(one(nab, flags(30)), nab.PROFILES[0], 1.0) < 0.0


def test_nab_rule__best_threshold__is_the_best_of_all(nab):
    scores = np.random.default_rng(4).random(200).round(2)
    for profile in nab.PROFILES:
        ready = one(nab, scores, [(50, 59), (100, 119)])
        best = nab.normalised(ready, profile, nab.best_threshold(ready, profile))
        each = [nab.normalised(ready, profile, threshold) for threshold in np.unique(scores)]
        assert best == pytest.approx(max(0.0, *each))


def test_segment_rule__one_long_anomaly__hits_each_segment_and_is_no_false_one(segment):
    counts = segment.count([(5, 30), (40, 41), (50, 60)], [(0, 5), (20, 22), (70, 80)])
    assert (counts.hits, counts.missed, counts.false) == (2, 1, 2)
    assert counts.f1 == pytest.approx(4 / 7)


def test_segment_rule__two_anomalies_on_a_segment__are_one_hit(segment):
    counts = segment.count([(1, 2), (4, 5)], [(0, 9)])
    assert (counts.hits, counts.missed, counts.false, counts.f1) == (1, 0, 0, 1.0)


def test_segment_rule__flags__join_over_short_gaps(segment):
    flagged = [place in (2, 7, 13) for place in range(20)]
    assert segment.joined(flagged, list(range(20))) == [(2, 7), (13, 13)]
