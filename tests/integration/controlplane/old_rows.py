"""What code of the version before says to the database: its INSERT, SELECT, UPDATE of each model.

The models are those of the historical state, so their statements name the columns of then, all of
them and no others.
"""

import uuid
from collections.abc import Callable
from typing import Any

from django.apps.registry import Apps
from django.db import models
from django.utils import timezone

NUMBERS = (models.IntegerField, models.FloatField, models.DecimalField)


def row_of(apps: Apps, model: type[models.Model]) -> models.Model:
    """One row, and those that it refers to; saved."""
    given = {
        field.name: value_for(apps, field)
        for field in model._meta.concrete_fields
        if not isinstance(field, models.AutoField)
    }
    return model._base_manager.create(**given)


def value_for(apps: Apps, field: models.Field) -> Any:
    if isinstance(field, models.ForeignKey):
        if field.null:
            return None
        return row_of(apps, field.remote_field.model)
    if field.has_default() and not field.unique:
        return field.get_default()
    if field.null:
        return None
    return _made_up(field)


# By the class of the field, the first that fits.
MADE_UP: tuple[tuple[Any, Callable[[], Any]], ...] = (
    (models.UUIDField, uuid.uuid4),
    (models.DateTimeField, timezone.now),
    (models.JSONField, dict),
    (models.BooleanField, bool),
    (NUMBERS, lambda: 1),
)


def _made_up(field: models.Field) -> Any:
    if field.choices:
        return field.choices[0][0]
    for kind, make in MADE_UP:
        if isinstance(field, kind):
            return make()
    return uuid.uuid4().hex[: field.max_length or 32]


def update(row: models.Model) -> int:
    """As `save()` of then: every column."""
    fields = [f for f in row._meta.concrete_fields if not f.primary_key]
    values = {f.name: getattr(row, f.name) for f in fields}
    return type(row)._base_manager.filter(pk=row.pk).update(**values)
