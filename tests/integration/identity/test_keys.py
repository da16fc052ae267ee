"""Keys that rotate, and issuers that do not answer as they should."""

import queue
import threading

import pytest

from controlplane.environment import OperatorFile
from controlplane.identity import keys
from controlplane.identity.keys import (
    FRESH_S,
    MOST_WAITING,
    READ_EVERY_S,
    STALE_S,
    Keys,
    KeysUnreadableError,
)
from tests.integration.identity.asking import ask


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def known(issuer, clock):
    return Keys(f"{issuer.url}/jwks", None, clock)


def test_key__known__is_read_once(issuer, known):
    assert all(known.key("k1", "RS256") is not None for _ in range(5))
    assert issuer.asked == ["/jwks"]


def test_key__rotated__is_read_anew_and_the_old_one_is_gone(issuer, known, clock):
    known.key("k1", "RS256")
    issuer.rotate("k2")
    clock.now += READ_EVERY_S
    assert known.key("k2", "RS256") is not None
    assert known.key("k1", "RS256") is None


def test_key__withdrawn__is_trusted_for_ten_minutes_at_most(issuer, known, clock):
    known.key("k1", "RS256")
    issuer.rotate("k2")
    clock.now += FRESH_S + 1
    assert known.key("k1", "RS256") is None


def test_key__unknown_again_and_again__asks_the_issuer_once_in_a_while(issuer, known, clock):
    for number in range(50):
        clock.now += READ_EVERY_S / 20
        assert known.key(f"made-up-{number}", "RS256") is None
    assert len(issuer.asked) == 3


def test_key__issuer_gone__the_known_ones_do_for_a_while(issuer, known, clock):
    known.key("k1", "RS256")
    issuer.answer = (500, b"")
    clock.now += FRESH_S + 1
    assert known.key("k1", "RS256") is not None
    clock.now += STALE_S
    with pytest.raises(KeysUnreadableError):
        known.key("k1", "RS256")
    issuer.answer = None
    clock.now += READ_EVERY_S
    assert known.key("k1", "RS256") is not None


@pytest.mark.parametrize(
    "answer",
    [
        (500, b""),
        (302, b""),
        (200, b"<html>"),
        (200, b"[]"),
        (200, b'{"keys": {}}'),
        (200, b'{"keys": [' + b"{}," * 200 + b"{}]}"),
        (200, b" " * 300_000),
        (200, b"[" * 100_000),
    ],
)
def test_key__answer_that_is_none__is_unreadable_and_leads_nowhere_else(issuer, known, answer):
    issuer.answer = answer
    with pytest.raises(KeysUnreadableError):
        known.key("k1", "RS256")
    assert issuer.asked == ["/jwks"]


@pytest.mark.parametrize(
    "spoilt",
    [b'{"kid": "k1", "kty": "oct", "k": "c2VjcmV0"}', b'{"kid": "k1", "kty": "RSA", "n": 7}',
     b'{"kid": "k1", "kty": "RSA", "n": "", "e": ""}', b'{"kid": ["k1"], "kty": "RSA"}', b"7",
     b'{"kid": "k1", "kty": "RSA", "use": "enc", "n": "AQAB", "e": "AQAB"}'],
)  # fmt: skip
def test_key__spoilt_or_for_another_use__is_none(issuer, known, spoilt):
    issuer.answer = (200, b'{"keys": [' + spoilt + b"]}")
    assert known.key("k1", "RS256") is None


def test_key__of_another_algorithm__is_none(issuer, known):
    assert known.key("k1", "PS256") is None
    assert known.key("k1", "ES256") is None


@pytest.mark.django_db
def test_exchange__key_rotated_between_two_jobs__takes_both(trusted):
    issuer = trusted()
    assert ask(issuer.sign()).status_code == 200
    old = issuer.sign()
    issuer.rotate("k2")
    assert ask(issuer.sign()).status_code == 200
    assert ask(old).status_code == 401


@pytest.mark.django_db
def test_exchange__keys_unreadable__is_503_and_may_be_tried_again(trusted, caplog):
    issuer = trusted()
    issuer.answer = (500, b"")
    answer = ask(issuer.sign())
    assert (answer.status_code, answer["Retry-After"]) == (503, "10")
    assert "identity_keys_unreadable" in caplog.text


@pytest.mark.django_db
def test_exchange__nobody_listens__is_503(settings, issuer):
    keys.keys_of.cache_clear()
    entry = issuer.entry(jwks_url="http://127.0.0.1:9/jwks")
    settings.OPERATOR = OperatorFile(identity_providers=[entry])
    assert ask(issuer.sign()).status_code == 503


@pytest.fixture
def hanging(issuer, known, clock):
    """The issuer answers no more until the test is over, and one thread waits for it."""
    known.key("k1", "RS256")
    issuer.hold = threading.Event()
    clock.now += FRESH_S + 1
    waiting = threading.Thread(target=known.key, args=("k1", "RS256"))
    waiting.start()
    assert issuer.reached.wait(10)
    yield waiting
    issuer.hold.set()
    waiting.join()


def test_key__issuer_hangs__known_keys_are_given_to_others_meanwhile(hanging, known):
    assert known.key("k1", "RS256") is not None
    assert hanging.is_alive()


def test_key__issuer_hangs__only_a_few_wait_for_an_unknown_one(hanging, known):
    got = queue.Queue()

    def ask_for(number):
        try:
            got.put(known.key(f"made-up-{number}", "RS256"))
        except KeysUnreadableError as problem:
            got.put(problem)

    asking = [threading.Thread(target=ask_for, args=(n,), daemon=True) for n in range(20)]
    for each in asking:
        each.start()
    # Of those that wait one at most asks, and none before the issuer has answered the first.
    told = [got.get(timeout=10) for _ in range(len(asking) - MOST_WAITING)]
    assert all(isinstance(one, KeysUnreadableError) for one in told)
