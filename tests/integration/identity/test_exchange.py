"""Identity tokens of a real issuer, exchanged over REST: which are taken, and what they open."""

import hashlib
import hmac
import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from controlplane import pruning
from controlplane.access import Role, give_role
from controlplane.api.tokens import GRANT, SUBJECT_TYPES
from controlplane.identity import exchange as exchanging
from controlplane.models import ApiToken, Change
from controlplane.tokens import issue
from tests.factories import ServiceFactory, journey, submission
from tests.integration.api.conftest import Caller
from tests.integration.identity.issuer import RSA_KEYS, b64, claims, forged, rsa_key

pytestmark = pytest.mark.django_db
KEY = RSA_KEYS[0]


def ask(subject_token, /, **more):
    body = {
        "grant_type": GRANT,
        "subject_token": subject_token,
        "subject_token_type": SUBJECT_TYPES[0],
        **more,
    }
    return Caller("").post("tokens/exchange", body)


def exchanged(subject_token, /, **more):
    answer = ask(subject_token, **more)
    assert answer.status_code == 200, answer.content
    return Caller(answer.json()["access_token"])


def test_exchange__trusted_job__gets_a_short_token_in_the_words_of_rfc_8693(trusted):
    answer = ask(trusted().sign())
    assert answer.status_code == 200, answer.content
    told = answer.json()
    assert told.pop("access_token").startswith("gg_")
    assert told == {
        "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "token_type": "Bearer",
        "expires_in": 900,
        "scope": "read submit",
    }
    assert answer["Cache-Control"] == "no-store"


def test_exchange__issued_token__is_kept_as_an_hmac_and_ends(trusted):
    text = ask(trusted(lifetime_s=60).sign()).json()["access_token"]
    row = ApiToken.objects.get()
    assert text.partition(".")[2] not in json.dumps([row.key, row.digest, row.description])
    assert (row.expires_at - row.created_at).total_seconds() == pytest.approx(60, abs=5)


def test_submit__with_an_exchanged_token__is_by_the_repository(trusted):
    caller = exchanged(trusted().sign())
    assert caller.post("changes", submission(ServiceFactory().name)).status_code == 201
    assert Change.objects.get().author == "github:acme/cart"


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256"])
def test_exchange__each_kind_of_key_pair__is_taken(trusted, algorithm):
    issuer = trusted()
    issuer.rotate("other", algorithm)
    assert ask(issuer.sign()).status_code == 200


def pem_of(key):
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, spki)


