"""Which labels a selector selects. Unlike text, an absent label is a value of its own here."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from controlplane.risk.kubernetes.objects import mapping, sequence, text
from controlplane.risk.kubernetes.pods import Pod
from controlplane.risk.reading import UnreadableError

MOST_COMPARISONS = 300_000


def selects(selector: Any, labels: Mapping[str, Any]) -> bool:
    """A label selector with `matchLabels` and `matchExpressions`. An empty one selects all."""
    wanted = mapping(selector)
    return has_all(mapping(wanted.get("matchLabels")), labels) and all(
        _holds(mapping(one), labels) for one in sequence(wanted.get("matchExpressions"))
    )


def has_all(wanted: Mapping[str, Any], labels: Mapping[str, Any]) -> bool:
    return all(key in labels and labels[key] == value for key, value in wanted.items())


def _holds(expression: Mapping[str, Any], labels: Mapping[str, Any]) -> bool:
    key, operator = text(expression.get("key")), expression.get("operator")
    values = sequence(expression.get("values"))
    if operator == "Exists":
        return key in labels
    if operator == "DoesNotExist":
        return key not in labels
    if operator == "In":
        return key in labels and labels[key] in values
    return operator == "NotIn" and (key not in labels or labels[key] not in values)


class PodIndex:
    """Pods by namespace and label: many selectors meet many pods, and few pairs match.

    Raises UnreadableError where the pairs to be compared would take minutes.
    """

    def __init__(self, pods: Sequence[Pod]) -> None:
        self._all: dict[str, list[Pod]] = {}
        self._left = MOST_COMPARISONS
        self._by_label: dict[tuple[str, str, str], list[Pod]] = {}
        for pod in pods:
            space = pod.manifest.namespace
            self._all.setdefault(space, []).append(pod)
            for key, value in pod.labels.items():
                self._by_label.setdefault((space, str(key), str(value)), []).append(pod)

    def of(self, namespace: str) -> Sequence[Pod]:
        return self._all.get(namespace, ())

    def with_labels(self, namespace: str, wanted: Mapping[str, Any]) -> Iterator[Pod]:
        near = self._candidates(namespace, wanted)
        return (pod for pod in near if has_all(wanted, pod.labels))

    def selected(self, namespace: str, selector: Any) -> Iterator[Pod]:
        wanted = mapping(mapping(selector).get("matchLabels"))
        near = self._candidates(namespace, wanted)
        return (pod for pod in near if selects(selector, pod.labels))

    def _candidates(self, namespace: str, wanted: Mapping[str, Any]) -> Sequence[Pod]:
        """Those that have the rarest of the labels."""
        lists = [
            self._by_label.get((namespace, str(key), str(value)), ())
            for key, value in wanted.items()
        ]
        chosen = min(lists, key=len, default=self.of(namespace))
        self._left -= len(chosen)
        if self._left < 0:
            raise UnreadableError("more selectors and pods than can be compared")
        return chosen
