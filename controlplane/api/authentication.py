from typing import Any

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from controlplane.models import ApiToken
from controlplane.tokens import TokenError, verify


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer gg_<key>.<secret>`; any other scheme is left to the next class."""

    def authenticate(self, request: Request) -> tuple[Any, ApiToken] | None:
        scheme, _, text = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        try:
            token = verify(text.strip())
        except TokenError as error:
            raise AuthenticationFailed(str(error)) from None
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        del request
        return 'Bearer realm="graygate"'
