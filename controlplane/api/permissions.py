from typing import Any

from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from controlplane.access import Scope, scopes_of
from controlplane.models import ApiToken
from controlplane.tokens import granted


def scopes_for(request: Request) -> frozenset[Scope]:
    """A token narrows its user's role; a session has the role as it is."""
    if isinstance(request.auth, ApiToken):
        return granted(request.auth)
    return scopes_of(request.user)


class HasScope(BasePermission):
    """Each view says in `scopes` which scope a method needs; a method it forgot is refused."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not request.user.is_authenticated:
            return False
        method = "GET" if request.method == "HEAD" else str(request.method)
        if method == "OPTIONS" or not hasattr(view, method.lower()):
            return True  # nothing to protect: the view answers 405
        needed = getattr(view, "scopes", {}).get(method)
        if needed not in scopes_for(request):
            raise PermissionDenied(f"This needs the scope '{needed}', which you do not have.")
        services = services_for(request)
        if services is None or needed == Scope.READ or getattr(view, "minds_services", False):
            return True
        raise PermissionDenied(f"This token is {_only_for(services)}.")


def services_for(request: Request) -> frozenset[str] | None:
    """The services that the token may write about; None: all."""
    token = request.auth
    if not isinstance(token, ApiToken) or token.services is None:
        return None
    return frozenset(token.services)


def check_services(request: Request, targets: Any) -> None:
    """`targets` as a change has them, or as somebody sent them. Raises PermissionDenied."""
    services = services_for(request)
    if services is None or not isinstance(targets, list):
        return
    named = [one.get("service") for one in targets if isinstance(one, dict)]
    if any(isinstance(name, str) and name not in services for name in named):
        raise PermissionDenied(f"This token is {_only_for(services)}.")


def _only_for(services: frozenset[str]) -> str:
    return f"only for changes of: {', '.join(sorted(services))}"
