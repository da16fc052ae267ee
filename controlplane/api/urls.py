"""Below /api/v1/. No address ends with a slash."""

from typing import Any

from django.urls import URLPattern, URLResolver, path, register_converter

from controlplane.api import (
    anomalies,
    catalog,
    changes,
    events,
    evidence,
    governance,
    guardrails,
    rollouts,
)
from controlplane.api.alerts import AlertsView
from controlplane.api.base import ApiView
from controlplane.api.cases import CASE_VIEWS
from controlplane.api.checks import ChecksView
from controlplane.api.precision import PrecisionView
from controlplane.api.shadow import ShadowView
from controlplane.api.standardisation import StandardisationView
from controlplane.api.tokens import ExchangeView
from controlplane.configuration.values import NAME


class NameConverter:
    """Names that are safe in an address, in a log line and in a metric's label."""

    regex = NAME

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(NameConverter, "name")
app_name = "api"


def _named(word: str, many: type[ApiView], one: type[ApiView]) -> list[URLPattern]:
    return [
        path(word, many.as_view(), name=word),
        path(f"{word}/<name:name>", one.as_view(), name=f"{word}-one"),
    ]


def _below(word: str, parameter: str, views: dict[str, Any]) -> list[URLPattern]:
    return [
        path(f"{word}/<uuid:{parameter}>/{action}", view.as_view(), name=f"{word}-{action}")
        for action, view in views.items()
    ]


urlpatterns: list[URLPattern | URLResolver] = [
    path("changes", changes.ChangesView.as_view(), name="changes"),
    path("changes/<uuid:change_id>", changes.ChangeView.as_view(), name="change"),
    *_below(
        "changes",
        "change_id",
        {
            "decision": changes.DecisionView,
            "approve": changes.ApproveView,
            "reject": changes.RejectView,
            "cancel": changes.CancelView,
            "checks": ChecksView,
        },
    ),
    path("rollouts", rollouts.RolloutsView.as_view(), name="rollouts"),
    path("rollouts/<uuid:rollout_id>", rollouts.RolloutView.as_view(), name="rollout"),
    *_below(
        "rollouts",
        "rollout_id",
        {"series": rollouts.SeriesView, "undo": rollouts.UndoView, **rollouts.ACTION_VIEWS},
    ),
    *_named("services", catalog.ServicesView, catalog.ServiceView),
    *_named("guardrails", guardrails.GuardrailsView, guardrails.GuardrailView),
    *_named("policies", governance.PoliciesView, governance.PolicyView),
    *_named("freezes", governance.FreezesView, governance.FreezeView),
    *_named("silences", governance.SilencesView, governance.SilenceView),
    *_below(
        "decisions",
        "decision_id",
        {"feedback": evidence.FeedbackView, "explain": evidence.ExplainView},
    ),
    *(path(name, view.as_view(), name=name) for name, view in CASE_VIEWS.items()),
    path("alerts", AlertsView.as_view(), name="alerts"),
    path("events", events.EventsView.as_view(), name="events"),
    path("anomalies", anomalies.AnomaliesView.as_view(), name="anomalies"),
    path("anomalies/<uuid:anomaly_id>", anomalies.AnomalyView.as_view(), name="anomaly"),
    *_below(
        "anomalies",
        "anomaly_id",
        {"feedback": anomalies.AnomalyFeedbackView, "telling-apart": anomalies.TellingApartView},
    ),
    path("precision", PrecisionView.as_view(), name="precision"),
    path("shadow", ShadowView.as_view(), name="shadow"),
    path("standardisation", StandardisationView.as_view(), name="standardisation"),
    path("tokens/exchange", ExchangeView.as_view(), name="tokens-exchange"),
    path("ledger", evidence.LedgerView.as_view(), name="ledger"),
]
