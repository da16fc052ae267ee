import pytest

from attribution.backtest import backtest

from .cases import judge_case, ratio
from .test_attribute import BAD_CHECKOUT, TWO, case


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
