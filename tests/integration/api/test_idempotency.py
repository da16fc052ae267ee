from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection

from attribution.clock import database_now
from controlplane import intake
from controlplane.api.idempotency import KEPT, LEASE
from controlplane.models import Change, IdempotencyKey
from tests.factories import GuardrailFactory, ServiceFactory, submission


@pytest.fixture
def cart(db):
    service = ServiceFactory(name="cart")
    GuardrailFactory(service=service)
    return service


@pytest.fixture
def ann(calling):
    caller = calling("submitter", "ann")

    def submit(key="k1", **given):
        return caller.post("changes", submission("cart", **given), Idempotency_Key=key)

    return submit


def test_replay__same_body__gets_the_same_answer_and_one_change(cart, ann):
    first, second = ann(), ann()

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert first["Location"] == second["Location"]
    assert second["Idempotent-Replayed"] == "true"
    assert Change.objects.count() == 1


def test_replay__other_body__is_unprocessable(cart, ann):
    ann()
    answer = ann(title="another")

    assert answer.status_code == 422
    assert answer.json()["type"].endswith("idempotency-key-reused")
    assert Change.objects.count() == 1


def test_replay__quoted_as_in_the_draft__is_the_same_key(cart, ann):
    ann(key="k1")
    ann(key='"k1"')

    assert Change.objects.count() == 1


def test_key__of_another_person__is_another_key(cart, ann, calling):
    ann()
    calling("submitter", "bob").post("changes", submission("cart"), Idempotency_Key="k1")

    assert Change.objects.count() == 2


def test_error__is_not_remembered__the_corrected_request_may_use_the_key(cart, ann):
    assert ann(kind="sorcery").status_code == 422

    assert ann().status_code == 201


def test_in_flight__seen_meanwhile__is_a_conflict_with_a_time_to_wait(cart, ann):
    ann()
    IdempotencyKey.objects.update(status=None, created_at=database_now())
    answer = ann()

    assert answer.status_code == 409
    assert int(answer["Retry-After"]) >= 1


def test_in_flight__its_process_died__is_run_again_after_the_lease(cart, ann, monkeypatch):
    def die(*_args):
        raise SystemExit

    with monkeypatch.context() as dying:
        dying.setattr(intake, "submit", die)
        with pytest.raises(SystemExit):
            ann()
    assert IdempotencyKey.objects.get().status is None
    assert ann().status_code == 409
    IdempotencyKey.objects.update(created_at=database_now() - LEASE)

    assert ann().status_code == 201
    assert Change.objects.count() == 1


def test_effect__of_a_claim_that_was_taken_over_meanwhile__is_undone(cart, ann, monkeypatch):
    real = intake.submit

    def slow(*args, **kwargs):
        IdempotencyKey.objects.update(created_at=database_now() + timedelta(seconds=1))
        return real(*args, **kwargs)

    monkeypatch.setattr(intake, "submit", slow)

    assert ann().status_code == 409
    assert not Change.objects.exists()


def test_key__older_than_a_day__is_forgotten(cart, ann):
    ann()
    IdempotencyKey.objects.update(created_at=database_now() - KEPT - timedelta(seconds=1))
    ann(title="another")

    assert Change.objects.count() == 2


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "a\tb"])
def test_key__unusable__is_a_bad_request(cart, ann, key):
    assert ann(key=key).status_code == 400


@pytest.mark.django_db(transaction=True)
def test_key__sent_by_many_at_once__makes_one_change(calling):
    service = ServiceFactory(name="cart")
    GuardrailFactory(service=service)
    caller = calling("submitter", "ann")

    def send(_n):
        answer = caller.post("changes", submission("cart"), Idempotency_Key="k1")
        connection.close()
        return answer.status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(send, range(8)))

    assert 201 in statuses
    assert set(statuses) <= {201, 409}
    assert Change.objects.count() == 1
