"""What the schema says of every operation."""

from typing import Any, Literal

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

from controlplane.api.answers import ProblemAnswer


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "controlplane.api.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        del auto_schema
        return {"type": "http", "scheme": "bearer", "bearerFormat": "gg_<key>.<secret>"}


class GraygateSchema(AutoSchema):
    """Every operation may answer with a problem; which statuses there are, docs/api.md says."""

    def _get_response_bodies(
        self, direction: Literal["request", "response"] = "response"
    ) -> dict[str, Any]:
        bodies = super()._get_response_bodies(direction)
        media = ["application/problem+json"]
        problem = self._get_response_for_code(ProblemAnswer, "default", media)  # type: ignore[no-untyped-call]
        return {**bodies, "default": {**problem, "description": "A problem (RFC 9457)"}}
