"""What people may order from a page: the same functions as the API, with a reason and a name."""

import unicodedata
import uuid
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from attribution.errors import CaseError
from controlplane import intake, second_attempts
from controlplane.access import Scope, can
from controlplane.feedback import give
from controlplane.models import Change, Feedback
from controlplane.web.views.access import needs
from rollout import gates, services
from rollout.machine import IllegalTransitionError, Phase
from rollout.models import Decision, Rollout
from rollout.telling_apart_orders import Order, start

Act = Callable[..., Any]
# Whoever stops something must never be told to look again first: these carry no version.
TIGHTENING: dict[str, Act] = {"pause": services.pause, "abort": services.abort}
# These act on what the person saw; when it has changed since, they are not carried out.
AS_SEEN: dict[str, Act] = {
    "resume": services.resume,
    "promote": services.promote,
    "retry": services.retry,
    "accept": services.accept,
}
DONE = {
    "pause": "Paused: exposure does not grow until somebody resumes.",
    "abort": "Abort ordered: exposure is going to zero.",
    "resume": "Resumed.",
    "promote": "Promoted: the stage counts as waived.",
    "retry": "Ordered to try again.",
    "accept": "Your word is recorded. A second person's word writes it off.",
    "undo": "Undo ordered: a new rollout brings the old version back.",
}
# As in the API's bodies.
LONGEST_REASON, LONGEST_COMMENT = 1000, 2000
STALE = (
    "Nothing was done: the rollout has moved on since you looked. "
    "The page now shows how it is; decide again."
)


@require_POST
@needs("operate")
def act(request: HttpRequest, rollout_id: uuid.UUID, action: str) -> HttpResponse:
    rollout = Rollout.objects.filter(pk=rollout_id).only("change_id").first()
    if rollout is None or action not in DONE:
        raise Http404("There is no such rollout or action.")
    reason = _reason(request)
    if reason:
        _try(request, DONE[action], lambda: _carry_out(request, rollout_id, action, reason))
    return redirect("change", change_id=rollout.change_id)


def _carry_out(request: HttpRequest, rollout_id: uuid.UUID, action: str, reason: str) -> None:
    actor = request.user.get_username()
    if action == "undo":
        services.undo(rollout_id, actor, reason)
    elif action == "retry" and _is_rolled_back(rollout_id):
        second_attempts.start(rollout_id, actor, reason, int(request.POST["version"]))
    elif action in TIGHTENING:
        TIGHTENING[action](rollout_id, actor, reason)
    else:
        seen: dict[str, int] = {"version": int(request.POST["version"])}
        if action == "promote":
            seen["stage"] = int(request.POST["stage"])
        AS_SEEN[action](rollout_id, actor, reason, **seen)


def _is_rolled_back(rollout_id: uuid.UUID) -> bool:
    return Rollout.objects.filter(pk=rollout_id, phase=Phase.ROLLED_BACK).exists()


@require_POST
@needs("approve")
def answer(request: HttpRequest, change_id: uuid.UUID) -> HttpResponse:
    given = request.POST.get("answer", "")
    reason = _text(request, "reason")
    if given == "reject" and not reason:
        messages.error(request, "Say why you reject it: the author reads this.")
    else:
        actor = request.user.get_username()
        done = "Approved." if given == "approve" else "Rejected."
        _try(request, done, lambda: intake.decide_change(change_id, actor, given, reason))
    return redirect("change", change_id=change_id)


@require_POST
@needs("submit")
def cancel(request: HttpRequest, change_id: uuid.UUID) -> HttpResponse:
    change = Change.objects.filter(pk=change_id).only("author").first()
    if change is None:
        raise Http404("There is no such change.")
    actor = request.user.get_username()
    if change.author != actor and not can(request.user, Scope.OPERATE):
        messages.error(request, "Only its author or an operator may cancel a change.")
    elif reason := _reason(request):
        _try(request, "Canceled.", lambda: intake.cancel(change_id, actor, reason))
    return redirect("change", change_id=change_id)


