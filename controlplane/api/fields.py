"""Serializer fields that take a value as it is or refuse it: no "5" for 5, no unknown member."""

import unicodedata
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from attribution.moments import FIRST_YEAR, LAST_YEAR
from controlplane.api.errors import MOST_ERRORS

LENGTH_OF_ID = 36


class Text(serializers.CharField):
    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            raise ValidationError("A text is wanted here.")
        if any(unicodedata.category(letter) == "Cc" and letter not in "\n\t" for letter in data):
            # A terminal or a log would obey them.
            raise ValidationError("Control characters are not taken here.")
        return super().to_internal_value(data)


class Whole(serializers.IntegerField):
    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, int):
            raise ValidationError("A whole number is wanted here.")
        return super().to_internal_value(data)


class Id(serializers.UUIDField):
    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str) or len(data) != LENGTH_OF_ID:
            raise ValidationError("An id such as 5f0c7d1e-… of 36 letters is wanted here.")
        return super().to_internal_value(data)


class Moment(serializers.DateTimeField):
    def to_internal_value(self, value: Any) -> Any:
        if not isinstance(value, str):
            raise ValidationError("A moment such as 2026-01-31T12:00:00Z is wanted here.")
        found = super().to_internal_value(value)
        if not FIRST_YEAR <= found.year < LAST_YEAR:
            raise ValidationError(f"A moment from {FIRST_YEAR} to {LAST_YEAR - 1} is wanted here.")
        return found


class Body(serializers.Serializer[Any]):
    """A JSON object whose unknown members are errors."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and (unknown := [key for key in data if key not in self.fields]):
            known = ", ".join(self.fields)
            told = unknown[:MOST_ERRORS]
            raise ValidationError(dict.fromkeys(told, f"Unknown field. Known: {known}."))
        return super().to_internal_value(data)


def texts(**options: Any) -> serializers.ListField:
    """A list of different, non-empty texts."""
    return serializers.ListField(
        child=Text(max_length=options.pop("longest", 200)), validators=[_different], **options
    )


def _different(values: list[str]) -> None:
    seen: set[str] = set()
    for index, value in enumerate(values):
        if value in seen:
            raise ValidationError({str(index): f"{value!r} stands here twice."})
        seen.add(value)


def validated(body_class: type[Body], data: Any) -> dict[str, Any]:
    """Raises rest_framework's ValidationError, which leaves as 422 with pointers."""
    body = body_class(data=data)
    body.is_valid(raise_exception=True)
    return dict(body.validated_data)
