import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.access import Role, Scope, scopes_of_role
from controlplane.identity.claims import Rule, claim_of, first_fitting


def fits(pattern, value):
    return Rule.of({"claims": {"c": pattern, "d": "x"}}).fits({"c": value, "d": "x"})


@pytest.mark.parametrize(
    ("pattern", "value", "expected"),
    [
        ("acme/cart", "acme/cart", True),
        ("acme/cart", "acme/cart2", False),
        ("acme/cart", "Acme/cart", False),
        ("acme/cart", "acme/cart\n", False),
        ("acme/*", "acme/cart", True),
        ("acme/*", "acme/", True),
        ("acme/*", "acme/cart/x", False),
        ("acme/**", "acme/cart/x", True),
        ("repo:acme/*:ref:refs/heads/main", "repo:acme/cart:ref:refs/heads/main", True),
        ("repo:acme/*:ref:refs/heads/main", "repo:acme/x:ref:y:ref:refs/heads/main", False),
        ("v1.*", "v1x2", False),
        ("[ab]", "a", False),
        ("a?c", "abc", False),
        (["main", "release/*"], "release/1", True),
        (["main", "release/*"], "dev", False),
        ("true", True, True),
        ("true", "true", True),
        ("7", 7, True),
        ("7", 7.0, False),
        ("ops", ["dev", "ops"], True),
        ("ops", ["dev"], False),
        ("ops", [["ops"]], False),
        ("None", None, False),
        ("ops", {"ops": 1}, False),
    ],
)
def test_claim__pattern__fits_or_not(pattern, value, expected):
    assert fits(pattern, value) is expected


@given(st.text(), st.text())
def test_claim__text_without_stars__fits_itself_alone(one, other):
    exact = one.replace("*", "") or "a"
    assert fits(exact, exact)
    assert fits(exact, other) is (exact == other)


def test_rule__several_claims__all_have_to_fit():
    rule = Rule.of({"claims": {"repository": "acme/cart", "ref": "refs/heads/main"}})
    assert not rule.fits({"repository": "acme/cart"})
    assert not rule.fits({"repository": "acme/cart", "ref": "refs/heads/dev"})


def test_rules__several_fit__the_first_counts():
    rules = [Rule.of({"claims": {"a": "1"}, "role": role}) for role in ("viewer", "submitter")]
    assert first_fitting(rules, {"a": "1"}) is rules[0]
    assert first_fitting(rules, {"a": "2"}) is None


def test_claim_of__pointer__reaches_deeper():
    told = {"kubernetes.io": {"namespace": "shop", "a/b": 1}, "/x": 2}
    assert claim_of(told, "/kubernetes.io/namespace") == "shop"
    assert claim_of(told, "/kubernetes.io/a~1b") == 1
    assert claim_of(told, "/kubernetes.io/namespace/x") is None


@pytest.mark.parametrize("role", ["viewer", "submitter"])
def test_rule__any_role__never_approves(role):
    every = sorted(scopes_of_role(Role(role)))
    scopes = Rule.of({"claims": {"a": "1"}, "role": role, "scopes": every}).scopes
    assert not scopes & {Scope.APPROVE, Scope.OPERATE, Scope.ADMIN}
