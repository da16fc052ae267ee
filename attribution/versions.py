"""Cohorts that are told apart by version: `version="$version"` in the matchers of a service.

Whose metrics Graygate did not make has version labels only, and the values change with each
change. So the matchers hold placeholders, and the rollout that starts says what they stand for:

    $version            the version that comes in
    $previous_version   the one that it replaces, where the change named it

A cohort whose placeholder nobody has filled is not asked for. The values stay until the next
rollout starts, so that what was brought back is still watched.
"""

import re
from collections.abc import Mapping
from typing import Any

from attribution.errors import CaseError

VERSION, PREVIOUS = "$version", "$previous_version"
_PLACEHOLDER = re.compile(r"\$[A-Za-z_]+")
_MATCHER = re.compile(r'(=~|!~|!=|=)(\s*)"((?:[^"\\]|\\.)*)"')
_SPECIAL = re.compile(r"[\\.+*?()|\[\]{}^$]")
MOST_CHARACTERS = 200


def uses_versions(cohorts: Mapping[str, Any]) -> bool:
    return any(_PLACEHOLDER.search(str(matchers)) for matchers in cohorts.values())


def check_placeholders(matchers: str, pointer: str) -> None:
    """Raises CaseError: a mistyped one would be taken for a version that is never there."""
    for found in _PLACEHOLDER.findall(matchers):
        if found not in {VERSION, PREVIOUS}:
            detail = f"{found} stands for nothing; known: {VERSION}, {PREVIOUS}"
            raise CaseError("unknown placeholder", detail, pointer)


def filled(cohorts: Mapping[str, str], versions: Mapping[str, Any]) -> dict[str, str]:
    """The matchers as they are asked; a cohort whose version is not known is left out."""
    values = {VERSION: versions.get("version"), PREVIOUS: versions.get("previous_version")}
    found = {side: _filled(matchers, values) for side, matchers in cohorts.items()}
    return {side: matchers for side, matchers in found.items() if matchers}


def _filled(matchers: str, values: Mapping[str, Any]) -> str:
    wanted = set(_PLACEHOLDER.findall(matchers))
    if not wanted:
        return matchers
    if not all(_is_usable(values.get(name)) for name in wanted):
        return ""
    return _MATCHER.sub(lambda found: _matcher(found, values), matchers)


def _is_usable(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MOST_CHARACTERS and value.isprintable()


def _matcher(found: re.Match[str], values: Mapping[str, Any]) -> str:
    """In a regular expression a version is text too: its dots are dots."""
    operator, blank, inner = found.groups()

    def text_of(name: re.Match[str]) -> str:
        value = str(values[name[0]])
        plain = _SPECIAL.sub(r"\\\g<0>", value) if "~" in operator else value
        return plain.replace("\\", "\\\\").replace('"', '\\"')

    return f'{operator}{blank}"{_PLACEHOLDER.sub(text_of, inner)}"'
