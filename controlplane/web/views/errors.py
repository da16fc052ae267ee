"""Error pages. They read neither the database nor the session: that may be what is broken."""

import sys
from typing import Final

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template import loader

RETRY_S: Final = "5"


def server_error(_request: HttpRequest) -> HttpResponse:
    """Django's handler500: a database that is gone is told apart from a defect of ours."""
    error = sys.exc_info()[1]
    if isinstance(error, OperationalError | InterfaceError):
        return _page("503.html", 503, {"Retry-After": RETRY_S, "Refresh": RETRY_S})
    return _page("500.html", 500, {})


def _page(template: str, status: int, headers: dict[str, str]) -> HttpResponse:
    body = loader.render_to_string(template)
    return HttpResponse(body, status=status, headers={**headers, "Cache-Control": "no-store"})
