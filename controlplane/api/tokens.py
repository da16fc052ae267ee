"""An identity token of a CI, exchanged for one of Graygate's (the names are those of RFC 8693)."""

import logging

from drf_spectacular.utils import extend_schema
from rest_framework import serializers as s
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.answers import Answer
from controlplane.api.authentication import TokenAuthentication
from controlplane.api.base import ApiView, body_of
from controlplane.api.errors import ProblemError
from controlplane.api.fields import Body, Text, validated
from controlplane.identity.assertions import LONGEST_TOKEN, NotAcceptedError
from controlplane.identity.exchange import ScopeError, TooManyError, exchange
from controlplane.identity.keys import KeysUnreadableError

logger = logging.getLogger(__name__)

GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - a type's name
SUBJECT_TYPES = (
    "urn:ietf:params:oauth:token-type:jwt",
    "urn:ietf:params:oauth:token-type:id_token",
)


class ExchangeBody(Body):
    grant_type = s.ChoiceField([GRANT])
    subject_token = Text(max_length=LONGEST_TOKEN)
    subject_token_type = s.ChoiceField(SUBJECT_TYPES)
    scope = Text(max_length=200, required=False, help_text="scopes to narrow it to, by blanks")


class ExchangeAnswer(Answer):
    access_token = s.CharField()
    issued_token_type = s.CharField()
    token_type = s.CharField()
    expires_in = s.IntegerField()
    scope = s.CharField()


class ExchangeView(ApiView):
    authentication_classes = []
    permission_classes = []

    @extend_schema(
        operation_id="tokens_exchange",
        request=ExchangeBody,
        responses=ExchangeAnswer,
        auth=[],
    )
    def post(self, request: Request) -> Response:
        """Who it is, the identity token says; nothing else is asked for. A token that is not
        accepted is 401, and the reason is in Graygate's log only.
        """
        body = validated(ExchangeBody, body_of(request))
        wanted = frozenset(body["scope"].split()) if "scope" in body else None
        try:
            given = exchange(body["subject_token"], wanted)
        except NotAcceptedError as reason:
            logger.warning("identity_refused: %s", reason)
            raise _not_accepted(request) from None
        except ScopeError as reason:
            raise ProblemError(403, "invalid-scope", str(reason), pointer="/scope") from None
        except TooManyError:
            detail = "This identity has too many tokens alive: use one for a whole job."
            raise ProblemError(429, "too-many", detail, headers={"Retry-After": "60"}) from None
        except KeysUnreadableError:
            detail = "The issuer's keys cannot be read at the moment. Send the request again."
            headers = {"Retry-After": "10"}
            raise ProblemError(503, "keys-unreadable", detail, headers=headers) from None
        answer = {
            "access_token": given.token,
            "issued_token_type": ACCESS_TOKEN,
            "token_type": "Bearer",
            "expires_in": given.expires_in,
            "scope": " ".join(sorted(given.scopes)),
        }
        return Response(answer, headers={"Cache-Control": "no-store"})


def _not_accepted(request: Request) -> ProblemError:
    headers = {"WWW-Authenticate": TokenAuthentication().authenticate_header(request)}
    detail = "The identity token is not accepted. Graygate's log tells its operator why."
    return ProblemError(401, "identity-not-accepted", detail, headers=headers)
