"""Addresses of the pages."""

from django.urls import URLPattern, URLResolver, path

from controlplane.web.views import actions, anomalies, pages, session

urlpatterns: list[URLPattern | URLResolver] = [
    path("", pages.now, name="now"),
    path("live/", pages.now_live, name="now-live"),
    path("login/", session.Login.as_view(), name="login"),
    path("logout/", session.Logout.as_view(), name="logout"),
    path("changes/<uuid:change_id>/", pages.change, name="change"),
    path("changes/<uuid:change_id>/live/", pages.change_live, name="change-live"),
    path("changes/<uuid:change_id>/artefact/", pages.artefact, name="artefact"),
    path("changes/<uuid:change_id>/answer/", actions.answer, name="answer"),
    path("changes/<uuid:change_id>/cancel/", actions.cancel, name="cancel"),
    path("anomalies/", anomalies.anomalies, name="anomalies"),
    path("anomalies/live/", anomalies.anomalies_live, name="anomalies-live"),
    path("anomalies/<uuid:anomaly_id>/", anomalies.anomaly, name="anomaly"),
    path("anomalies/<uuid:anomaly_id>/live/", anomalies.anomaly_live, name="anomaly-live"),
    path("anomalies/<uuid:anomaly_id>/feedback/", actions.say_what_it_was, name="say-what-it-was"),
    path("anomalies/<uuid:anomaly_id>/telling-apart/", actions.tell_apart, name="tell-apart"),
    path("shadow/", pages.shadow, name="shadow"),
    path("practice/", pages.practice, name="practice"),
    path("rollouts/<uuid:rollout_id>/<slug:action>/", actions.act, name="act"),
    path("decisions/<uuid:decision_id>/feedback/", actions.feedback, name="feedback"),
    path("decisions/<uuid:decision_id>/inputs/", pages.inputs, name="inputs"),
    path("kill-switch/", actions.kill_switch, name="kill-switch"),
]
