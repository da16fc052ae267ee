from rollout.judging import anew_after, judge_rollout, without_troubles

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


# Through Prometheus: an innocent caller while its callee was down for 40 s, then well again.
INTERRUPTED = (
    [
        *([3, 37], [7, 91], [5, 84], [5, 104], [3, 73], [11, 115], [9, 93], [4, 93], [2, 93]),
        *([1, 91], [0, 105], [0, 99], [0, 112], [0, 92], [0, 79], [0, 119], [0, 105], [0, 100]),
    ],
    [
        *([0, 243], [9, 211], [16, 201], [8, 203], [21, 223], [16, 199], [10, 200], [16, 201]),
        *([6, 213], [0, 206], [0, 200], [2, 201], [1, 190], [0, 211], [0, 211], [0, 189], [1, 199]),
        [0, 188],
    ],
)


def interrupted():
    canary, control = INTERRUPTED
    metric = {**ERRORS, "canary": canary, "control": control}
    return {**case(canary, share=0.33), "metrics": [metric]}


def test_anew_after__stage_with_an_incident_of_another__passes_on_what_came_after():
    assert judge_rollout(interrupted())["verdict"] == "inconclusive"
    assert judge_rollout(anew_after(interrupted(), [(0.5, 8.0)]))["verdict"] == "pass"


def test_anew_after__harm_shown_before__is_not_forgotten():
    harmed = case([BAD] * 10 + [GOOD] * 20, share=0.33)
    assert judge_rollout(anew_after(harmed, [(1.0, 10.0)]))["verdict"] == "fail"


def test_anew_after__troubles_that_overlap_or_still_last__begin_anew_once_at_most():
    spans = [(2.0, 5.0), (4.0, 6.0), (10.0, float("inf"))]
    stages = anew_after(case([GOOD] * 20, share=0.33), spans)["stages"]
    assert [stage["start"] for stage in stages] == [0.0, 9.0]


def test_anew_after__trouble_of_an_earlier_stage__changes_nothing():
    both = case([GOOD] * 20, share=0.33)
    both["stages"] = [{"start": 0.0, "share": 0.1}, {"start": 12.0, "share": 0.33}]
    assert anew_after(both, [(1.0, 5.0)])["stages"] == both["stages"]
