import random
import uuid
from datetime import timedelta

import pytest

from attribution import exposures
from attribution.alerts import receive
from attribution.anomalies import end_anomaly, open_anomaly
from attribution.clock import database_now
from attribution.findings import attribute_due, suspicion
from attribution.models import Anomaly, Finding, Sample, Service
from attribution.neighbourhood import case_of
from attribution.watched import watch

from .conftest import ERRORS

pytestmark = pytest.mark.django_db
SECONDS = 90
PEER = {"canary": 'peer_track="canary"', "control": 'peer_track="stable"'}


def seen(rng, rate: float, share: float) -> list[int]:
    return [sum(rng.random() < share for _ in range(int(rate))), int(rate)]


@pytest.fixture
def shop(service):
    """frontend → checkout → stock; frontend → catalog. Each reports errors of its own."""
    stock, catalog = service("stock"), service("catalog")
    checkout = service("checkout")
    frontend = service(
        "frontend",
        telemetry=[
            ERRORS,
            *(
                {**ERRORS, "name": f"errors_to_{peer}", "peer": peer, "cohorts": PEER}
                for peer in ("checkout", "catalog")
            ),
        ],
    )
    checkout.calls.add(stock)
    frontend.calls.add(checkout, catalog)
    return {each.name: each for each in (stock, catalog, checkout, frontend)}


def story(shop, bad: str | None, changed: dict[str, int]) -> dict[str, uuid.UUID]:
    """90 seconds of samples; `changed`: service -> seconds ago its change was exposed at 0.25."""
    rng, now = random.Random(4), database_now()  # noqa: S311
    changes = {name: uuid.uuid4() for name in changed}
    for name, ago in changed.items():
        exposures.record(changes[name], name, now - timedelta(seconds=ago), 0.25, [], "deploy")
    for second in range(SECONDS, 0, -1):
        hit = {name: 0.06 if name == bad and second < changed[name] else 0.002 for name in shop}
        for name, row in shop.items():
            exposed = name in changed and second < changed[name]
            values = {"errors": cohorts(rng, hit[name], exposed)}
            for metric in row.telemetry[1:]:
                peer = metric["peer"]
                live = peer in changed and second < changed[peer]
                values[metric["name"]] = cohorts(rng, hit[peer], live)
            at = now - timedelta(seconds=second)
            Sample.objects.create(service=row, at=at, values=values)
    return changes


def cohorts(rng, share: float, exposed) -> dict:
    control = seen(rng, 60 if exposed else 80, 0.002)
    canary = seen(rng, 20, share) if exposed else None
    both = [a + b for a, b in zip(control, canary or [0, 0], strict=True)]
    return {"canary": canary, "control": control, "all": both}


def alert_on(service: str) -> Anomaly:
    now = database_now()
    return open_anomaly("alert", "f1", service, "errors", now - timedelta(seconds=3), now)


def test_attribute_due__alert_on_the_caller__names_the_changed_callee(shop):
    changes = story(shop, "checkout", {"checkout": 30, "catalog": 35, "stock": 25})
    alert_on("frontend")
    assert attribute_due() == 1
    culprit = suspicion(changes["checkout"])
    assert culprit is not None
    assert culprit.probability > 0.9
    assert (culprit.rank, culprit.vetoes, culprit.origin) == (1, [], "alert")
    assert any("canary" in piece["summary"] for piece in culprit.evidence)
    for innocent in ("catalog", "stock"):
        assert suspicion(changes[innocent]).probability < 0.1


def test_attribute_due__nothing_wrong__blames_nobody(shop):
    changes = story(shop, None, {"checkout": 40, "catalog": 35})
    alert_on("frontend")
    attribute_due()
    assert all(suspicion(change).probability < 0.5 for change in changes.values())


def test_attribute_due__change_that_nothing_joins_to_the_service__is_no_suspect(shop, service):
    shop["elsewhere"] = service("elsewhere")
    changes = story(shop, "checkout", {"checkout": 30, "elsewhere": 35})
    alert_on("checkout")
    attribute_due()
    assert suspicion(changes["elsewhere"]) is None
    assert suspicion(changes["checkout"]).probability > 0.9


def test_attribute_due__change_beside_the_service__is_weighed_too(shop):
    changes = story(shop, "checkout", {"checkout": 30, "catalog": 35})
    alert_on("checkout")
    attribute_due()
    assert suspicion(changes["catalog"]).probability < 0.1


def test_attribute_due__assessed_risk__is_weighed(shop):
    changes = story(shop, "checkout", {"checkout": 30})
    risky = uuid.uuid4()
    now = database_now()
    exposures.record(
        risky, "checkout", now - timedelta(seconds=20), 0.1, [], "deploy", risk="critical"
    )
    alert_on("frontend")
    attribute_due()
    evidence = suspicion(risky).evidence
    assert any(piece["summary"] == "assessed as critical" for piece in evidence)
    assert not any(p["kind"] == "risk" for p in suspicion(changes["checkout"]).evidence)


def test_case_of__many_more_services__asks_no_more_often(
    shop, service, django_assert_max_num_queries
):
    for place in range(30):
        shop["stock"].calls.add(service(f"store-{place}"))
    anomaly = alert_on("frontend")
    with django_assert_max_num_queries(16):
        case = case_of(anomaly, database_now())
    assert len(case["services"]) == 34


