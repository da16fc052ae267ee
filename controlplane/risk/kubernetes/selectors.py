"""Which labels a selector selects. Unlike text, an absent label is a value of its own here."""

from collections.abc import Mapping
from typing import Any

from controlplane.risk.kubernetes.objects import mapping, sequence, text


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
