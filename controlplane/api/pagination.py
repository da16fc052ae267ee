"""Pages by key, not by offset: what arrives while a client reads shifts nothing."""

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import APIView

from attribution.moments import moment
from controlplane.api.errors import ProblemError
from controlplane.stored_json import is_storable

LARGEST_PAGE = 200
LONGEST_CURSOR = 1000


class CreatedCursor(BasePagination):
    """Newest first by the view's `cursor_fields`, a total order such as (created_at, id)."""

    next_cursor: str | None = None
    url = ""

    def paginate_queryset(
        self, queryset: Any, request: Request, view: APIView | None = None
    ) -> list[Any]:
        fields: tuple[str, ...] = getattr(view, "cursor_fields", ("-created_at", "-id"))
        limit = _limit(request.query_params.get("limit"))
        if cursor := request.query_params.get("cursor"):
            queryset = _after(queryset, fields, _decode(cursor, len(fields)))
        rows = list(queryset.order_by(*fields)[: limit + 1])
        if len(rows) > limit:
            rows = rows[:limit]
            self.next_cursor = _encode(rows[-1], fields)
            query = {**request.query_params.dict(), "cursor": self.next_cursor}
            self.url = f"{request.build_absolute_uri(request.path)}?{urlencode(query)}"
        return rows

    def get_paginated_response(self, data: Sequence[Any]) -> Response:
        headers = {"Link": f'<{self.url}>; rel="next"'} if self.next_cursor else None
        return Response({"results": data, "next": self.next_cursor}, headers=headers)

    def get_paginated_response_schema(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "type": "object",
            "required": ["results", "next"],
            "properties": {
                "results": schema,
                "next": {"type": "string", "nullable": True, "description": "Value for `cursor`"},
            },
        }

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        del view
        return [
            {"name": "cursor", "in": "query", "schema": {"type": "string"}},
            {
                "name": "limit",
                "in": "query",
                "schema": {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE},
            },
        ]


def _limit(text: str | None) -> int:
    if text is None:
        return api_settings.PAGE_SIZE or 50
    limit = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
    if not 1 <= limit <= LARGEST_PAGE:
        raise ProblemError(422, "invalid-query", f"limit must be 1 to {LARGEST_PAGE}.")
    return limit


def _encode(row: Model, fields: Sequence[str]) -> str:
    values = [str(getattr(row, field.lstrip("-"))) for field in fields]
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def _decode(cursor: str, length: int) -> list[str]:
    if len(cursor) > LONGEST_CURSOR:
        raise _bad_cursor()
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, list) or len(values) != length:
        raise _bad_cursor()
    if not all(isinstance(value, str) and is_storable(value) for value in values):
        raise _bad_cursor()
    return values


def _after(queryset: QuerySet[Any], fields: Sequence[str], values: list[str]) -> QuerySet[Any]:
    """Rows behind (a, b): a beyond, or a equal and b beyond."""
    condition, equal = Q(), Q()
    try:
        for field, value in zip(fields, values, strict=True):
            name = field.lstrip("-")
            wanted = queryset.model._meta.get_field(name).to_python(value)  # noqa: SLF001 - Django's documented API
            if isinstance(wanted, datetime):
                wanted = moment(value, "")
            beyond = f"{name}__lt" if field.startswith("-") else f"{name}__gt"
            condition |= equal & Q(**{beyond: wanted})
            equal &= Q(**{name: wanted})
    except (ValueError, ValidationError):  # a CaseError is a ValueError
        raise _bad_cursor() from None
    return queryset.filter(condition)


def _bad_cursor() -> ProblemError:
    return ProblemError(422, "invalid-query", "cursor must be the `next` of a page before.")