def test_attribute_due__canary_never_reported__is_blamed_for_its_silence(shop):
    changes = story(shop, None, {"stock": 30})
    for sample in Sample.objects.filter(service=shop["stock"]):
        sample.values["errors"]["canary"] = None
        sample.save()
    alert_on("stock")
    attribute_due()
    dead = suspicion(changes["stock"])
    assert dead.probability > 0.8
    assert dead.evidence[0]["kind"] == "silence"


def test_attribute_due__service_reports_nothing_itself__its_callers_tell(shop):
    changes = story(shop, "checkout", {"checkout": 30})
    Sample.objects.filter(service=shop["checkout"]).delete()
    alert_on("checkout")
    attribute_due()
    assert suspicion(changes["checkout"]).probability > 0.8


def test_attribute_due__cohorts_are_versions__the_canary_is_of_the_newest_change(shop):
    """An older change is still exposed, and what was seen before was of its version."""
    stock = shop["stock"]
    stock.cohorts = {"canary": 'version="$version"', "control": 'version!="$version"'}
    stock.save()
    older = uuid.uuid4()
    at = database_now() - timedelta(seconds=80)
    exposures.record(older, "stock", at, 0.15, [], "deploy")
    changes = story(shop, bad="stock", changed={"stock": 40})
    watch(["stock"], changes["stock"], "2.0", "1.0")
    versions = Service.objects.get(name="stock").counters["versions"]
    begun = {**versions, "since": versions["since"] - 40}
    Service.objects.filter(name="stock").update(counters={"versions": begun})
    alert_on("stock")
    attribute_due()
    found = {one["change"]: one["probability"] for one in Finding.objects.get().suspects}
    assert found[str(changes["stock"])] > 0.8
    assert found.get(str(older), 0.0) < 0.1


def test_attribute_due__finding__keeps_the_case_it_was_computed_from(shop):
    story(shop, "checkout", {"checkout": 30})
    anomaly = alert_on("frontend")
    attribute_due()
    finding = Finding.objects.get(anomaly=anomaly)
    assert finding.case["symptom"] == {"service": "frontend"}
    assert finding.none_of_them + sum(s["probability"] for s in finding.suspects) == pytest.approx(
        1.0
    )
    assert all(len(series["t"]) <= 151 for series in finding.case["series"])


def test_attribute_due__nothing_new__writes_no_second_row(shop):
    story(shop, "checkout", {"checkout": 30})
    anomaly = alert_on("frontend")
    attribute_due()
    Anomaly.objects.update(due_at=database_now() - timedelta(seconds=1))
    attribute_due()
    assert Finding.objects.filter(anomaly=anomaly).count() == 1


def test_attribute_due__one_anomaly_fails__the_other_is_attributed(shop, monkeypatch):
    changes = story(shop, "checkout", {"checkout": 30})
    alert_on("frontend")
    now = database_now()
    broken = open_anomaly("judge", "broken", "stock", "guardrails", now, now)
    Anomaly.objects.filter(pk=broken.pk).update(due_at=now - timedelta(hours=1))
    Sample.objects.filter(service=shop["stock"]).update(values={"errors": "unreadable"})
    Sample.objects.filter(service=shop["stock"]).update(error="")
    shop["checkout"].calls.clear()
    assert attribute_due() == 1
    assert suspicion(changes["checkout"]).probability > 0.9


def test_suspicion__anomaly_ended__is_gone(shop):
    changes = story(shop, "checkout", {"checkout": 30})
    alert_on("frontend")
    attribute_due()
    assert end_anomaly("alert", "f1", database_now()) == 1
    assert suspicion(changes["checkout"]) is None


def test_open_anomaly__open_already__is_the_same_one(shop):
    first = alert_on("frontend")
    assert alert_on("frontend").pk == first.pk


def test_open_anomaly__same_start_after_its_end__is_open_again(shop):
    now = database_now()
    first = open_anomaly("judge", "c", "stock", "guardrails", now, now)
    end_anomaly("judge", "c", now)
    again = open_anomaly("judge", "c", "stock", "guardrails", now, now + timedelta(seconds=9))
    assert again.pk == first.pk
    assert again.ended_at is None


def test_exposures__share_zero__is_not_current_any_more(shop):
    change, now = uuid.uuid4(), database_now()
    exposures.record(change, "stock", now, 0.5, ["a"], "deploy")
    assert exposures.current("stock") == [(change, 0.5, ["a"])]
    exposures.record(change, "stock", now + timedelta(seconds=1), 0.0, [], "deploy")
    assert exposures.current("stock") == []


def test_attribute_due__alerts_were_cut_off__the_finding_says_so_until_all_are_told(shop):
    story(shop, "checkout", {"checkout": 30})
    labels = {"alertname": "Errors", "service": "frontend"}
    alert = {"status": "firing", "labels": labels, "fingerprint": "f1"}
    alert["startsAt"] = (database_now() - timedelta(seconds=3)).isoformat()
    for truncated in (2, 0):
        receive({"version": "4", "alerts": [alert], "truncatedAlerts": truncated})
        Anomaly.objects.update(due_at=database_now())
        assert attribute_due() == 1
    whole, cut = Finding.objects.order_by("-at")
    assert cut.incomplete == ["2 more alerts were cut off by Alertmanager: symptoms may be missing"]
    assert whole.incomplete == []
