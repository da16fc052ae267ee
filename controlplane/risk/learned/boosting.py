"""Gradient boosting of small trees on binned features, for a yes or no.

Newton steps on the logistic loss (Friedman, Hastie & Tibshirani 2000; Chen & Guestrin 2016,
equations 5-7), splits searched in histograms (Ke et al. 2017). The same rows and seed give the
same trees.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from controlplane.risk.learned.forest import LEAF, Forest, Tree

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Settings:
    """`rows`, `columns`: shares drawn anew for each tree. `least`: weight p(1−p)·w in a leaf.
    `shrink`: λ, which pulls the leaves of few rows to zero. `rising`: only splits whose upper side
    is the riskier one; with depth 1 the sum then never falls as a feature rises.
    """

    trees: int = 200
    rate: float = 0.05
    depth: int = 4
    bins: int = 64
    least: float = 8.0
    shrink: float = 5.0
    rows: float = 0.8
    columns: float = 0.6
    seed: int = 1
    rising: bool = False


@dataclass
class _Growing:
    feature: list[int]
    threshold: list[float]
    left: list[int]
    value: list[float]
    left_share: list[float]

    def add(self, value: float) -> int:
        for column, item in ((self.feature, LEAF), (self.left, LEAF)):
            column.append(item)
        self.threshold.append(0.0)
        self.value.append(value)
        self.left_share.append(0.0)
        return len(self.value) - 1

    def done(self) -> Tree:
        return Tree(
            tuple(self.feature),
            tuple(self.threshold),
            tuple(self.left),
            tuple(round(value, 5) for value in self.value),
            tuple(round(share, 4) for share in self.left_share),
        )


@dataclass(frozen=True, slots=True)
class Binned:
    """`bins[row, feature]` = how many of the feature's edges lie below the value."""

    bins: Ints
    edges: tuple[Floats, ...]


def binned(rows: Floats, most: int) -> Binned:
    """Edges lie halfway between neighbours, at quantiles where there are many values. A column
    with unknown values (NaN) gets none: what is not always known cannot be learned from.
    """
    edges = tuple(
        _edges(column, most) if not np.isnan(column).any() else np.empty(0) for column in rows.T
    )
    columns = [np.searchsorted(e, c, side="left") for e, c in zip(edges, rows.T, strict=True)]
    return Binned(np.stack(columns, axis=1).astype(np.int64), edges)


def _edges(column: Floats, most: int) -> Floats:
    values = np.unique(column)
    if values.size > most:
        values = np.unique(np.quantile(column, np.linspace(0, 1, most), method="nearest"))
    # Rounded, for weights that a person can read; a row equal to an edge goes left, here and later.
    return np.unique(np.round((values[1:] + values[:-1]) / 2, 5))


def fit(
    rows: Floats, true: Floats, weight: Floats, offset: Floats, settings: Settings
) -> tuple[Forest, Floats]:
    """The forest and its margins for `rows`, on top of `offset` (log-odds known before)."""
    rng = np.random.default_rng(settings.seed)
    data = binned(rows, settings.bins)
    margin = np.zeros(len(true))
    trees = []
    for _ in range(settings.trees):
        p = 1 / (1 + np.exp(-(offset + margin)))
        drawn = rng.random(len(true)) < settings.rows
        features = rng.permutation(rows.shape[1])[: max(1, round(settings.columns * rows.shape[1]))]
        gradient, curvature = weight * (true - p) * drawn, weight * p * (1 - p) * drawn
        tree, leaf = _grow(data, gradient, curvature, np.sort(features), settings)
        trees.append(tree)
        margin += np.array(tree.value)[leaf]
    return Forest(tuple(trees)), margin


def _grow(
    data: Binned, gradient: Floats, curvature: Floats, features: Ints, settings: Settings
) -> tuple[Tree, Ints]:
    """Level by level. Every row finds its leaf, also those that were not drawn."""
    tree = _Growing([], [], [], [], [])
    tree.add(_step(gradient.sum(), curvature.sum(), settings))
    place = np.zeros(len(gradient), dtype=np.int64)
    open_nodes = np.array([0])
    for _ in range(settings.depth):
        slot = np.full(len(tree.value), -1)
        slot[open_nodes] = np.arange(open_nodes.size)
        sums = _Sums(data, gradient, curvature, slot[place], open_nodes.size, settings)
        born = []
        for index, node in enumerate(open_nodes):
            split = sums.best(index, features)
            if split is not None:
                _split(tree, int(node), split, data, settings)
                here = np.flatnonzero(place == node)
                place[here] = tree.left[node] + (data.bins[here, split.feature] > split.bin)
                born += [tree.left[node], tree.left[node] + 1]
        if not born:
            break
        open_nodes = np.array(born)
    return tree.done(), place


