"""Every form of the pages, and every address with a parameter: no error page, nothing half done."""

import uuid

import pytest
from django.test import Client
from django.urls import get_resolver

from controlplane.access import Role
from controlplane.web.urls import urlpatterns
from tests.factories import UserFactory, token_of
from tests.integration.api.conftest import Caller
from tests.integration.fuzzing.conftest import EXAMPLES
from tests.integration.fuzzing.operations import world
from tests.integration.fuzzing.watching import Afterwards, content, logged, told, undone

pytestmark = pytest.mark.django_db
TEXTS = (
    "", " ", "x", "\x00", "a\x00b", "\ud800", "\x1b[2J", "\u202e", "-1", "0", "9" * 10, "9" * 20,
    "9" * 5000, "1e400", "NaN", "\u0663", "[]", "{}", "a" * 200_000, "\r\n" * 5000,
    "<script>alert(1)</script>", "{{ 7 }}", "%00", str(uuid.UUID(int=0)), "none", "other",
)  # fmt: skip
EVERY = 1 if EXAMPLES else 9
REASON = {"reason": "because"}
ACTED = {**REASON, "version": "1", "stage": "0"}
ACTIONS = ("pause", "resume", "promote", "abort", "retry", "accept", "undo", "nothing")
# The name in controlplane/web/urls.py → (address, a form that it takes).
FORMS = {
    "answer": ("/changes/{pending}/answer/", {**REASON, "answer": "approve"}),
    "cancel": ("/changes/{pending}/cancel/", REASON),
    "feedback": (
        "/decisions/{decision}/feedback/", {"answer": "right", "comment": "x", "from": "shadow"}
    ),
    "say-what-it-was": (
        "/anomalies/{anomaly}/feedback/", {"change": "other", "other": "{change}", "note": "x"}
    ),
    "tell-apart": (
        "/anomalies/{anomaly}/telling-apart/",
        {**REASON, "hold": "{change}", "step_down": "{pending}"},
    ),
    "kill-switch": ("/kill-switch/", {**REASON, "order": "throw"}),
    "login": ("/login/", {"username": "web", "password": "x", "next": "/"}),
    "logout": ("/logout/", {"next": "/"}),
    **{f"act {name}": (f"/rollouts/{{rollout}}/{name}/", ACTED) for name in ACTIONS},
}  # fmt: skip
QUERIES = ("/anomalies/", "/anomalies/live/", "/shadow/", "/practice/", "/", "/live/", "/login/")


def test_forms__those_of_the_pages__are_all_here():
    posts = {one.name for one in urlpatterns if one.callback.__module__.endswith(".actions")}

    assert posts | {"login", "logout"} == {name.split()[0] for name in FORMS}
    assert get_resolver().reverse_dict


def sent(browser, address, form):
    """Encoded by hand: half a surrogate pair as a browser never would."""
    encoded = b"&".join(
        name.encode() + b"=" + b"".join(b"%%%02X" % byte for byte in one)
        for name, one in ((n, v.encode("utf-8", "surrogatepass")) for n, v in form.items())
    )
    return browser.post(
        address, encoded, content_type="application/x-www-form-urlencoded", HTTP_HOST="localhost"
    )


def test_form__any_text_in_any_field__is_no_error_page_and_poisons_nothing(db):
    made = world()
    browser = Client(raise_request_exception=False)
    person = UserFactory(username="web", role=Role.ADMIN)
    browser.force_login(person)
    look = Afterwards(Caller(token_of("admin")), browser, made.walk)
    before, troubles, count, turn = content(), {}, 0, 0
    for name, (address, form) in FORMS.items():
        path = address.format(**made.ids)
        filled = {key: made.ids.get(one.strip("{}"), one) for key, one in form.items()}
        for field in filled:
            turn += 1
            for text in TEXTS[turn % EVERY :: EVERY]:
                with undone(), logged() as lines:
                    if name.startswith("log"):
                        browser.force_login(person)
                    answer = sent(browser, path, {**filled, field: text})
                    wrong = list(lines)
                    if answer.status_code >= 500:
                        wrong.append(f"{answer.status_code}")
                    elif answer.status_code >= 400 and content() != before:
                        now = content()
                        changed = {one for one in now if now[one] != before[one]}
                        wrong.append(f"{answer.status_code}, and changed {changed}")
                    elif content() != before:
                        count += 1
                        wrong += look.near("changes/" + made.ids["change"])
                        wrong += look.everything() if count % 40 == 1 else []
                if wrong:
                    troubles[f"{name} {field}={text[:20]!r}"] = wrong

    assert not troubles, told(troubles)
    assert count > 5


def test_page__any_text_in_its_query__is_no_error_page(db):
    browser = Client(raise_request_exception=False)
    browser.force_login(UserFactory(username="web", role=Role.ADMIN))
    troubles = {}
    for address in QUERIES:
        for name in ("service", "next"):
            for text in TEXTS[:: 1 if EXAMPLES else 2]:
                with logged() as lines:
                    given = text.encode("utf-8", "surrogatepass")[:5000]
                    query = "".join(f"%{byte:02X}" for byte in given)
                    answer = browser.get(f"{address}?{name}={query}")
                if lines or answer.status_code >= 500:
                    troubles[f"{address} {name}={text[:20]!r}"] = [*lines, str(answer.status_code)]

    assert not troubles, told(troubles)
