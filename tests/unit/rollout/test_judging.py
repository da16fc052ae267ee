from rollout.judging import judge_rollout, without_troubles

ERRORS = {
    "name": "errors",
    "kind": "ratio",
    "direction": "increase",
    "margin": 0.1,
    "pass_margin": 0.5,
    "margin_abs": 0.01,
    "critical": True,
}
GOOD, BAD = [0, 60], [12, 60]


def case(canary, share=1.0):
    t = [float(i + 1) for i in range(len(canary))]
    metric = {**ERRORS, "canary": canary, "control": [GOOD] * len(canary)}
    return {
        "id": "r",
        "interval_s": 1.0,
        "t": t,
        "stages": [{"start": 0.0, "share": share}],
        "metrics": [metric],
    }


def test_judge_rollout__short_burst_at_full_exposure__is_unsteady_not_a_fail():
    verdict = judge_rollout(case([GOOD] * 10 + [BAD] * 3 + [GOOD] * 3))
    assert (verdict["verdict"], verdict["reason"]) == ("inconclusive", "unsteady")


def test_judge_rollout__harm_that_persists_at_full_exposure__fails():
    assert judge_rollout(case([GOOD] * 10 + [BAD] * 10))["verdict"] == "fail"


def test_judge_rollout__short_burst_beside_a_control__fails_at_once():
    assert judge_rollout(case([GOOD] * 10 + [BAD] * 3, share=0.25))["verdict"] == "fail"


def test_judge_rollout__good_at_full_exposure__passes():
    assert judge_rollout(case([GOOD] * 60))["verdict"] == "pass"


def test_judge_rollout__harm_before_full_exposure__stays_a_fail():
    both = case([BAD] * 10 + [GOOD] * 10)
    both["stages"] = [{"start": 0.0, "share": 0.5}, {"start": 10.0, "share": 1.0}]
    assert judge_rollout(both)["verdict"] == "fail"


def test_without_troubles__at_100_percent__compares_nothing_while_they_last_and_all_before():
    t = [float(second) for second in range(1, 61)]
    metric = {"control": [[0, 60]] * 60, "canary": [[1, 20]] * 60}
    stages = [{"start": 0, "share": 0.5}, {"start": 20, "share": 1.0}]
    case = {"interval_s": 1.0, "t": t, "stages": stages, "metrics": [metric]}
    (found,) = without_troubles(case, [(10.0, 12.0), (40.0, 45.0)])["metrics"]
    compared = [at for at, pair in zip(t, found["control"], strict=True) if pair]
    assert compared == [at for at in t if not 34 <= at <= 48]
    assert found["canary"] == metric["canary"]


def test_without_troubles__unended__compares_nothing_from_then_on():
    t = [float(second) for second in range(1, 41)]
    metric = {"control": [[0, 60]] * 40, "canary": [[1, 20]] * 40}
    case = {
        "interval_s": 1.0,
        "t": t,
        "stages": [{"start": 0, "share": 1.0}],
        "metrics": [metric],
    }
    (found,) = without_troubles(case, [(30.0, float("inf"))])["metrics"]
    assert [bool(pair) for pair in found["control"]] == [at < 24 for at in t]
