"""The pure questions: one case in, one answer out, nothing stored."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from attribution.attribute import attribute
from attribution.detect import detect
from attribution.judge import judge
from controlplane.access import Scope
from controlplane.api.base import ApiView, body_of
from controlplane.assessing import policies
from controlplane.risk.classify import classify

Case = Mapping[str, Any]


class _CaseView(ApiView):
    """A case that cannot be read leaves as 422 with the pointer to what is wrong."""

    scopes: ClassVar = {"POST": Scope.READ}
    answer: ClassVar[Callable[[Case], dict[str, Any]]]

    def post(self, request: Request) -> Response:
        return Response(type(self).answer(body_of(request)))


def case_view(name: str, answer: Callable[[Case], dict[str, Any]]) -> type[_CaseView]:
    view = type(f"{name.title()}View", (_CaseView,), {"answer": staticmethod(answer)})
    described = extend_schema(
        operation_id=name, request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT
    )
    return extend_schema_view(post=described)(view)


def classify_here(case: Case) -> dict[str, Any]:
    """By the policies of this installation, as a submission would be."""
    return classify(case, policies())


CASE_VIEWS = {
    "classify": case_view("classify", classify_here),
    "judge": case_view("judge", judge),
    "attribute": case_view("attribute", attribute),
    "detect": case_view("detect", detect),
}