@require_POST
@needs("operate")
def feedback(request: HttpRequest, decision_id: uuid.UUID) -> HttpResponse:
    decision = Decision.objects.filter(pk=decision_id).only("change_id", "rollout").first()
    given = request.POST.get("answer", "")
    if decision is None or given not in Feedback.Answer:
        raise Http404("There is no such decision or answer.")
    Feedback.objects.create(
        decision_id=decision_id,
        change_id=decision.change_id,
        answer=given,
        comment=_text(request, "comment", LONGEST_COMMENT),
        actor=request.user.get_username(),
    )
    again = " You may try it again, below." if second_attempts.offered(decision.rollout) else ""
    messages.success(request, f"Thank you: recorded as {given}.{again}")
    if request.POST.get("from") == "shadow":
        return redirect("shadow")
    return redirect("change", change_id=decision.change_id)


@require_POST
@needs("operate")
def say_what_it_was(request: HttpRequest, anomaly_id: uuid.UUID) -> HttpResponse:
    """`change`: an id, `none`, or `other` with the id in a field of its own."""
    chosen = _text(request, "change")
    chosen = _text(request, "other") if chosen == "other" else chosen
    try:
        change = None if chosen == "none" else uuid.UUID(chosen)
        note = _text(request, "note", LONGEST_COMMENT)
        give(anomaly_id, change, note, request.user.get_username())
    except CaseError as error:
        messages.error(request, f"Nothing was recorded: {error.detail}.")
    except ValueError:
        messages.error(request, "Nothing was recorded: choose a change, or give the id of one.")
    except ObjectDoesNotExist:
        raise Http404("There is no such anomaly.") from None
    else:
        messages.success(request, "Thank you: recorded. The newest word counts.")
    return redirect("anomaly", anomaly_id=anomaly_id)


@require_POST
@needs("operate")
def tell_apart(request: HttpRequest, anomaly_id: uuid.UUID) -> HttpResponse:
    """As proposed on the page; when that is no longer so, nothing is done."""

    def order() -> None:
        hold, step_down = (uuid.UUID(request.POST[name]) for name in ("hold", "step_down"))
        actor, reason = request.user.get_username(), _text(request, "reason")
        start(anomaly_id, Order(hold, step_down, actor, reason))

    _try(request, "Started: one is held, the other steps down. It ends by itself.", order)
    return redirect("anomaly", anomaly_id=anomaly_id)


@require_POST
@needs("operate")
def kill_switch(request: HttpRequest) -> HttpResponse:
    if request.POST.get("order") == "release":
        gates.lift_freeze(gates.KILL_SWITCH)
        messages.success(request, "The kill switch is released: exposure may grow again.")
    elif reason := _reason(request):
        actor = request.user.get_username()
        gates.set_freeze(gates.KILL_SWITCH, {}, reason, actor)
        messages.success(request, "The kill switch is on: no exposure grows. Reversals go on.")
    return redirect("now")


def _text(request: HttpRequest, name: str, longest: int = LONGEST_REASON) -> str:
    """As the API takes it: what a terminal would obey, or PostgreSQL refuse, is left out."""
    given = request.POST.get(name, "").replace("\r\n", "\n")
    kept = [one for one in given if one in "\n\t" or unicodedata.category(one) != "Cc"]
    return "".join(kept).strip()[:longest]


def _reason(request: HttpRequest) -> str:
    reason = _text(request, "reason")
    if not reason:
        messages.error(request, "Nothing was done: give a reason, it goes into the ledger.")
    return reason


def _try(request: HttpRequest, done: str, order: Callable[[], Any]) -> None:
    """Each refusal in words that say what to do; anything else is an error page."""
    try:
        order()
    except (services.VersionMismatchError, services.StageMismatchError):
        messages.error(request, STALE)
    except IllegalTransitionError as error:
        messages.error(request, f"Nothing was done: this is not possible now ({error}).")
    except services.NotAllowedError as error:
        messages.error(request, f"Nothing was done: {error}")
    except ObjectDoesNotExist:
        raise Http404("It is not there any more.") from None
    except (KeyError, ValueError):
        messages.error(request, "Nothing was done: the form was incomplete. Reload the page.")
    else:
        messages.success(request, done)
