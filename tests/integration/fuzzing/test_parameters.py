"""Every operation with a parameter: path, query and headers."""

import pytest
from drf_spectacular.generators import SchemaGenerator

from tests.factories import token_of
from tests.integration.fuzzing.conftest import EXAMPLES
from tests.integration.fuzzing.operations import OPERATIONS
from tests.integration.fuzzing.watching import logged, problem_with, told

pytestmark = pytest.mark.django_db
TEXTS = (
    "", "x", "%00", "a%00b", "%ED%A0%80", "%FF%FE", "-1", "0", "9" * 20, "9" * 4000, "1e400", "NaN",
    "-inf", "%D9%A3", "[]", "true", "a" * 4000, "%0D%0Ax:y", "../x", "%2e%2e%2f", "a%2Fb", "%25",
    "00000000-0000-0000-0000-000000000000", "'\";--", "W10", "WyJ4IiwgIngiXQ",
)  # fmt: skip
HEADERS = (
    "", "x", '"', "*", '"1"', "-1", "9" * 20, "9" * 5000, "a" * 300, "\xff", "\x7f", 'W/"1"',
)  # fmt: skip
EVERY = 1 if EXAMPLES else 3


def schema_of_now():
    return SchemaGenerator().get_schema(request=None, public=True)["paths"]


def addresses(path, operation, ids):
    """Each parameter replaced by each text, the others as they should be."""
    filled = path.removeprefix("/api/v1/")
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "path":
            for text in TEXTS:
                yield filled.replace("{" + parameter["name"] + "}", text)
    plain = filled.format(**ids)
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "query":
            yield from (f"{plain}?{parameter['name']}={text}" for text in TEXTS)


def test_parameters__any_text__are_answered_and_never_an_error(sender):
    made = sender.world.ids
    ids = {f"{word}_id": made[word] for word in ("change", "rollout", "decision", "anomaly")}
    ids["name"] = "cart"
    troubles = {}
    for path, operations in schema_of_now().items():
        for method, operation in operations.items():
            for address in addresses(path, operation, ids):
                if "wait=0" not in address and method == "get":
                    with logged() as lines:
                        answer = sender.api.get(address)
                    if wrong := problem_with(answer, lines):
                        troubles[f"{method} {address[:80]}"] = [wrong]

    assert not troubles, told(troubles)


@pytest.mark.parametrize("name", ["Idempotency-Key", "If-Match", "Content-Type"])
def test_header__any_text__is_answered_and_never_an_error(sender, name):
    troubles = {}
    for number, operation in enumerate(OPERATIONS):
        for text in HEADERS[number % EVERY :: EVERY]:
            given = {"content_type": text} if name == "Content-Type" else {name: text}
            _, wrong = sender.send(operation, b'{"reason": 1}', **given)
            if wrong:
                troubles[f"{operation.id} {name}={text[:20]!r}"] = wrong

    assert not troubles, told(troubles)


@pytest.mark.parametrize("kind", [
    "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
    "multipart/form-data", "application/json; charset=utf-16", "application/json; charset=nothing",
])  # fmt: skip
def test_content_type__that_is_not_taken__is_refused(sender, kind):
    statuses = {
        one.id: sender.send(one, b"--x\r\n\r\na\r\n--x--", content_type=kind) for one in OPERATIONS
    }

    assert {name: wrong for name, (_, wrong) in statuses.items() if wrong} == {}
    assert {status for status, _ in statuses.values()} <= {400, 401, 415}


@pytest.mark.parametrize("scope", ["read", "submit", "alert", "approve", "operate"])
def test_token__without_the_scope__is_refused_before_the_body_is_read(sender, scope):
    sender.api.text = token_of("admin", "ann-of-the-api", [scope])
    statuses = {one.id: sender.send(one, b"[" * 3000) for one in OPERATIONS}

    assert {name: wrong for name, (_, wrong) in statuses.items() if wrong} == {}
    assert {status for status, _ in statuses.values()} <= {400, 401, 403}
