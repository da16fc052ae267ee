"""The pages of anomalies: who gets them, what they say, and what is done with a person's word."""

import re
import uuid
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from attribution.anomalies import open_anomaly
from attribution.clock import database_now
from attribution.findings import attribute_due
from attribution.models import Anomaly, AnomalyFeedback, Exposure, Finding, Service
from controlplane import feedback
from controlplane.models import Change
from controlplane.web.presenters.named import named
from rollout import culprits
from tests.browser import incidents, scenes

pytestmark = pytest.mark.django_db
OLGA, VERA, ANNA, SAM, ADA = "olga", "vera", "anna", "sam", "ada"
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def production(db):
    return scenes.everything()


@pytest.fixture
def row(production):
    return incidents.going_on(production["halted"], production["running"])


@pytest.fixture
def as_(production):
    def login(name: str) -> Client:
        client = Client(raise_request_exception=False)
        assert client.login(username=name, password=scenes.PASSWORD)
        return client

    return login


@pytest.fixture
def page(as_, row):
    """What somebody reads on the page of the anomaly, or at another address."""

    def text(path: str = "", name: str = VERA) -> str:
        answer = as_(name).get(path or reverse("anomaly", args=[row.pk]))
        assert answer.status_code == 200
        return answer.content.decode()

    return text


def say(client, row, **given):
    return client.post(reverse("say-what-it-was", args=[row.pk]), given, follow=True)


# --- what they say --------------------------------------------------------------------------------


def test_list__open_and_ended__has_the_open_ones_first_with_leader_and_probability(page, row):
    text = page("/anomalies/")
    ended = Anomaly.objects.exclude(ended_at=None).get()
    assert text.index(str(row.pk)) < text.index(str(ended.pk))
    assert "payments v5.1.0: retry on 502" in text
    assert "97%" in text
    assert "1 going on" in text


def test_list__of_one_service__leaves_out_the_others(page, row):
    other = Service.objects.get(name="search")
    now = database_now()
    Anomaly.objects.create(
        service=other, metric="slow", origin="alert", key="k", started_at=now, detected_at=now
    )
    text = page("/anomalies/?service=search")
    assert str(row.pk) not in text
    assert "not attributed" in text


def test_list__nothing_noticed__says_where_anomalies_come_from(page):
    assert "Nothing was noticed on nowhere" in page("/anomalies/?service=nowhere")


def test_anomaly__going_on__says_who_did_it_and_what_was_done(page):
    text = page()
    assert "payments v5.1.0: retry on 502 did it, 97% sure; halted at" in text
    assert "answers 502 while it retries" in text
    assert "canary 5.1% of 2,013" in text
    assert '<span class="chip tone-good">veto</span>' in text
    assert "None of them" in text
    assert "deploy on prices" in text
    assert "attribution names it with 97%" in text
    assert "2 more alerts were cut off" in text


def test_anomaly__with_a_call_graph__draws_it_and_tells_it(page):
    text = page()
    assert text.count('class="call"') == sum(len(calls) for calls in incidents.CALLS.values())
    assert "checkout (noticed, hurts) calls cart, mail, payments." in text
    assert "payments: hurts, change 97%" in text


def test_anomaly__not_attributed_yet__draws_the_calls_as_they_are_now(as_, row):
    row.findings.all().delete()
    text = as_(VERA).get(reverse("anomaly", args=[row.pk])).content.decode()
    assert "Not sure yet." in text
    assert "checkout (noticed) calls cart, mail, payments." in text


def test_anomaly__finding_that_says_what_else_it_may_have_been__shows_it(page, row):
    reasons = [{"kind": "load", "summary": "requests rose everywhere", "probability": 0.4}]
    Finding.objects.filter(anomaly=row).update(none_reasons=reasons)
    text = page()
    assert "requests rose everywhere" in text
    assert "40%" in text


