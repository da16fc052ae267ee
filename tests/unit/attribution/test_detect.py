import numpy as np
import pytest

from attribution.backtest import backtest
from attribution.detect import detect
from attribution.errors import CaseError

from .cases import judge_case, ratio
from .test_attribute import BAD_CHECKOUT, TWO, case


def quiet(length=200):
    rng = np.random.default_rng(1)
    return [float(v) for v in 10 + rng.normal(0, 0.3, length)]


def found(values, direction="either"):
    return detect({"id": 1, "direction": direction, "t": list(range(len(values))), "v": values})


def test_detect__spike__is_one_anomaly_where_it_is():
    values = quiet()
    values[150:153] = [20.0, 21.0, 19.0]
    answer = found(values)
    assert len(answer["scores"]) == 200
    assert [(a["start"], a["end"]) for a in answer["anomalies"]] == [(150, 152)]


def test_detect__harmless_direction__is_no_anomaly():
    values = quiet()
    values[150] = 0.0
    assert found(values, "increase")["anomalies"] == []
    assert found(values, "decrease")["anomalies"] != []


def test_detect__scores__use_no_later_point():
    values = quiet()
    values[150] = 25.0
    assert found(values[:140])["scores"] == found(values)["scores"][:140]


def test_detect__gaps__score_zero():
    values = [*quiet(50), None, None]
    assert found(values)["scores"][-2:] == [0.0, 0.0]


def test_detect__unequal_lengths__is_an_error():
    with pytest.raises(CaseError):
        detect({"id": 1, "direction": "either", "t": [1], "v": []})


def test_backtest__labelled_lines__are_counted():
    report = backtest(
        [
            {**judge_case(ratio(canary=0.08)), "label": "bad"},
            {**judge_case(ratio(seed=2)), "label": "bad"},
            {**judge_case(ratio(seed=3)), "label": "good"},
            {**case(TWO, BAD_CHECKOUT), "culprit": "bad"},
            {**case([], []), "culprit": None},
            {"id": "x"},
        ]
    )
    assert (report["precision"], report["recall"]) == (1.0, 0.5)
    assert report["f1"] == pytest.approx(2 / 3)
    assert report["false_rollback_rate"] == 0.0
    assert (report["hr_at_1"], report["hr_at_3"]) == (1.0, 1.0)
    assert report["attribute"]["none_right"] == 1.0
    assert report["delay"]["median"] >= 1
    assert report["errors"][0]["line"] == 6


def test_backtest__nothing_bad__claims_no_recall():
    report = backtest([{**judge_case(ratio()), "label": "good"}])
    assert report["recall"] is None
    assert report["precision"] is None
