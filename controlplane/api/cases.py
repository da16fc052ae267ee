"""The pure questions: one case in, one answer out, nothing stored."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from attribution.attribute import attribute
from attribution.detect import detect
from attribution.errors import CaseError
from attribution.judge import judge
from controlplane.access import Scope
from controlplane.api.base import ApiView, body_of
from controlplane.api.errors import invalid
from controlplane.assessing import policies
from controlplane.learned_models import models
from controlplane.risk.classify import classify
from controlplane.stored_json import check_storable

Case = Mapping[str, Any]
# A case may cost a second or so of the web server; the same commands of manage.py take any size.
MOST = {"metrics": 200, "stages": 100}


class _CaseView(ApiView):
    """A case that cannot be read leaves as 422 with the pointer to what is wrong."""

    scopes: ClassVar = {"POST": Scope.READ}
    answer: ClassVar[Callable[[Case], dict[str, Any]]]

    def post(self, request: Request) -> Response:
        case = body_of(request)
        for name, most in MOST.items():
            given = case.get(name)
            if isinstance(given, list) and len(given) > most:
                raise invalid(f"At most {most} here; larger cases: manage.py.", f"/{name}")
        answer = type(self).answer(case)
        try:
            check_storable(answer)
        except CaseError:
            # Infinity came of it, which is no JSON.
            raise invalid("Its numbers are too large to be reckoned with.", "") from None
        return Response(answer)


def case_view(name: str, answer: Callable[[Case], dict[str, Any]]) -> type[_CaseView]:
    view = type(f"{name.title()}View", (_CaseView,), {"answer": staticmethod(answer)})
    described = extend_schema(
        operation_id=name, request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT
    )
    return extend_schema_view(post=described)(view)


def classify_here(case: Case) -> dict[str, Any]:
    """By the policies of this installation, as a submission would be."""
    return classify(case, policies(), models())


CASE_VIEWS = {
    "classify": case_view("classify", classify_here),
    "judge": case_view("judge", judge),
    "attribute": case_view("attribute", attribute),
    "detect": case_view("detect", detect),
}
