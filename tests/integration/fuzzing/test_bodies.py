"""Every operation that takes a body, and whatever may be sent to it instead."""

import json

import pytest
from drf_spectacular.generators import SchemaGenerator

from tests.hostile import RAW, VALUES, pointers, replaced
from tests.integration.fuzzing.conftest import EXAMPLES
from tests.integration.fuzzing.operations import OPERATIONS
from tests.integration.fuzzing.watching import told
from tests.memory import MOST_MB, peak_mb

pytestmark = pytest.mark.django_db
# Places × values; the committed run takes one of so many, another one at each place.
EVERY = 1 if EXAMPLES else 9


def test_operations__those_of_the_schema__are_all_here():
    schema = SchemaGenerator().get_schema(request=None, public=True)
    of_schema = [one for path in schema["paths"].values() for one in path.values()]
    with_body = {one["operationId"] for one in of_schema if "requestBody" in one}

    assert with_body == {one.id for one in OPERATIONS}


def test_body__as_it_should_be__is_taken_and_nothing_fails_over_it(sender):
    found = {
        one.id: sender.send(one, json.dumps(sender.world.of(one)[1]).encode()) for one in OPERATIONS
    }

    troubles = {name: wrong for name, (_, wrong) in found.items() if wrong}
    assert not troubles, told(troubles)
    refused = {name: status for name, (status, _) in found.items() if status >= 400}
    # Neither is possible in this world: whether it would be is asked after the body was read.
    assert refused == {
        "rollouts_accept": 409,
        "anomalies_tell_apart": 409,
        "tokens_exchange": 401,
    }


def test_body__that_is_none__is_refused_and_changes_nothing(sender):
    troubles, taken = {}, []
    for number, operation in enumerate(OPERATIONS):
        for name in list(RAW)[number % EVERY :: EVERY]:
            body = RAW[name]
            status, wrong = sender.send(operation, body)
            if wrong:
                troubles[f"{operation.id} {name}"] = wrong
            # An empty body is an empty object to those that need nothing.
            if status < 400 and name != "nothing":
                taken.append(f"{operation.id} {name}")

    assert not troubles, told(troubles)
    assert taken == []


GROWING = ("long_key_over_many", "many_lists", "many_keys", "nested_objects", "integer_of_1_mb")


def test_body__that_would_grow__is_refused_in_little_memory(sender):
    for number, operation in enumerate(OPERATIONS):
        for name in GROWING[number % 2 :: 2]:
            taken = peak_mb(lambda one=operation, body=RAW[name]: sender.send(one, body))
            assert taken < MOST_MB, f"{operation.id} {name}"


def test_body__one_value_of_it_is_another__is_answered_and_poisons_nothing(sender):
    troubles, statuses, count = {}, set(), -1
    for operation in OPERATIONS:
        _, body = sender.world.of(operation)
        for at in pointers(body):
            count += 1
            for name in list(VALUES)[count % EVERY :: EVERY]:
                status, wrong = sender.send(operation, replaced(body, at, VALUES[name]))
                statuses.add(status)
                if wrong:
                    troubles[f"{operation.id} /{'/'.join(map(str, at))} {name}"] = wrong

    assert not troubles, told(troubles)
    assert {200, 201, 400, 422} <= statuses
