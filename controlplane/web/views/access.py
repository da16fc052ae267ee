"""Every page asks for a scope; the answer to a fragment is never a login page inside a page."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import resolve_url

from controlplane.access import can

View = Callable[..., HttpResponse]


def needs(scope: str) -> Callable[[View], View]:
    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, **kwargs: Any) -> HttpResponse:
            if not request.user.is_authenticated:
                return _login(request)
            if not can(request.user, scope):
                raise PermissionDenied(f"Your role does not allow this: it needs `{scope}`.")
            return view(request, **kwargs)

        return guarded

    return decorate


def _login(request: HttpRequest) -> HttpResponse:
    """A form that was sent after the session ended comes back to the page it was on."""
    if "HX-Request" in request.headers:
        response = HttpResponse(status=401)
        response["HX-Redirect"] = resolve_url(settings.LOGIN_URL)
        return response
    return redirect_to_login(request.get_full_path() if request.method == "GET" else "/")
