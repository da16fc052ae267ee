"""Files in Git → what is stored, and back."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from attribution.clock import database_now
from attribution.models import Guardrail, Sample, Service
from controlplane.configuration.applying import apply
from controlplane.configuration.exporting import files_of, write
from controlplane.configuration.items import items_of, read_folder
from controlplane.configuration.stored import read_stored
from controlplane.environment import OperatorFile
from controlplane.models import Policy, Silence
from rollout.models import Freeze
from tests.factories import ServiceFactory, guardrail_spec, journey

pytestmark = pytest.mark.django_db

SERVICE = """\
kind: Service
name: cart
team: shop
tier: 1
calls: [stock]
units: [a, b]
cohorts: {canary: 'track="canary"', control: 'track="stable"'}
source: {name: scrape, config: {urls: ["http://127.0.0.1:9100/metrics"]}}
executor: {name: dryrun, config: {}}
---
kind: Service
name: stock
team: shop
calls: [cart]
---
kind: Guardrail
name: errors
service: cart
metric_kind: ratio
events: requests_total{code="500",$cohort}
total: requests_total{$cohort}
critical: true
"""
POLICY = """\
kind: Policy
name: fast
when: {level: low, kind: deploy}
then: {control_level: L3, approvals: 0, stages: [{share: 1.0, min_s: 5}]}
"""
FREEZE = "kind: Freeze\nname: sale\nreason: the sale\nscope: {team: shop}\n"


@pytest.fixture(autouse=True)
def _operator_file(settings):
    settings.OPERATOR = OperatorFile(allowed_destinations=("http://127.0.0.1:*",))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "shop.yaml").write_text(SERVICE)
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "rules.yml").write_text(f"{POLICY}---\n{FREEZE}")
    return tmp_path


@pytest.fixture
def told(folder, capsys):
    """told("--dry-run") → (exit code, answer, text for people)."""

    def run(*flags):
        code = 0
        try:
            call_command("apply", "-f", str(folder), *flags)
        except SystemExit as ended:
            code = ended.code
        seen = capsys.readouterr()
        return code, json.loads(seen.out), seen.err

    return run


def refusal(folder, *flags):
    with pytest.raises(CommandError) as refused:
        call_command("apply", "-f", str(folder), *flags)
    return str(refused.value)


def test_apply__new_files__creates_everything_in_any_order(told):
    code, answer, text = told()

    assert code == 0
    assert answer["created"] == [
        *("service cart", "service stock", "guardrail cart/errors"),
        *("policy fast", "freeze sale"),
    ]
    cart = Service.objects.get(name="cart")
    assert [each.name for each in cart.calls.all()] == ["stock"]
    assert cart.due_at is not None
    assert cart.control_level == "L0"
    assert Guardrail.objects.get().spec["margin"] == 0.1
    assert (Policy.objects.get().version, Freeze.objects.get().actor) == (1, "apply")
    assert "+ service cart" in text


def test_apply__again__has_nothing_to_do(told):
    told()
    before = Service.objects.get(name="cart").updated_at
    code, answer, text = told()

    assert (code, answer["created"], answer["changed"]) == (0, [], [])
    assert "Nothing to do." in text
    assert Service.objects.get(name="cart").updated_at == before
    assert Policy.objects.get().version == 1


def test_apply__a_changed_field__shows_old_and_new_and_changes_that_only(told, folder):
    told()
    Service.objects.filter(name="cart").update(counters={"x": 1})
    text = (folder / "shop.yaml").read_text()
    (folder / "shop.yaml").write_text(
        text.replace("tier: 1", "tier: 0").replace("[a, b]", "[b, c]")
    )
    code, answer, said = told("--dry-run")

    assert (code, answer["changed"]) == (2, ["service cart"])
    assert "tier: 1 → 0" in said
    assert "units: ['a'] of 2 → ['c'] of 2" in said
    assert Service.objects.get(name="cart").tier == 1
    assert told()[0] == 0
    cart = Service.objects.get(name="cart")
    assert (cart.tier, cart.units, cart.counters) == (0, ["b", "c"], {"x": 1})
    assert [each.name for each in cart.calls.all()] == ["stock"]


def test_apply__another_source__forgets_the_counters_of_the_old(told, folder):
    told()
    Service.objects.filter(name="cart").update(counters={"x": 1})
    text = (folder / "shop.yaml").read_text()
    (folder / "shop.yaml").write_text(text.replace(":9100", ":9200"))
    told()

    assert Service.objects.get(name="cart").counters == {}


def test_apply__changed_policy__is_a_new_version(told, folder):
    told()
    text = (folder / "more" / "rules.yml").read_text()
    (folder / "more" / "rules.yml").write_text(text.replace("approvals: 0", "approvals: 2"))
    _, _, said = told()

    assert Policy.objects.get().version == 2
    assert "then.approvals: 0 → 2" in said


def test_apply__stored_and_not_in_the_files__is_told_and_stays(told):
    ServiceFactory(name="old")
    _, answer, said = told("--dry-run")

    assert answer["not_in_files"] == ["service old"]
    assert "? service old: stored, not in the files" in said
    told()
    assert told("--dry-run")[0] == 0
    assert Service.objects.filter(name="old").exists()


def test_apply__prune__removes_it(told):
    old = ServiceFactory(name="old")
    Guardrail.objects.create(name="errors", service=old, spec=guardrail_spec())
    _, answer, said = told("--prune")

    assert answer["removed"] == ["guardrail old/errors", "service old"]
    assert "- service old" in said
    assert not Service.objects.filter(name="old").exists()


def test_apply__prune_under_a_rollout__keeps_the_service_and_its_guardrails(told):
    walk = journey("running")
    Guardrail.objects.create(name="latency", service=walk.service, spec=guardrail_spec())
    _, answer, said = told("--prune")

    assert f"guardrail {walk.service.name}/latency" in answer["not_in_files"]
    assert "kept: a rollout is under way on it" in said
    assert Service.objects.filter(pk=walk.service.pk).exists()


def test_apply__prune__never_lifts_what_a_person_has_put(told):
    Freeze.objects.create(name="kill-switch", reason="fire", actor="ann", starts_at=database_now())
    _, answer, said = told("--prune")

    assert answer["not_in_files"] == ["freeze kill-switch"]
    assert "kept: put by ann" in said
    assert Freeze.objects.filter(name="kill-switch").exists()


def test_apply__prune_of_its_own_freeze__lifts_it(told, folder):
    told()
    (folder / "more" / "rules.yml").write_text(POLICY)
    told("--prune")

    assert not Freeze.objects.exists()


def test_apply__prune_of_what_is_still_called__is_refused(told, folder):
    ServiceFactory(name="old")
    text = (folder / "shop.yaml").read_text()
    (folder / "shop.yaml").write_text(text.replace("calls: [stock]", "calls: [old]"))

    assert "shop.yaml:5: service cart" in refusal(folder, "--prune")
    assert not Service.objects.filter(name="cart").exists()


def test_apply__prune_with_no_files__is_refused(tmp_path):
    ServiceFactory()

    assert "would remove everything" in refusal(tmp_path, "--prune")
    assert Service.objects.exists()


def test_apply__freeze_that_has_ended__may_stay_in_the_files(told, folder):
    (folder / "old.yaml").write_text(
        "kind: Freeze\nname: xmas\nreason: x\nends_at: 2020-01-01T00:00:00Z\n"
    )
    _, _, said = told()

    assert ". freeze xmas: has ended, left out" in said
    assert not Freeze.objects.filter(name="xmas").exists()


def test_apply__silence__is_put_until_its_end(told, folder):
    ends = (database_now() + timedelta(hours=1)).isoformat()
    (folder / "night.yaml").write_text(f"kind: Silence\nname: n\nreason: x\nends_at: {ends}\n")
    told()

    assert Silence.objects.get().actor == "apply"
    assert told("--dry-run")[0] == 0


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ("colour: red", 4),
        ("tier: '1'", 4),
        ("control_level: L9", 4),
        ("calls: [nobody]", 4),
        ("units:\n- a\n- a", 6),
        ("source: {name: magic}", 4),
        ("source:\n  name: scrape\n  config:\n    urls: ['http://10.0.0.1/']", 7),
        ("team: twice", 4),
        ("units: &a [x]\ncalls: *a", 5),
        ("units: !!set {x}", 4),
    ],
)
def test_apply__one_thing_wrong__names_file_and_line_and_changes_nothing(folder, wrong, line):
    (folder / "z.yaml").write_text(f"kind: Service\nname: till\nteam: shop\n{wrong}\n")

    assert f"z.yaml:{line}: " in refusal(folder)
    assert not Service.objects.exists()


def test_apply__many_things_wrong__tells_all_of_them(folder):
    (folder / "a.yaml").write_text("kind: Planet\n---\n[1]\n---\nkind: Service\nname: a b\n")
    (folder / "b.yaml").write_text(SERVICE)
    said = refusal(folder)

    assert said.count("a.yaml:") == 3
    assert "service cart stands already at" in said


def test_apply__unknown_field_of_a_guardrail__names_its_line(folder):
    (folder / "shop.yaml").write_text(f"{SERVICE}colour: red\n")

    assert "shop.yaml:23: guardrail cart/errors: unknown field" in refusal(folder)


def test_apply__guardrail_of_an_open_change__is_refused(folder):
    cart = ServiceFactory(name="cart")
    Guardrail.objects.create(
        name="errors", service=cart, change_id="5f0c7d1e-0000-4000-8000-000000000000", spec={}
    )

    assert "An open change has a guardrail of that name." in refusal(folder)


def test_export__applied_elsewhere__is_no_difference_and_the_same_bytes(told, folder, tmp_path):
    told()
    out = tmp_path / "out"
    call_command("export", "-d", str(out))
    first = {path: path.read_bytes() for path in out.rglob("*.yaml")}
    plan = apply(items_of(read_folder(out)), prune=True, dry_run=True)
    assert (plan.steps, plan.kept) == ((), ())
    for model in (Freeze, Policy, Guardrail, Service):
        model.objects.all().delete()
    apply(items_of(read_folder(out)))
    call_command("export", "-d", str(out))

    assert {path: path.read_bytes() for path in out.rglob("*.yaml")} == first
    assert sorted(path.name for path in first) == [
        "cart.yaml",
        "fast.yaml",
        "sale.yaml",
        "stock.yaml",
    ]


def test_export__of_what_is_gone__is_told_and_deleted_when_asked(told, tmp_path, capsys):
    told()
    out = tmp_path / "out"
    call_command("export", "-d", str(out))
    Policy.objects.all().delete()
    call_command("export", "-d", str(out))
    assert "fast.yaml: not stored any more, left alone" in capsys.readouterr().err
    call_command("export", "-d", str(out), "--prune")

    assert not (out / "policies" / "fast.yaml").exists()


def test_apply__two_thousand_services__takes_few_queries(django_assert_max_num_queries, tmp_path):
    one = SERVICE.partition("---")[0].replace("calls: [stock]\n", "")
    rule = SERVICE.rpartition("---\n")[2]
    texts = [
        f"{one}---\n{rule}".replace("name: cart", f"name: s{n}").replace(": cart", f": s{n}")
        for n in range(2000)
    ]
    (tmp_path / "all.yaml").write_text("---\n".join(texts))
    items = items_of(read_folder(tmp_path))
    with django_assert_max_num_queries(40):
        apply(items)
    with django_assert_max_num_queries(20):
        plan = apply(items)

    assert plan.steps == ()
    assert (Service.objects.count(), Guardrail.objects.count()) == (2000, 2000)


def test_export__kill_switch_of_a_person__is_no_configuration(tmp_path):
    Freeze.objects.create(name="kill-switch", reason="fire", actor="ann", starts_at=database_now())
    Freeze.objects.create(name="sale", reason="sale", actor="ann", starts_at=database_now())
    files = files_of(read_stored(), database_now())

    assert list(files) == ["freezes/sale.yaml"]


@pytest.mark.django_db(transaction=True)
def test_apply__under_way__lets_what_refers_to_a_service_be_written(folder):
    """Else an intent would wait for the service, and a freeze of the files for the intent."""
    cart = ServiceFactory(name="cart")
    with transaction.atomic():
        read_stored(locked=True)
        with ThreadPoolExecutor(1) as other:
            assert other.submit(_referring_to, cart.pk).result(timeout=30) == 1


def _referring_to(service):
    try:
        with transaction.atomic():
            connection.cursor().execute("SET LOCAL lock_timeout = '5s'")
            Sample.objects.create(service_id=service, at=database_now())
        return Sample.objects.count()
    finally:
        connection.close()


NAMES = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,12}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=30).filter(
    lambda text: text.strip() == text and text
)
SERVICES = st.dictionaries(
    NAMES,
    st.fixed_dictionaries(
        {"team": TEXTS},
        optional={
            "tier": st.integers(0, 3),
            "control_level": st.sampled_from(["L0", "L2", "L4"]),
            "environment": TEXTS,
            "units": st.lists(TEXTS, unique=True, max_size=4),
        },
    ),
    min_size=1,
    max_size=5,
)
MARGINS = st.floats(0, 100, allow_nan=False)


@settings(
    max_examples=20,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(services=SERVICES, margin=MARGINS, reason=TEXTS, draw=st.data())
def test_export__of_anything_applied__means_the_same(tmp_path, services, margin, reason, draw):
    Service.objects.all().delete()
    Freeze.objects.all().delete()
    names = sorted(services)
    for body in services.values():
        body["calls"] = draw.draw(st.lists(st.sampled_from(names), unique=True, max_size=3))
    folder = tmp_path / "in"
    folder.mkdir(exist_ok=True)
    _write_json(folder, services, margin, reason)
    apply(items_of(read_folder(folder)))
    stored = read_stored()
    files = files_of(stored, database_now())
    out = tmp_path / "out"
    for leftover in write(files, out):
        leftover.unlink()

    assert apply(items_of(read_folder(out)), prune=True, dry_run=True).steps == ()
    assert files_of(read_stored(), database_now()) == files
    given = {name: set(body["calls"]) - {name} for name, body in services.items()}
    assert {row.name: {c.name for c in row.calls.all()} for row in Service.objects.all()} == given


def _write_json(folder: Path, services, margin, reason) -> None:
    """JSON is YAML."""
    documents = [
        {"kind": "Service", "name": name, **body, "calls": [c for c in body["calls"] if c != name]}
        for name, body in services.items()
    ]
    guardrail = {key: value for key, value in guardrail_spec().items() if key != "kind"}
    guardrail |= {"kind": "Guardrail", "service": min(services), "margin": margin}
    documents += [guardrail, {"kind": "Freeze", "name": "f", "reason": reason}]
    text = "\n---\n".join(json.dumps(each, ensure_ascii=False) for each in documents)
    (folder / "all.yaml").write_text(text)


@pytest.mark.parametrize("link", ["services/cart.yaml", "services"])
def test_export__a_link_leads_out_of_the_folder__nothing_is_written_there(told, tmp_path, link):
    told()
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    (out / link).parent.mkdir(parents=True)
    if link == "services":
        elsewhere.mkdir()
    else:
        elsewhere.write_text("mine")
    (out / link).symlink_to(elsewhere)
    with pytest.raises(CommandError, match="link"):
        call_command("export", "-d", str(out))
    assert elsewhere.read_text() == "mine" if elsewhere.is_file() else not any(elsewhere.iterdir())
