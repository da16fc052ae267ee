"""Addresses: the API, the pages, and what a platform asks of every process."""

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.views import defaults
from drf_spectacular.views import SpectacularAPIView

from controlplane import health, metrics
from controlplane.api.errors import ProblemError
from controlplane.api.problems import problem_of, problem_response
from controlplane.client import download
from controlplane.web.views.errors import server_error

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics.metrics, name="metrics"),
    path("client/graygate.py", download.client, name="client"),
    path("client/graygate.py.sha256", download.checksum, name="client-checksum"),
    path("api/schema/", SpectacularAPIView.as_view(permission_classes=[]), name="schema"),
    path("api/v1/", include("controlplane.api.urls")),
]


def _unknown_api(request: HttpRequest) -> HttpResponse:
    detail = f"The API has no address {request.path}; see /api/schema/."
    return problem_response(request, ProblemError(404, "not-found", detail))


urlpatterns += [re_path(r"^api(?:/[\s\S]*)?$", _unknown_api)]
urlpatterns += [path("", include("controlplane.web.urls"))]


def handler400(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _is_api(request):
        return problem_response(request, problem_of(exception))
    return defaults.bad_request(request, exception)


def handler500(request: HttpRequest) -> HttpResponse:
    if _is_api(request):
        return problem_response(request, problem_of(RuntimeError()))
    return server_error(request)


def _is_api(request: HttpRequest) -> bool:
    return request.path.startswith("/api/")