def test_anomaly__attributed_from_samples__names_the_change_and_marks_its_service(as_, production):
    now = database_now()
    row = open_anomaly("alert", "f", "payments", "errors", now - timedelta(seconds=80), now)
    assert attribute_due() == 1
    text = as_(VERA).get(reverse("anomaly", args=[row.pk])).content.decode()
    assert "payments v5.1.0: retry on 502 did it" in text
    assert re.search(r"payments \(noticed,.* change \S+%\)", text)
    assert "checkout calls payments" in text
    assert "Nothing: no rollout" not in text


def test_anomaly__ended_and_taken_back__tells_the_whole_story_and_stops_asking(page):
    ended = Anomaly.objects.exclude(ended_at=None).get()
    text = page(reverse("anomaly", args=[ended.pk]))
    assert "checkout v2.8.0: new basket did it, 93% sure; rolled back at" in text
    assert "Metric recovered" in text
    assert "hx-get" not in text


def test_anomaly__hundreds_of_findings__shows_the_newest_and_counts_the_others(page, row):
    at = row.detected_at
    Finding.objects.bulk_create(
        Finding(anomaly=row, at=at, case={}, suspects=[], none_of_them=1.0) for _ in range(300)
    )
    assert "And 292 earlier findings." in page()


def test_fragments__of_both_pages__are_what_the_pages_show(page, row):
    assert 'id="anomalies-title"' in page("/anomalies/live/")
    fragment = page(f"/anomalies/{row.pk}/live/")
    assert fragment.startswith("<title>Going on: checkout, errors – Graygate</title>")


def test_change__suspected_and_halted_for_it__leads_to_the_anomaly(page, production, row):
    text = page(reverse("change", args=[production["halted"].change.pk]))
    # From the suspects, and from the entry of the ledger that was decided on the finding.
    assert text.count(reverse("anomaly", args=[row.pk])) == 2


def test_anomaly__many_findings_and_suspects__takes_few_queries(
    as_, row, django_assert_max_num_queries
):
    client = as_(VERA)
    with django_assert_max_num_queries(25):
        client.get(f"/anomalies/{row.pk}/live/")
    with django_assert_max_num_queries(12):
        client.get("/anomalies/live/")


# --- who gets them --------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/anomalies/", f"/anomalies/{uuid.UUID(int=7)}/"])
def test_page__nobody_logged_in__leads_to_login(client, db, path):
    assert client.get(path).headers["Location"] == f"/login/?next={path}"


@pytest.mark.parametrize(
    "path", [f"/anomalies/{uuid.UUID(int=7)}/", "/anomalies/?service=a%00b", "/anomalies/7/"]
)
def test_page__of_nothing__is_not_found(as_, path):
    assert as_(VERA).get(path).status_code == 404


@pytest.mark.parametrize("who", [VERA, SAM, ANNA, OLGA, ADA])
def test_feedback__each_role__only_operators_and_above(who, as_, row):
    answer = say(as_(who), row, change="none")
    assert (answer.status_code == 200) is (who in {OLGA, ADA})
    assert AnomalyFeedback.objects.exists() is (who in {OLGA, ADA})


def test_feedback__viewer__is_not_offered_the_form(page):
    assert "needs the role operator" in page()
    assert 'name="note"' not in page()
    assert 'name="note"' in page(name=OLGA)


def test_feedback__without_the_csrf_token__is_refused(row):
    client = Client(enforce_csrf_checks=True)
    client.login(username=OLGA, password=scenes.PASSWORD)
    assert say(client, row, change="none").status_code == 403
    assert not AnomalyFeedback.objects.exists()


# --- what is done with a word ---------------------------------------------------------------------


def test_feedback__which_change__is_shown_with_author_and_note(as_, production, row):
    change = production["halted"].change
    text = say(as_(OLGA), row, change=str(change.pk), note="its log").content.decode()
    assert f"olga says it was {change.title}." in text
    assert "“its log”" in text


