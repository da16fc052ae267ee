"""What Graygate tells is read as it stands: another name, or none, does not hold."""

from demo.cast import Actor
from demo.played import Played
from demo.told import may_have_done, page_names, rest_names, telling

CULPRIT = Played(Actor("culprit", "stock", "deploy"), "c-1", "stock 1.0.1", "1.0.1")
ANOMALY = {
    "id": "a",
    "metric": "errors",
    "origin": "alert",
    "service": "checkout",
    "detected_at": "2026-01-01T00:00:10Z",
}
BEGAN = 1767225600.0


class Told:
    """REST and page, both as one of them was told."""

    def __init__(self, *suspects, headline="stock 1.0.1 did it, 97% sure."):
        self.suspects, self.headline = suspects, headline

    def get(self, path):
        named = [{"change": each, "probability": 0.9} for each in self.suspects]
        if path.startswith("anomalies?"):
            return {"results": [ANOMALY]}
        return ANOMALY | {"finding": {"suspects": named} if named else None}

    def anomaly(self, _id):
        rows = "".join(f'<li id="s-{each}">' for each in (*self.suspects, "none"))
        return f'<p class="headline" aria-live="polite">{self.headline}</p><ol>{rows}</ol>'


def both(told):
    return rest_names(told, ANOMALY, CULPRIT).holds, page_names(told, ANOMALY, CULPRIT).holds


def test_told__culprit_first__holds():
    assert both(Told("c-1", "c-2")) == (True, True)


def test_told__another_first__does_not_hold():
    assert both(Told("c-2", "c-1", headline="cart did it, 97% sure.")) == (False, False)


def test_told__nobody_suspected__does_not_hold():
    assert both(Told(headline="Not sure yet.")) == (False, False)


def test_told__first_but_the_headline_is_not_sure__does_not_hold_on_the_page():
    assert both(Told("c-1", headline="Not sure yet.")) == (True, False)


def test_telling__no_recovery_on_record__does_not_hold():
    found = telling(Told("c-1"), Told("c-1"), CULPRIT, BEGAN)
    assert [c.what for c in found if not c.holds] == ["stock 1.0.1: recovery is on record"]


def test_telling__nothing_noticed_in_the_round__does_not_hold():
    found = telling(Told("c-1"), Told("c-1"), CULPRIT, BEGAN + 60)
    assert "an anomaly was noticed" in [c.what for c in found if not c.holds]


def recovered(at):
    return Played(CULPRIT.actor, "c-1", "stock 1.0.1", "1.0.1", rollout={"recovered_at": at})


def test_may_have_done__noticed_before_it_was_well_again__may():
    assert may_have_done(recovered("2026-01-01T00:00:10Z"), ANOMALY)
    assert may_have_done(recovered(None), ANOMALY)


def test_may_have_done__noticed_after_that__was_something_else():
    assert not may_have_done(recovered("2026-01-01T00:00:09Z"), ANOMALY)
