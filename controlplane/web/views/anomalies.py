"""The pages of what was noticed: the list, and one anomaly. Each has its fragment for htmx."""

import uuid

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from attribution.clock import database_now
from attribution.models import Anomaly
from controlplane.stored_json import is_storable
from controlplane.web.presenters.anomalies import anomalies_page
from controlplane.web.presenters.anomaly import anomaly_page
from controlplane.web.views.access import needs

LONGEST_NAME = 100


@require_safe
@never_cache
@needs("read")
def anomalies(request: HttpRequest) -> HttpResponse:
    return _anomalies(request, "anomalies/anomalies.html")


@require_safe
@never_cache
@needs("read")
def anomalies_live(request: HttpRequest) -> HttpResponse:
    return _anomalies(request, "anomalies/_anomalies.html")


def _anomalies(request: HttpRequest, template: str) -> HttpResponse:
    service = request.GET.get("service", "")
    if len(service) > LONGEST_NAME or not is_storable(service):
        raise Http404("No service has such a name.")
    return render(request, template, {"page": anomalies_page(service, database_now())})


@require_safe
@never_cache
@needs("read")
def anomaly(request: HttpRequest, anomaly_id: uuid.UUID) -> HttpResponse:
    return _anomaly(request, anomaly_id, "anomalies/anomaly.html")


@require_safe
@never_cache
@needs("read")
def anomaly_live(request: HttpRequest, anomaly_id: uuid.UUID) -> HttpResponse:
    return _anomaly(request, anomaly_id, "anomalies/_anomaly_live.html")


def _anomaly(request: HttpRequest, anomaly_id: uuid.UUID, template: str) -> HttpResponse:
    found = Anomaly.objects.select_related("service").filter(pk=anomaly_id).first()
    if found is None:
        raise Http404("There is no such anomaly.")
    page = anomaly_page(found, request.user, database_now())
    return render(request, template, {"page": page})