def test_feedback__newer_word__counts_and_the_old_one_stays(as_, production, row):
    feedback.give(row.pk, production["halted"].change.pk, "", OLGA)
    text = say(as_(ADA), row, change="none").content.decode()
    assert "ada says it was none of them." in text
    assert "superseded" in text
    assert AnomalyFeedback.objects.count() == 2


def test_feedback__another_change__is_taken_by_its_id(as_, production, row):
    other = production["needs_approval"]
    say(as_(OLGA), row, change="other", other=str(other.pk))
    assert AnomalyFeedback.objects.get().change_id == other.pk


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "choose a change"),
        ({"change": "other"}, "choose a change"),
        ({"change": "a\0b"}, "choose a change"),
        ({"change": "x" * 100_000}, "choose a change"),
        ({"change": str(uuid.UUID(int=7))}, "was ever seen here"),
        ({"change": "other", "other": "' OR 1=1 --"}, "choose a change"),
    ],
)
def test_feedback__of_no_known_change__is_refused_in_words(as_, row, given, told):
    text = say(as_(OLGA), row, **given).content.decode()
    assert "Nothing was recorded" in text
    assert told in text
    assert not AnomalyFeedback.objects.exists()


def test_feedback__on_no_anomaly__is_not_found(as_, row):
    row.pk = uuid.uuid4()
    assert say(as_(OLGA), row, change="none").status_code == 404


def test_feedback__note_that_could_not_be_kept_or_would_be_obeyed__is_kept_without_that(as_, row):
    say(as_(OLGA), row, change="none", note=f"a\0b\x1b[31m{SCRIPT}" + "x" * 5000)
    kept = AnomalyFeedback.objects.get().note
    assert len(kept) == 2000
    assert not {"\0", "\x1b"} & set(kept)


def test_page__markup_in_whatever_others_write__is_shown_as_text(page, production, row):
    Change.objects.filter(pk=production["halted"].change.pk).update(title=SCRIPT)
    feedback.give(row.pk, None, SCRIPT, SCRIPT)
    Anomaly.objects.filter(pk=row.pk).update(metric=SCRIPT)
    hostile = {
        "change": SCRIPT,
        "probability": 0.9,
        "how": SCRIPT,
        "evidence": [{"kind": SCRIPT, "summary": SCRIPT, "weight": 1.0}],
        "vetoes": [SCRIPT],
        "unheard_of": {"x": SCRIPT},
    }
    calls = [{"name": "checkout", "calls": [SCRIPT]}]
    Finding.objects.create(
        anomaly=row,
        at=database_now(),
        case={"services": calls},
        suspects=[hostile],
        none_of_them=0.1,
        incomplete=[SCRIPT],
    )
    for text in (page(), page("/anomalies/"), page(f"/anomalies/{row.pk}/live/")):
        assert "<script>alert(1)" not in text
        assert "&lt;script&gt;alert(1)" in text


# --- two speeds -----------------------------------------------------------------------------------


@pytest.fixture
def tied(production):
    """Two changes under way that are suspected alike."""
    one, other = production["running"], production["halted"]
    now = database_now()
    found = open_anomaly("alert", "tied", one.service, "errors", now, now)
    suspects = [
        {"change": str(each.change.pk), "probability": p, "evidence": [], "vetoes": []}
        for each, p in ((one, 0.5), (other, 0.4))
    ]
    Finding.objects.create(anomaly=found, at=now, case={}, suspects=suspects, none_of_them=0.1)
    return found


def test_anomaly__two_tied__offers_to_tell_them_apart_to_operators(as_, tied):
    address = reverse("anomaly", args=[tied.pk])
    shown, offered = (as_(name).get(address).content.decode() for name in (VERA, OLGA))
    assert "Telling two apart" in shown
    assert "No exposure grows." in shown
    assert "Starting it needs the role operator." in shown
    assert reverse("tell-apart", args=[tied.pk]) not in shown
    assert reverse("tell-apart", args=[tied.pk]) in offered


