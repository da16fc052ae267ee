"""The arrays that the benches judge and the JSON that anybody else would send are the same data."""

from dataclasses import replace

import judge_cases
import numpy as np
import pytest
from judge_scenarios import SCENARIOS
from judge_worlds import Harm, Size, chunks, draw

from attribution.judge import judge

BY_KIND = {world.kind: world for world in reversed(SCENARIOS)}
SMALL = Size(cases=3, metrics=2, looks=20)
FRESH = next(world for world in SCENARIOS if world.fresh)


def small(world):
    return replace(world, control_units=2, history=5)


def read_back(units, kind):
    """The contract's series of a cohort as (U, T, …)."""
    series = [unit["counts"] if kind == "distribution" else unit for unit in units.values()]
    missing = {"ratio": [0, 0], "value": np.nan, "distribution": [0] * 12}[kind]
    return np.array([[missing if v is None else v for v in unit] for unit in series], dtype=float)


@pytest.mark.parametrize("kind", sorted(BY_KIND))
def test_json_holds_the_same_numbers_in_the_same_order(kind):
    world = replace(small(BY_KIND[kind]), canary_requests=3.0)  # so few that some units are silent
    drawn = draw(np.random.default_rng(1), world, SMALL)
    cases = judge_cases.cases(drawn, world, SMALL.metrics)
    metrics = [metric for case in cases for metric in case["metrics"]]
    assert (len(cases), len(metrics)) == (3, 6)
    for side in ("control", "canary"):
        now = [read_back(metric[side], kind) for metric in metrics]
        np.testing.assert_array_equal(np.stack(now), getattr(drawn, side))
        past = [read_back(metric["history"][side], kind) for metric in metrics]
        np.testing.assert_array_equal(np.stack(past), getattr(drawn, f"past_{side}"))


def test_a_single_case_is_the_first_of_a_draw():
    world = small(BY_KIND["ratio"])
    alone = judge_cases.case(np.random.default_rng(5), world, Harm(2.0), metrics=2)
    drawn = draw(np.random.default_rng(5), world, Size(1, 2), Harm(2.0))
    assert alone == judge_cases.cases(drawn, world, 2)[0]


def test_names_tell_whether_the_past_is_the_canarys_own():
    for world, own in ((BY_KIND["value"], True), (FRESH, False)):
        metric = judge_cases.case(np.random.default_rng(1), world, metrics=1)["metrics"][0]
        assert (set(metric["canary"]) == set(metric["history"]["canary"])) is own


@pytest.mark.parametrize("kind", sorted(BY_KIND))
def test_harm_begins_at_its_onset_on_the_canary_alone(kind):
    world = replace(small(BY_KIND[kind]), base_errors=0.1, canary_requests=2000.0)
    drawn = draw(np.random.default_rng(2), world, SMALL, Harm(3.0, onset=10))
    level = {
        "ratio": lambda side: side[..., 0].sum((0, 1)) / side[..., 1].sum((0, 1)),
        "value": lambda side: side.mean((0, 1)),
        "distribution": lambda side: side[..., 6:].sum((0, 1, 3)) / side.sum((0, 1, 3)),
    }[kind]
    before, after = level(drawn.canary)[:10].mean(), level(drawn.canary)[10:].mean()
    control = level(drawn.control).mean()
    assert before == pytest.approx(control, rel=0.1)
    assert after > 2.0 * control


def test_noise_is_autocorrelated_as_told():
    (world,) = (each for each in SCENARIOS if each.name == "latency, AR 0.6")
    quiet = replace(world, canary_requests=1e9, history=200)
    past = draw(np.random.default_rng(3), quiet, Size(20)).past_canary
    noise = np.log(past) - np.log(past).mean()
    assert noise.std() == pytest.approx(0.05, rel=0.05)
    assert (noise[..., 1:] * noise[..., :-1]).mean() / noise.var() == pytest.approx(0.6, abs=0.03)


def test_over_dispersed_counts_vary_as_told():
    (world,) = (each for each in SCENARIOS if each.name == "errors, over-dispersed ×3")
    busy = replace(world, canary_requests=3e6, history=0)
    errors = draw(np.random.default_rng(4), busy, Size(50)).canary[..., 0]
    assert errors.var() / errors.mean() == pytest.approx(3.0, rel=0.1)


def test_chunks_add_up_and_are_bounded():
    for world in SCENARIOS:
        found = list(chunks(250, world))
        assert sum(found) == 250
        assert max(found) <= 100


@pytest.mark.parametrize("kind", sorted(BY_KIND))
def test_the_judge_says_of_json_what_the_bench_says_of_the_arrays(kind):
    pytest.importorskip("attribution.evidence")
    from judge_ours import verdicts  # noqa: PLC0415 - as soon as there is such evidence

    world = replace(BY_KIND[kind], history=60)
    for factor in (1.0, 3.0):
        size = Size(cases=3, metrics=2, looks=40)
        drawn = draw(np.random.default_rng(6), world, size, Harm(factor))
        answers = [judge(case) for case in judge_cases.cases(drawn, world, size.metrics)]
        found = verdicts(drawn, size.metrics)
        assert [each["verdict"] == "fail" for each in answers] == found.failed.tolist()
        assert [each["verdict"] == "pass" for each in answers] == found.passing.tolist()
        for answer, failed_at in zip(answers, found.failed_at, strict=True):
            # The canary's silence, which the bench leaves out, can only add evidence.
            assert answer["decided_at"] is None or answer["decided_at"] + 1 <= failed_at
            assert factor == 1.0 or answer["decided_at"] + 1 >= failed_at - 1
