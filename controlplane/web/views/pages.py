"""The pages that are read. What goes on has a fragment that htmx asks for every two seconds."""

import json
import uuid
from collections.abc import Sequence

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from attribution.clock import database_now
from controlplane.models import Change
from controlplane.web.presenters import shadow as shadows
from controlplane.web.presenters.artefact import artefact_page
from controlplane.web.presenters.change import change_page
from controlplane.web.presenters.now import now_page
from controlplane.web.presenters.practice import DAYS, USUAL_DAYS, practice_page
from controlplane.web.views.access import needs
from rollout.models import Decision


@require_safe
@never_cache
@needs("read")
def now(request: HttpRequest) -> HttpResponse:
    return render(request, "changes/now.html", {"page": now_page(request.user, database_now())})


@require_safe
@never_cache
@needs("read")
def now_live(request: HttpRequest) -> HttpResponse:
    return render(request, "changes/_now.html", {"page": now_page(request.user, database_now())})


@require_safe
@never_cache
@needs("read")
def change(request: HttpRequest, change_id: uuid.UUID) -> HttpResponse:
    return _change(request, change_id, "changes/change.html")


@require_safe
@never_cache
@needs("read")
def change_live(request: HttpRequest, change_id: uuid.UUID) -> HttpResponse:
    return _change(request, change_id, "changes/_change_live.html")


@require_safe
@never_cache
@needs("read")
def artefact(request: HttpRequest, change_id: uuid.UUID) -> HttpResponse:
    page = artefact_page(_found(change_id))
    return render(request, "changes/artefact.html", {"page": page})


def _change(request: HttpRequest, change_id: uuid.UUID, template: str) -> HttpResponse:
    page = change_page(_found(change_id), request.user, database_now())
    return render(request, template, {"page": page})


def _found(change_id: uuid.UUID) -> Change:
    found = Change.objects.filter(pk=change_id).first()
    if found is None:
        raise Http404("There is no such change.")
    return found


@require_safe
@never_cache
@needs("read")
def practice(request: HttpRequest) -> HttpResponse:
    page = practice_page(_days(request, DAYS, USUAL_DAYS), database_now())
    return render(request, "practice/practice.html", {"page": page})


@require_safe
@never_cache
@needs("read")
def shadow(request: HttpRequest) -> HttpResponse:
    days = _days(request, shadows.DAYS, shadows.USUAL_DAYS)
    page = shadows.shadow_page(days, request.user, database_now())
    return render(request, "shadow/shadow.html", {"page": page})


def _days(request: HttpRequest, choices: Sequence[int], usual: int) -> int:
    given = request.GET.get("days", "")
    return next((days for days in choices if given == str(days)), usual)


@require_safe
@needs("read")
def inputs(request: HttpRequest, decision_id: uuid.UUID) -> HttpResponse:
    """What a decision was computed from: large, so it is fetched when somebody unfolds it."""
    decision = Decision.objects.filter(pk=decision_id).first()
    if decision is None:
        raise Http404("There is no such decision.")
    text = json.dumps(decision.inputs, indent=2, ensure_ascii=False, sort_keys=True)
    return render(request, "changes/_inputs.html", {"decision": decision, "inputs": text})
