"""The terminal's picture of a change says what the API said, and invents nothing."""

from datetime import UTC, datetime

from rich.console import Console

from controlplane.terminal import View, render

NOW = datetime(2026, 1, 1, 12, 0, 4, tzinfo=UTC)
ROLLOUT = {
    "state": "running",
    "control_level": "L3",
    "exposure": 0.25,
    "desired_exposure": 0.5,
    "stage": 1,
    "stages": [
        {"share": 0.25, "state": "passed"},
        {
            "share": 0.5,
            "state": "baking",
            "verdict": "inconclusive",
            "reason": "errors: canary 5.10% of 100 against control 0.20% of 300",
            "baking_since": "2026-01-01T12:00:00Z",
        },
        {"share": 1.0, "state": "pending"},
    ],
    "holds": [{"kind": "paused", "actor": "ann", "reason": "lunch"}],
    "decisions": [{"at": "2026-01-01T12:00:00Z", "decision": "bake", "reasons": ["25% observed"]}],
    "suspects": [
        {"change": "c", "probability": 0.93, "evidence": [{"summary": "began with it"}]},
        {"change": "other", "probability": 0.05, "vetoes": ["not on the call path"]},
    ],
}
CHANGE = {"id": "c", "title": "catalog 1.0.1", "plan": {"stages": [{}, {"min_s": 8}, {}]}}


def picture(view):
    console = Console(width=110, record=True, file=open("/dev/null", "w"))  # noqa: PTH123, SIM115
    console.print(render(view, NOW))
    return console.export_text()


def test_terminal__rollout_under_way__shows_stages_exposure_bake_and_hold():
    text = picture(View(CHANGE, {"level": "low"}, ROLLOUT))
    for expected in (
        "catalog 1.0.1",
        "low risk L3",
        "✔ 25%",
        "● 50%",
        "○ 100%",
        "25% observed, 50% desired",
        "4 s of 8 s",
        "canary 5.10% of 100 against control 0.20% of 300",
        "paused by ann: lunch",
    ):
        assert expected in text


def test_terminal__suspects__are_named_with_probability_and_reason():
    text = picture(View(CHANGE, {}, ROLLOUT, titles={"other": "stock: new banner"}))
    assert "93% this change  began with it" in text
    assert "5% stock: new banner  cleared: not on the call path" in text


def test_terminal__canary_without_a_value__is_silent_and_not_zero():
    metric = {"name": "errors", "canary": [None, None], "control": [0.01, 0.0]}
    series = {"services": [{"service": "catalog", "metrics": [metric]}]}
    text = picture(View(CHANGE, {}, ROLLOUT, series))
    assert "silent ··" in text
    assert "0.50%" in text


def test_terminal__distribution__has_no_line_and_is_not_called_silent():
    metric = {"name": "duration", "kind": "distribution", "canary": [None], "control": [None]}
    series = {"services": [{"service": "catalog", "metrics": [metric]}]}
    assert "silent" not in picture(View(CHANGE, {}, ROLLOUT, series))


def test_terminal__before_any_rollout__says_why():
    view = View(CHANGE, {"decision": "needs_approval", "reasons": ["medium risk: 1 approval"]})
    text = picture(view)
    assert "medium risk: 1 approval" in text
    assert "needs approval" in text


def test_render__texts_that_a_terminal_would_obey__are_shown_without_them():
    hold = {"kind": "paused", "actor": "eve\x9b2J", "reason": "wait\n\x1b[31mred\x07"}
    shown = picture(View(CHANGE | {"title": "a\x1b]0;b"}, {}, ROLLOUT | {"holds": [hold]}))
    assert not {"\x1b", "\x9b", "\x07"} & set(shown)
    assert "wait [31mred" in shown
