"""Where services stand in the picture of an anomaly's call graph."""

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.web.call_graph import EDGE, HIGH, MOST, WIDE, lay_out

SHOP = {
    "frontend": ["checkout", "search"],
    "checkout": ["cart", "payments"],
    "cart": ["stock"],
    "payments": [],
    "search": ["stock"],
    "stock": [],
}
NAMES = st.sampled_from([f"s{n}" for n in range(40)])
GRAPHS = st.dictionaries(NAMES, st.lists(NAMES, max_size=5), max_size=40)


def columns(layout):
    return {box.name: box.column for box in layout.boxes}


def test_columns__of_a_shop__lead_from_callers_to_callees():
    found = columns(lay_out("checkout", SHOP))
    assert found["frontend"] < found["checkout"] < found["cart"] < found["stock"]
    assert found["payments"] == found["cart"]


def test_arrows__of_a_shop__are_its_calls():
    drawn = {(arrow.caller, arrow.callee) for arrow in lay_out("checkout", SHOP).arrows}
    assert drawn == {(caller, callee) for caller, callees in SHOP.items() for callee in callees}


def test_arrow__to_the_next_column__goes_from_edge_to_edge():
    layout = lay_out("a", {"a": ["b"]})
    one, other = sorted(layout.boxes, key=lambda box: box.x)
    (arrow,) = layout.arrows
    assert arrow.path.startswith(f"M{one.x + WIDE} {one.middle} ")
    assert arrow.path.endswith(f" {other.x} {other.middle}")


def test_picture__service_alone__is_one_box():
    layout = lay_out("cart", {})
    assert [box.name for box in layout.boxes] == ["cart"]
    assert (layout.arrows, layout.left_out) == ([], 0)


def test_picture__calls_in_a_ring_and_to_oneself__are_drawn_once():
    layout = lay_out("a", {"a": ["a", "b"], "b": ["c"], "c": ["a"]})
    assert len(layout.arrows) == 3


def test_picture__of_a_large_graph__shows_the_nearest_and_says_how_many_are_left_out():
    chain = {f"s{n:03}": [f"s{n + 1:03}"] for n in range(200)}
    layout = lay_out("s000", chain)
    assert [box.name for box in layout.boxes] == [f"s{n:03}" for n in range(MOST)]
    assert layout.left_out == 201 - MOST


def test_picture__of_a_large_graph__shows_what_is_marked_and_the_way_there():
    star = {"hub": [f"s{n:03}" for n in range(100)], "s099": ["deep"]}
    shown = {box.name for box in lay_out("hub", star, ["deep"]).boxes}
    assert {"hub", "s099", "deep"} <= shown


def test_picture__marked_service_that_nothing_leads_to__is_shown_too():
    layout = lay_out("hub", {"hub": ["a"], "island": []}, ["island", "unheard of"])
    assert {box.name for box in layout.boxes} == {"hub", "a", "island"}


@pytest.mark.parametrize("seed", range(5))
def test_picture__calls_in_another_order__is_the_same(seed):
    shuffle = random.Random(seed).sample  # noqa: S311 - an order, no secret
    names = shuffle(sorted(SHOP), len(SHOP))
    other = {name: shuffle(SHOP[name], len(SHOP[name])) for name in names}
    assert lay_out("checkout", other) == lay_out("checkout", SHOP)


@given(start=NAMES, calls=GRAPHS, marked=st.lists(NAMES, max_size=30))
def test_picture__any_graph__boxes_lie_apart_within_it_and_none_is_lost(start, calls, marked):
    layout = lay_out(start, calls, marked)
    names = {box.name for box in layout.boxes}
    everything = {start, *calls, *(callee for callees in calls.values() for callee in callees)}
    assert start in names
    assert len(names) == len(layout.boxes) == len(everything) - layout.left_out <= MOST
    assert {end for arrow in layout.arrows for end in (arrow.caller, arrow.callee)} <= names
    spots = sorted((box.column, box.y) for box in layout.boxes)
    for (column, y), (next_column, next_y) in pairwise(spots):
        assert column != next_column or next_y - y >= HIGH
    for box in layout.boxes:
        assert EDGE <= box.x <= layout.width - WIDE - EDGE
        assert EDGE <= box.y <= layout.height - HIGH - EDGE
