"""What the operator's file may say of issuers, and what is told before the start."""

import pytest
from django.core.checks import run_checks

from controlplane.environment import OperatorFile
from controlplane.identity import providers
from tests.integration.identity.issuer import Issuer

RULE = {"claims": {"repository": "acme/cart"}}
RIGHT = Issuer(url="https://token.example").entry()


def told():
    return [each for each in run_checks() if each.id == "graygate.E030"]


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"issuer": "http://localhost:8000", "jwks_url": "http://127.0.0.1:8000/jwks"},
        {"lifetime_s": 3600},
        {"rules": [{**RULE, "role": "viewer"}]},
        {"rules": [{**RULE, "scopes": ["alert"], "services": ["cart"]}]},
        {"rules": [{"claims": {"ref": ["refs/heads/main", "refs/tags/v*"]}}]},
    ],
)
def test_check__right__tells_nothing(settings, more):
    settings.OPERATOR = OperatorFile(identity_providers=[RIGHT | more])
    assert told() == []
    assert len(providers.configured()) == 1


WRONG = {
    "is no object": "github",
    "unknown field `rule`": RIGHT | {"rule": []},
    "names no `audience`": RIGHT | {"audience": ""},
    "`issuer` is no https": RIGHT | {"issuer": "http://token.example"},
    "`jwks_url` is no https": RIGHT | {"jwks_url": "http://10.0.0.1/jwks"},
    "names no `jwks_url`": {key: value for key, value in RIGHT.items() if key != "jwks_url"},
    "`name` has to be": RIGHT | {"name": "git:hub"},
    "`lifetime_s` has to be": RIGHT | {"lifetime_s": 3601},
    "has no `rules`": RIGHT | {"rules": []},
    "rules[0] has no `claims`": RIGHT | {"rules": [{"claims": {}}]},
    "rules[0] takes any value": RIGHT | {"rules": [{"claims": {"sub": "**", "ref": "*"}}]},
    "rules[0] claim `ref` wants": RIGHT | {"rules": [{"claims": {"ref": 7}}]},
    "rules[0] `role` has to be": RIGHT | {"rules": [RULE | {"role": "approver"}]},
    "rules[0] `scopes` has to": RIGHT | {"rules": [RULE | {"scopes": ["approve"]}]},
    "rules[0] `services` has": RIGHT | {"rules": [RULE | {"services": []}]},
    "rules[0] has the unknown field": RIGHT | {"rules": [RULE | {"user": "ann"}]},
}


@pytest.mark.parametrize("said", WRONG)
def test_check__wrong__is_told_before_the_start_and_trusts_nobody(settings, said):
    settings.OPERATOR = OperatorFile(identity_providers=[WRONG[said]])
    (problem,) = told()
    assert said in problem.msg
    assert providers.configured() == []


def test_check__one_issuer_twice__is_told(settings):
    settings.OPERATOR = OperatorFile(identity_providers=[RIGHT, RIGHT])
    assert "repeats" in told()[0].msg
