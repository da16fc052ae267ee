"""JSON as RFC 8259 means it: one value for a key, finite numbers, text that can be stored."""

import json
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework.parsers import BaseParser

from attribution.pointers import below
from controlplane.api.errors import ProblemError
from controlplane.stored_json import finite, no_constant

DEEPEST = 64
# Digits: still a float when a formula needs one.
LONGEST_INTEGER = 300


class StrictJSONParser(BaseParser):
    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        del media_type, parser_context
        return parse_json(_read(stream))


class CloudEventParser(StrictJSONParser):
    media_type = "application/cloudevents+json"


class CloudEventBatchParser(StrictJSONParser):
    media_type = "application/cloudevents-batch+json"


def parse_json(body: bytes) -> Any:
    """Raises ProblemError 400."""
    try:
        value = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_object,
            parse_constant=no_constant,
            parse_float=finite,
            parse_int=_whole,
        )
    except RecursionError:
        raise _too_deep("") from None
    except ValueError as error:
        raise ProblemError(400, "malformed-json", f"The body is not JSON: {error}") from None
    _check(value)
    return value


def _read(stream: IO[bytes]) -> bytes:
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 1_048_576
    body = stream.read(limit + 1)
    if len(body) > limit:
        raise ProblemError(413, "body-too-large", f"A body may have at most {limit} bytes.")
    return body


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {twice[:80]!r} stands twice in one object")
    return found


def _whole(text: str) -> int:
    if len(text) > LONGEST_INTEGER:
        raise ValueError(f"the number {text[:40]}… is too large")
    return int(text)


def _check(value: Any) -> None:
    """Depth, and texts that UTF-8 or PostgreSQL cannot hold. Iterative: no stack to blow."""
    work: list[tuple[Any, str, int]] = [(value, "", 1)]
    while work:
        each, at, depth = work.pop()
        if isinstance(each, str):
            _check_text(each, at)
        elif isinstance(each, dict):
            for key, inner in each.items():
                _check_text(key, at)
                work.append((inner, below(at, key), depth + 1))
        elif isinstance(each, list):
            work.extend((inner, below(at, index), depth + 1) for index, inner in enumerate(each))
        if depth > DEEPEST:
            raise _too_deep(at)


def _check_text(text: str, at: str) -> None:
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        detail = "A text holds a NUL or half a surrogate pair, which cannot be stored."
        raise ProblemError(400, "malformed-json", detail, pointer=at)


def _too_deep(at: str) -> ProblemError:
    return ProblemError(
        400, "malformed-json", f"A body may be at most {DEEPEST} levels deep.", pointer=at
    )
