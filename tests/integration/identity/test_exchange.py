"""Identity tokens of a real issuer, exchanged over REST: which are taken, and what they open."""

import hashlib
import hmac
import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from controlplane.models import ApiToken, Change
from tests.factories import ServiceFactory, submission
from tests.integration.identity.asking import ask, exchanged
from tests.integration.identity.issuer import RSA_KEYS, b64, claims, forged, rsa_key

pytestmark = pytest.mark.django_db
KEY = RSA_KEYS[0]


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