def signed_with_the_public_key(issuer):
    """The classic: the public key, which everybody has, taken for a shared secret."""
    head = b64(json.dumps({"alg": "HS256", "kid": "k1", "typ": "JWT"}).encode())
    signed = f"{head}.{b64(json.dumps(claims(issuer.url)).encode())}"
    mac = hmac.new(pem_of(issuer.keys["k1"][1]), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{b64(mac)}"


def unsigned(issuer):
    return forged(issuer.sign(), alg="none", kid="k1").rpartition(".")[0] + "."


def by_somebody_else(issuer, **header):
    named = {"kid": "k1", **header}
    return jwt.encode(claims(issuer.url), rsa_key(), "RS256", headers=named)


def with_own_key(issuer):
    key = rsa_key()
    jwk = jwt.get_algorithm_by_name("RS256").to_jwk(key.public_key(), as_dict=True)
    header = {"kid": "k1", "jwk": jwk, "jku": "http://127.0.0.1:9/jwks"}
    return jwt.encode(claims(issuer.url), key, "RS256", headers=header)


def changed(issuer):
    head, _, signature = issuer.sign().split(".")
    other = b64(json.dumps(claims(issuer.url, repository="acme/pay")).encode())
    return f"{head}.{other}.{signature}"


REFUSED = {
    "forged": by_somebody_else,
    "changed after signing": changed,
    "brings its own key": with_own_key,
    "none": unsigned,
    "secret": signed_with_the_public_key,
    "key of another algorithm": lambda issuer: forged(issuer.sign(), alg="PS256", kid="k1"),
    "key of another type": lambda issuer: forged(issuer.sign(), alg="ES256", kid="k1"),
    "unknown key": lambda issuer: issuer.sign(header={"kid": "k9"}),
    "no key named": lambda issuer: forged(issuer.sign(), alg="RS256"),
    "asks for more": lambda issuer: forged(issuer.sign(), alg="RS256", kid="k1", crit=["x"], x=1),
    "expired": lambda issuer: issuer.sign(exp=int(time.time()) - 60),
    "not yet": lambda issuer: issuer.sign(nbf=int(time.time()) + 300),
    "made in the future": lambda issuer: issuer.sign(iat=int(time.time()) + 300),
    "for ever": lambda issuer: issuer.sign(exp=int(time.time()) + 10**9),
    "without an end": lambda issuer: issuer.sign(exp=None),
    "end that is none": lambda issuer: issuer.sign(exp="tomorrow"),
    "other audience": lambda issuer: issuer.sign(aud="https://elsewhere.example"),
    "audience longer by a letter": lambda issuer: issuer.sign(aud="https://graygate.example/"),
    "no audience": lambda issuer: issuer.sign(aud=None),
    "other issuer": lambda issuer: issuer.sign(iss="https://token.actions.githubusercontent.com"),
    "issuer longer by a letter": lambda issuer: issuer.sign(iss=issuer.url + "/"),
    "issuer that is no text": lambda issuer: issuer.sign(iss=None),
    "other branch": lambda issuer: issuer.sign(ref="refs/heads/main/evil"),
    "other owner": lambda issuer: issuer.sign(repository="acme2/cart"),
    "no claim": lambda issuer: issuer.sign(repository=None),
    "claim that is no text": lambda issuer: issuer.sign(ref={"a": 1}),
    "name too long": lambda issuer: issuer.sign(repository="acme/" + "x" * 100),
    "name of two words": lambda issuer: issuer.sign(repository="acme/a b"),
    "no token at all": lambda _issuer: "gg_123.456",
    "three dots": lambda _issuer: "a.b.c",
}


@pytest.mark.parametrize("how", REFUSED)
def test_exchange__token_that_proves_nothing__is_401_and_the_reason_is_in_the_log_only(
    trusted, how, caplog
):
    issuer = trusted()
    subject_token = REFUSED[how](issuer)
    answer = ask(subject_token)
    assert answer.status_code == 401, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    assert answer["WWW-Authenticate"] == 'Bearer realm="graygate"'
    told = answer.json()
    assert told["type"] == "urn:graygate:problem:identity-not-accepted"
    assert told["detail"].startswith("The identity token is not accepted.")
    assert "identity_refused" in caplog.text
    assert subject_token not in caplog.text
    assert not ApiToken.objects.exists()


def test_exchange__every_refusal__reads_the_same(trusted):
    issuer = trusted()
    assert len({ask(make(issuer)).content for make in REFUSED.values()}) == 1


def test_exchange__address_in_a_token__is_never_asked(trusted):
    issuer = trusted()
    ask(with_own_key(issuer))
    assert issuer.asked == ["/jwks"]


@pytest.mark.parametrize("bits", [1024])
def test_exchange__short_key__is_not_taken(trusted, bits):
    issuer = trusted()
    issuer.rotate("short", key=rsa_key(bits))
    assert ask(issuer.sign()).status_code == 401


def test_exchange__nobody_trusted__is_401(issuer, settings):
    assert ask(issuer.sign()).status_code == 401
    assert issuer.asked == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"grant_type": "password"},
        {"subject_token": ""},
        {"subject_token": "x" * 20_000},
        {"subject_token_type": "urn:ietf:params:oauth:token-type:saml2"},
        {"more": 1},
    ],
)
def test_exchange__nonsense__is_422_and_points_at_it(trusted, wrong):
    answer = ask(trusted().sign(), **wrong)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == f"#/{next(iter(wrong))}"


# --- what it opens


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