@dataclass(frozen=True, slots=True)
class _Split:
    feature: int
    bin: int
    left: tuple[float, float]
    right: tuple[float, float]


class _Sums:
    """Gradient and curvature of the open nodes, by bin of one feature at a time."""

    def __init__(  # the state of one level of one tree
        self,
        data: Binned,
        gradient: Floats,
        curvature: Floats,
        slot: Ints,
        nodes: int,
        settings: Settings,
    ) -> None:
        here = slot >= 0
        self._slot, self._bins, self._nodes = slot[here], data.bins[here], nodes
        self._gradient, self._curvature = gradient[here], curvature[here]
        self._widths = [edges.size + 1 for edges in data.edges]
        self._settings = settings
        self._cached: dict[int, tuple[Floats, Floats]] = {}

    def best(self, node: int, features: Ints) -> _Split | None:
        found: tuple[float, _Split] | None = None
        for feature in features:
            gain, split = self._best_of(node, int(feature))
            if split is not None and (found is None or gain > found[0]):
                found = (gain, split)
        return found[1] if found else None

    def _best_of(self, node: int, feature: int) -> tuple[float, _Split | None]:
        g, h = (sums[node] for sums in self._cumulated(feature))
        if g.size < 2:
            return 0.0, None
        shrink, least = self._settings.shrink, self._settings.least
        gl, hl, gr, hr = g[:-1], h[:-1], g[-1] - g[:-1], h[-1] - h[:-1]
        gain = gl**2 / (hl + shrink) + gr**2 / (hr + shrink) - g[-1] ** 2 / (h[-1] + shrink)
        allowed = (hl >= least) & (hr >= least)
        if self._settings.rising:
            allowed &= gl / (hl + shrink) <= gr / (hr + shrink)
        gain = np.where(allowed, gain, 0.0)
        at = int(np.argmax(gain))
        if gain[at] <= 1e-9:
            return 0.0, None
        return float(gain[at]), _Split(feature, at, (gl[at], hl[at]), (gr[at], hr[at]))

    def _cumulated(self, feature: int) -> tuple[Floats, Floats]:
        if feature not in self._cached:
            width = self._widths[feature]
            key, size = self._slot * width + self._bins[:, feature], self._nodes * width
            g, h = (
                np.bincount(key, weights=w, minlength=size).reshape(self._nodes, width).cumsum(1)
                for w in (self._gradient, self._curvature)
            )
            self._cached[feature] = (g, h)
        return self._cached[feature]


def _split(tree: _Growing, node: int, split: _Split, data: Binned, settings: Settings) -> None:
    tree.feature[node] = split.feature
    tree.threshold[node] = float(data.edges[split.feature][split.bin])
    tree.left[node] = tree.add(_step(*split.left, settings))
    tree.add(_step(*split.right, settings))
    tree.left_share[node] = split.left[1] / (split.left[1] + split.right[1])


def _step(gradient: float, curvature: float, settings: Settings) -> float:
    return float(settings.rate * gradient / (curvature + settings.shrink))


def margins(forest: Forest, rows: Floats) -> Floats:
    """What `Forest.margin` answers, for many rows at once. NaN is unknown."""
    total = np.zeros(len(rows))
    every = np.arange(len(rows))
    for tree in forest.trees:
        feature, left = np.array(tree.feature), np.array(tree.left)
        threshold, node = np.array(tree.threshold), np.zeros(len(rows), dtype=np.int64)
        while (inner := feature[node] != LEAF).any():
            further = rows[every, feature[node]] > threshold[node]
            node = np.where(inner, left[node] + further, node)
        total += np.array(tree.value)[node]
    for index in np.flatnonzero(np.isnan(rows).any(axis=1)):
        total[index] = forest.margin([None if np.isnan(x) else float(x) for x in rows[index]])
    return total
