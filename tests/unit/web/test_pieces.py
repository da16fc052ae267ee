"""Evidence as people read it."""

import pytest

from controlplane.web.presenters.pieces import Piece, pieces

TIME = {"kind": "time", "summary": "exposure grew 5 s before", "weight": 1.47}
LATE = {"kind": "time", "summary": "exposed too late", "weight": -10.0}


def test_pieces__for_and_against__the_heaviest_first():
    assert [each.number for each in pieces([TIME, LATE])] == ["−10.0", "+1.5"]


@pytest.mark.parametrize(
    ("weight", "side", "tone"),
    [(8.0, "for", "bad"), (-0.3, "against", "good"), (0.0, "neither", "quiet")],
)
def test_piece__by_its_weight__blames_or_clears(weight, side, tone):
    piece = Piece("k", "s", weight)
    assert (piece.side, piece.tone) == (side, tone)


def test_piece__heavier_than_a_veto__fills_the_bar_and_no_more():
    assert Piece("k", "s", 25.0).size == 1.0


def test_piece__that_is_a_veto__says_so_beside_its_weight():
    (piece,) = pieces([LATE], [LATE["summary"]])
    assert (piece.side, piece.number, piece.veto) == ("veto", "−10.0", True)


def test_veto__told_without_evidence__comes_first_and_has_no_weight():
    first, _second = pieces([TIME], ["canary and control have hardly reported yet"])
    assert (first.side, first.number, first.tone) == ("veto", "", "good")


def test_piece__with_a_probability_in_place_of_a_weight__shows_that():
    (piece,) = pieces([{"kind": "load", "summary": "more requests everywhere", "probability": 0.4}])
    assert (piece.number, piece.side, piece.size) == ("40%", "", 0.4)


def test_piece__with_what_no_page_knows__is_shown_by_what_there_is():
    (piece,) = pieces([{"summary": "x", "weight": "heavy", "more": [1]}])
    assert (piece.kind, piece.number) == ("", "")