def order_of(text):
    return dict(re.findall(r'name="(hold|step_down)" value="([^"]+)"', text))


def test_order__from_the_page__is_started_and_shown(as_, tied):
    olga = as_(OLGA)
    given = order_of(olga.get(reverse("anomaly", args=[tied.pk])).content.decode())
    answer = olga.post(reverse("tell-apart", args=[tied.pk]), given, follow=True)
    text = answer.content.decode()
    assert "Started: one is held, the other steps down." in text
    assert "Since olga said so" in text
    assert "Stepped down, to tell apart" in text


def test_order__no_longer_proposed__says_so(as_, tied):
    olga = as_(OLGA)
    given = order_of(olga.get(reverse("anomaly", args=[tied.pk])).content.decode())
    swapped = {"hold": given["step_down"], "step_down": given["hold"]}
    answer = olga.post(reverse("tell-apart", args=[tied.pk]), swapped, follow=True)
    assert "Nothing was done: that is no longer what is proposed" in answer.content.decode()


@pytest.mark.parametrize("given", [{}, {"hold": "7", "step_down": "8"}])
def test_order__form_that_says_nothing__says_so(as_, tied, given):
    answer = as_(OLGA).post(reverse("tell-apart", args=[tied.pk]), given, follow=True)
    assert "the form was incomplete" in answer.content.decode()


def test_order__below_an_operator__is_refused(as_, tied):
    assert as_(VERA).post(reverse("tell-apart", args=[tied.pk]), {}).status_code == 403


def test_anomaly__culprit_is_not_managed__says_who_was_told(page, row):
    unmanaged = uuid.uuid4()
    now = database_now()
    Service.objects.get(name="checkout").exposures.create(
        change_id=unmanaged, at=now, share=1.0, kind="deploy", managed=False
    )
    suspect = {"change": str(unmanaged), "probability": 0.9, "evidence": [], "vetoes": []}
    Finding.objects.create(anomaly=row, at=now, case={}, suspects=[suspect], none_of_them=0.1)
    culprits.tell(now)
    text = page()
    assert "deploy on checkout did it, 90% sure" in text
    assert "Graygate does not carry it out and cannot take it back" in text
    assert "On-call was told at" in text


def test_anomaly__the_first_was_taken_back_in_vain__says_that_suspicion_went_on(page, production):
    gone, other = production["rolled_back"], production["running"]
    now = database_now()
    found = open_anomaly("alert", "vain", other.service, "errors", now, now)
    suspects = [
        {"change": str(each.change.pk), "probability": p, "evidence": [], "vetoes": []}
        for each, p in ((gone, 0.6), (other, 0.35))
    ]
    Finding.objects.create(anomaly=found, at=now, case={}, suspects=suspects, none_of_them=0.05)
    gone.rollout.__class__.objects.filter(pk=gone.rollout.pk).update(
        taken_for=found.pk, in_vain_at=now, recovered_at=None
    )
    text = page(reverse("anomaly", args=[found.pk]))
    assert "taken back in vain" in text
    assert "the finding said 60%" in text
    assert "it counts a tenth now, and suspicion went to the next" in text


def test_named__unmanaged_version__is_called_by_what_was_seen(db):
    cart = Service.objects.create(name="cart", team="shop")
    seen = {"at": database_now(), "share": 0.2, "kind": "deploy", "managed": False}
    known, bare = uuid.uuid4(), uuid.uuid4()
    Exposure.objects.create(change_id=known, service=cart, name="cart 1.4.2", **seen)
    Exposure.objects.create(change_id=bare, service=cart, **seen)
    found = named([str(known), str(bare)])
    assert found[str(known)].title == "cart 1.4.2, seen"
    assert found[str(bare)].title == "deploy on cart"
    assert not found[str(known)].managed
