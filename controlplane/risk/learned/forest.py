"""A sum of small regression trees: numbers of one change → log-odds. No numpy: it starts fast."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

LEAF = -1


@dataclass(frozen=True, slots=True)
class Tree:
    """Node i: `value[feature[i]] <= threshold[i]` goes to `left[i]`, else to `left[i] + 1`; a leaf
    has feature −1. `value`: of every node, so that a path tells what each split contributed.
    `left_share`: of the training weight.
    """

    feature: tuple[int, ...]
    threshold: tuple[float, ...]
    left: tuple[int, ...]
    value: tuple[float, ...]
    left_share: tuple[float, ...]

    def steps(self, row: Sequence[float | None]) -> Iterator[tuple[int, float]]:
        """(feature, what its answer added) from the root to the leaf. Where the feature is
        unknown both ways are gone, each with its share (Quinlan, C4.5, 1993): the mean over
        what it could have been, which is neither zero nor a guess.
        """
        todo = [(0, 1.0)]
        while todo:
            node, share = todo.pop()
            feature = self.feature[node]
            if feature == LEAF:
                continue
            known, left = row[feature], self.left[node]
            if known is None:
                parts = (self.left_share[node], 1.0 - self.left_share[node])
                todo += [(left, share * parts[0]), (left + 1, share * parts[1])]
                mean = parts[0] * self.value[left] + parts[1] * self.value[left + 1]
                yield feature, share * (mean - self.value[node])
                continue
            child = left if known <= self.threshold[node] else left + 1
            todo.append((child, share))
            yield feature, share * (self.value[child] - self.value[node])

    def as_json(self) -> dict[str, Any]:
        return {name: list(getattr(self, name)) for name in self.__dataclass_fields__}

    @classmethod
    def of_json(cls, data: Mapping[str, Any]) -> "Tree":
        return cls(**{name: tuple(data[name]) for name in cls.__dataclass_fields__})


@dataclass(frozen=True, slots=True)
class Forest:
    trees: tuple[Tree, ...]

    def contributions(self, row: Sequence[float | None]) -> dict[int, float]:
        """Log-odds by feature (Saabas's path attribution); with `bias` they add up to `margin`."""
        found: dict[int, float] = {}
        for tree in self.trees:
            for feature, step in tree.steps(row):
                found[feature] = found.get(feature, 0.0) + step
        return found

    @property
    def bias(self) -> float:
        return sum(tree.value[0] for tree in self.trees)

    def margin(self, row: Sequence[float | None]) -> float:
        return self.bias + sum(self.contributions(row).values())
