"""What an exchanged token opens, and what it never does."""

import pytest

from controlplane import pruning
from controlplane.access import Role, give_role
from controlplane.identity import exchange as exchanging
from controlplane.models import ApiToken
from controlplane.tokens import issue
from tests.factories import ServiceFactory, journey, submission
from tests.integration.identity.asking import ask, exchanged

pytestmark = pytest.mark.django_db


def test_scopes__asked_for_fewer__are_fewer(trusted):
    caller = exchanged(trusted().sign(), scope="read")
    assert caller.get("changes").status_code == 200
    assert caller.post("changes", {}).status_code == 403


def test_scopes__asked_for_more__are_not_given(trusted):
    answer = ask(trusted().sign(), scope="approve admin")
    assert answer.status_code == 403
    assert ask(trusted().sign(), scope="read approve").json()["scope"] == "read"


def test_rules__first_that_fits__says_the_scopes(trusted):
    claims_of_main = {"repository": "acme/cart", "ref": "refs/heads/main"}
    issuer = trusted(
        rules=[
            {"claims": claims_of_main, "scopes": ["read", "submit"]},
            {"claims": {"repository": "acme/cart"}, "role": "viewer"},
        ]
    )
    assert ask(issuer.sign()).json()["scope"] == "read submit"
    assert ask(issuer.sign(ref="refs/pull/7/merge")).json()["scope"] == "read"


def test_approve__by_an_identity__is_refused_even_when_its_user_was_made_an_approver(
    trusted, django_user_model
):
    change = journey("pending_approval", author="ann").change
    caller = exchanged(trusted().sign())
    give_role(django_user_model.objects.get(username="github:acme/cart"), Role.ADMIN)
    assert caller.post(f"changes/{change.pk}/approve").status_code == 403
    row = ApiToken.objects.get()
    row.scopes = ["read", "submit", "approve"]
    row.save()
    assert caller.post(f"changes/{change.pk}/approve").status_code == 403


def test_identity__switched_off__gets_nothing_and_loses_what_it_has(trusted, django_user_model):
    issuer = trusted()
    caller = exchanged(issuer.sign())
    django_user_model.objects.filter(username="github:acme/cart").update(is_active=False)
    assert caller.get("changes").status_code == 401
    assert ask(issuer.sign()).status_code == 401


def test_identity__written_in_other_letters__is_the_same_one(trusted, django_user_model):
    issuer = trusted(rules=[{"claims": {"ref": "refs/heads/main"}}])
    exchanged(issuer.sign())
    exchanged(issuer.sign(repository="Acme/Cart"))
    assert django_user_model.objects.count() == 1


def test_identity__any__cannot_log_in(trusted, django_user_model):
    exchanged(trusted().sign())
    assert not django_user_model.objects.get().has_usable_password()


@pytest.fixture
def limited(trusted):
    """A token for the service `cart` alone."""
    ServiceFactory(name="cart")
    ServiceFactory(name="pay")
    claims_of_main = {"repository": "acme/cart"}
    issuer = trusted(rules=[{"claims": claims_of_main, "services": ["cart"]}])
    return exchanged(issuer.sign())


def test_services__of_the_token__are_the_only_ones(limited):
    assert limited.post("changes", submission("cart")).status_code == 201
    refused = limited.post("changes", submission("pay"))
    assert refused.status_code == 403
    assert refused.json()["detail"] == "This token is only for changes of: cart."
    both = [{"service": "cart"}, {"service": "pay"}]
    assert limited.post("changes", submission("cart", targets=both)).status_code == 403
    assert limited.post("changes?dry_run=1", submission("pay")).status_code == 403


def test_services__limited__let_nobody_name_another_target(limited):
    body = submission("cart", executor={"name": "dryrun", "config": {"target": "pay"}})
    assert limited.post("changes", body).status_code == 403


@pytest.mark.parametrize("targets", ["pay", [["pay"]], [{"service": ["pay"]}], {"service": "pay"}])
def test_services__targets_that_are_none__are_refused_as_for_everybody(limited, targets):
    assert limited.post("changes", submission("cart", targets=targets)).status_code == 422


def test_services__limited__write_nothing_that_does_not_look_at_them(limited):
    other = journey("pending_approval", author="ann").change
    assert limited.post("events", {}).status_code == 403
    assert limited.post("alerts", {}).status_code == 403
    check = {"name": "ci", "passed": True}
    assert limited.post(f"changes/{other.pk}/checks", check).status_code == 403
    assert limited.post(f"changes/{other.pk}/cancel").status_code == 403
    assert limited.post("classify", {"kind": "config", "artefact": "a: 1"}).status_code == 200


def test_exchange__in_a_loop__comes_to_an_end(trusted, monkeypatch):
    monkeypatch.setattr(exchanging, "MOST_ALIVE", 2)
    issuer = trusted()
    assert [ask(issuer.sign()).status_code for _ in range(3)] == [200, 200, 429]


def test_pruning__long_after_their_end__takes_exchanged_tokens_only(trusted, user):
    exchanged(trusted().sign())
    issue(user("viewer"), ["read"], "a person's")
    long_ago = ApiToken.objects.first().created_at - 2 * pruning.EXCHANGED_TOKENS
    ApiToken.objects.update(expires_at=long_ago)
    pruning.prune()
    assert [row.description for row in ApiToken.objects.all()] == ["a person's"]
