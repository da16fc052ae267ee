import base64

import pytest

from rollout.signing import SignatureError, secret_bytes, sign, verify

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
OTHER = "whsec_" + base64.b64encode(b"x" * 32).decode()
BODY = b'{"exposure": 0.05}'


def test_sign__published_example__gives_the_published_signature():
    # The example of the Standard Webhooks specification.
    headers = sign(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_verify__own_signature__is_accepted():
    verify(SECRET, sign(SECRET, "1", 1000, BODY), BODY, now=1010)


def test_verify__key_rotates__one_right_signature_is_enough():
    headers = sign(SECRET, "1", 1000, BODY)
    headers["webhook-signature"] = "v1,AAAA " + headers["webhook-signature"]
    verify(SECRET, headers, BODY, now=1000)


@pytest.mark.parametrize(
    ("secret", "body", "now", "drop"),
    [
        (OTHER, BODY, 1000, ""),
        (SECRET, b'{"exposure": 1.0}', 1000, ""),
        (SECRET, BODY, 2000, ""),
        (SECRET, BODY, 1000, "webhook-id"),
        (SECRET, BODY, 1000, "webhook-timestamp"),
    ],
    ids=["other secret", "altered body", "too old", "no id", "no time"],
)
def test_verify__anything_wrong__is_refused(secret, body, now, drop):
    headers = sign(SECRET, "1", 1000, BODY)
    headers.pop(drop, None)
    with pytest.raises(SignatureError):
        verify(secret, headers, body, now=now)


@pytest.mark.parametrize("secret", ["", "hunter2", "whsec_", "whsec_AAAA", "whsec_!!!!"])
def test_secret_bytes__malformed__is_refused_without_repeating_it(secret):
    with pytest.raises(ValueError, match="24 to 64 bytes") as error:
        secret_bytes(secret)
    assert not secret.removeprefix("whsec_") or secret not in str(error.value)
