"""The targets that an executor's config names: one, or several of the same service."""

from collections.abc import Mapping
from typing import Any

from attribution.errors import CaseError
from attribution.fields import items

MOST_PLACEMENTS = 100
LONGEST_NAME = 100


def each_target(config: Mapping[str, Any], at: str) -> list[dict[str, Any]]:
    """The config as an executor takes it, once for each target. Raises CaseError."""
    if "targets" not in config:
        return [dict(config)]
    if "target" in config:
        raise CaseError("target and targets", "give one of the two", f"{at}/targets")
    names = items(config, "targets", at)
    if not 1 <= len(names) <= MOST_PLACEMENTS:
        raise CaseError("no targets", f"1 to {MOST_PLACEMENTS} names", f"{at}/targets")
    for index, name in enumerate(names):
        if not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME or name in names[:index]:
            detail = f"names of 1 to {LONGEST_NAME} characters, each once"
            raise CaseError("not a target", detail, f"{at}/targets/{index}")
    rest = {key: value for key, value in config.items() if key != "targets"}
    return [rest | {"target": name} for name in names]
