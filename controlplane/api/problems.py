"""Every error as RFC 9457 `application/problem+json`, with JSON pointers to what is wrong."""

import logging
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from django.core.exceptions import (
    ObjectDoesNotExist,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.db import IntegrityError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, JsonResponse
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import set_rollback

from attribution.errors import CaseError
from attribution.pointers import pointer_step
from controlplane.api.errors import ProblemError, invalid
from rollout.machine import IllegalTransitionError
from rollout.services import NotAllowedError, StageMismatchError, VersionMismatchError

log = logging.getLogger(__name__)
CONTENT_TYPE = "application/problem+json"
DATABASE_RETRY_S = 5


def exception_handler(exc: Exception, context: Mapping[str, Any]) -> Response:
    """Django REST framework's hook: whatever a view raises leaves as a problem."""
    set_rollback()
    problem = problem_of(exc)
    if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("%s: %s", problem.slug, exc, exc_info=exc)
    request: Request = context["request"]
    return Response(
        problem.body(request.path),
        status=problem.status,
        headers=problem.headers,
        content_type=CONTENT_TYPE,
    )


def problem_response(request: HttpRequest, problem: ProblemError) -> JsonResponse:
    """For answers that are given before any view runs."""
    return JsonResponse(
        problem.body(request.path),
        status=problem.status,
        headers=problem.headers,
        content_type=CONTENT_TYPE,
    )


def problem_of(exc: Exception) -> ProblemError:
    found = _of_ours(exc) or _of_the_framework(exc) or _of_the_platform(exc)
    return found or ProblemError(500, "internal", "Graygate failed. The reason is in its log.")


def _of_ours(exc: Exception) -> ProblemError | None:
    match exc:
        case ProblemError():
            return exc
        case CaseError():
            return invalid(exc.detail, exc.pointer, exc.title)
        case VersionMismatchError() | StageMismatchError():
            return ProblemError(412, "version-mismatch", f"It has moved on: {exc}. Read it again.")
        case IllegalTransitionError():
            return ProblemError(409, "illegal-transition", f"Not possible now: {exc}.")
        case NotAllowedError():
            return ProblemError(409, "not-possible", f"Not possible: {exc}.")
    return None


def _of_the_framework(exc: Exception) -> ProblemError | None:
    match exc:
        case exceptions.ValidationError():
            return _invalid_fields(exc)
        case exceptions.APIException():
            return _from_framework(exc)
        case Http404() | ObjectDoesNotExist():
            return ProblemError(404, "not-found", "There is nothing at this address.")
        case PermissionDenied():
            return ProblemError(403, "permission-denied", "You may not do this.")
    return None


def _of_the_platform(exc: Exception) -> ProblemError | None:
    match exc:
        case RequestDataTooBig():
            return ProblemError(413, "body-too-large", "The body is too large.")
        case SuspiciousOperation():
            return ProblemError(400, "bad-request", "The request is malformed.")
        case IntegrityError():
            # Two at once made the same thing; the second sees the first when it comes again.
            detail = "Somebody else wrote this at the same moment. Read it and send it again."
            return ProblemError(409, "conflict", detail)
        case OperationalError() | InterfaceError():
            detail = "The database cannot be reached. Nothing was changed; send the request again."
            headers = {"Retry-After": str(DATABASE_RETRY_S)}
            return ProblemError(503, "database-unreachable", detail, headers=headers)
    return None


def _from_framework(exc: exceptions.APIException) -> ProblemError:
    headers: dict[str, str] = {}
    if challenge := getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if wait := getattr(exc, "wait", None):
        headers["Retry-After"] = str(int(wait) + 1)
    slug = str(exc.default_code).replace("_", "-")
    return ProblemError(exc.status_code, slug, str(exc.detail), headers=headers)


def _invalid_fields(exc: exceptions.ValidationError) -> ProblemError:
    errors = [{"detail": text, "pointer": f"#{at}"} for at, text in _flat(exc.detail, "")]
    first = errors[0]["detail"] if errors else "The body is not valid."
    return ProblemError(422, "invalid-body", first, errors=errors)


def _flat(detail: Any, at: str) -> Iterator[tuple[str, str]]:
    """DRF's nested errors → (JSON pointer, message)."""
    if isinstance(detail, Mapping):
        for key, inner in detail.items():
            own = str(key) == api_settings.NON_FIELD_ERRORS_KEY
            step = pointer_step(key)
            yield from _flat(inner, at if own else f"{at}/{step}")
    elif isinstance(detail, list):
        for index, inner in enumerate(detail):
            yield from _flat(inner, f"{at}/{index}" if isinstance(inner, Mapping) else at)
    else:
        yield at, str(detail)
