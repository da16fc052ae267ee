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
        if needed in scopes_for(request):
            return True
        raise PermissionDenied(f"This needs the scope '{needed}', which you do not have.")
