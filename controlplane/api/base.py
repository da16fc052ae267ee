"""What every view of the API shares: its scopes, its body, its place in the schema."""

from collections.abc import Mapping
from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.views import APIView

from controlplane.api.errors import ProblemError, invalid
from controlplane.api.openapi import GraygateSchema
from controlplane.api.pagination import CreatedCursor

LONGEST_PARAMETER = 200
USUAL_DAYS, MOST_DAYS = 30, 366


class ApiView(APIView):
    # HTTP method → the scope it needs; what is missing here is refused.
    scopes: ClassVar[Mapping[str, str]] = {}
    # Looks at the services that a token is for; other views let such a token only read.
    minds_services: ClassVar[bool] = False
    schema = GraygateSchema()


class PagedView(ApiView):
    """A list by cursor; `cursor_fields` is its total order."""

    cursor_fields: ClassVar[tuple[str, ...]] = ("-created_at", "-id")

    @property
    def pages(self) -> CreatedCursor:
        return CreatedCursor()


def actor_of(request: Request) -> str:
    return request.user.get_username()


def body_of(request: Request) -> dict[str, Any]:
    body = request.data
    if not isinstance(body, dict):
        raise invalid("The body must be a JSON object.", "")
    return body


def parameter(request: Request, name: str, allowed: tuple[str, ...] = ()) -> str | None:
    """A query parameter; empty counts as absent."""
    value = request.query_params.get(name)
    if not value:
        return None
    if "\0" in value or len(value) > LONGEST_PARAMETER:
        raise ProblemError(422, "invalid-query", f"{name} is not a text of at most 200 letters.")
    if allowed and value not in allowed:
        raise ProblemError(422, "invalid-query", f"{name} must be one of {', '.join(allowed)}.")
    return value


def flag(request: Request, name: str) -> bool:
    return parameter(request, name, ("0", "1", "true", "false")) in {"1", "true"}


def days_of(request: Request) -> int:
    """`?days=`: how far back; 30 unless told."""
    given = parameter(request, "days")
    if given is None:
        return USUAL_DAYS
    if not given.isascii() or not given.isdigit() or not 1 <= int(given[:6]) <= MOST_DAYS:
        raise ProblemError(
            422, "invalid-query", f"days must be a whole number from 1 to {MOST_DAYS}."
        )
    return int(given)
