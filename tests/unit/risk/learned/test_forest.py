import json

import pytest

from controlplane.risk.learned.forest import Forest, Tree

# x0 <= 1 → −1, else (x1 <= 5 → 0, else 4); three quarters of the weight go left at the root.
TREE = Tree(
    feature=(0, -1, 1, -1, -1),
    threshold=(1.0, 0.0, 5.0, 0.0, 0.0),
    left=(1, -1, 3, -1, -1),
    value=(0.25, -1.0, 2.0, 0.0, 4.0),
    left_share=(0.75, 0.0, 0.5, 0.0, 0.0),
)


@pytest.mark.parametrize(
    ("row", "margin"),
    [([0.0, 9.0], -1.0), ([1.0, 9.0], -1.0), ([2.0, 5.0], 0.0), ([2.0, 9.0], 4.0)],
)
def test_margin__known_features__end_in_their_leaf(row, margin):
    assert Forest((TREE,)).margin(row) == pytest.approx(margin)


@pytest.mark.parametrize(
    ("row", "margin"),
    [([2.0, None], 2.0), ([None, 9.0], 0.75 * -1 + 0.25 * 4), ([None, None], 0.75 * -1 + 0.25 * 2)],
)
def test_margin__unknown_feature__is_the_mean_over_both_ways(row, margin):
    assert Forest((TREE,)).margin(row) == pytest.approx(margin)


def test_contributions__with_the_bias__add_up_to_the_margin():
    forest = Forest((TREE, TREE))
    found = forest.contributions([2.0, 9.0])
    assert found == pytest.approx({0: 2 * (2.0 - 0.25), 1: 2 * (4.0 - 2.0)})
    assert forest.bias + sum(found.values()) == pytest.approx(forest.margin([2.0, 9.0]))


def test_tree__through_json__is_the_same():
    assert Tree.of_json(json.loads(json.dumps(TREE.as_json()))) == TREE
