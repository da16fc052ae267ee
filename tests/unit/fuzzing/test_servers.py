"""What is asked elsewhere: a Prometheus, an instance's own page, an issuer of identities, Graygate
itself. Whatever comes back is an answer or a named refusal.
"""

import json
import sys
import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribution.bounded_http import ExchangeError, Tls
from attribution.credentials import Credentials
from attribution.sources.answers import AnswerError, distribute, read_answer
from attribution.sources.batching import Expression, Native, Raw, batches
from attribution.sources.exposition import samples
from attribution.sources.metadata_api import MetadataApi, MetadataError
from attribution.sources.promql import Matcher, Selector
from attribution.sources.query_api import QueryApi, RefusedError, Server, UnreadError
from controlplane.client import graygate
from controlplane.identity import keys
from tests.hostile import FILES
from tests.integration.identity.issuer import Issuer
from tests.unit.fuzzing.mutating import and_each_of_the_table, documents, drawn, texts
from tests.unit.fuzzing.serving import saying

PARTS = [
    Raw(Selector("m", frozenset({Matcher("a", "=", '"b"')}))),
    Expression("a"),
    Native(Selector("h", frozenset())),
]
VECTOR = {
    "status": "success",
    "data": {
        "resultType": "vector",
        "result": [
            {"metric": {"__name__": "m", "a": "b", "graygate_key": "0.0"}, "value": [1, "2"]},
            {"metric": {"a": "b", "graygate_key": "0.1"}, "value": [1, "2"]},
            {"metric": {"graygate_key": "1.0"}, "value": [1, "NaN"]},
            {
                "metric": {"graygate_key": "2.0"},
                "histogram": [1, {"count": "1", "buckets": [[0, "1", "2", "3"]]}],
            },
        ],
    },
    "warnings": ["x"],
    "infos": ["y"],
    "isPartial": True,
}
ERROR = {"status": "error", "errorType": "bad_data", "error": "parse error"}
VALUES_OF = {"status": "success", "data": ["a", "b"]}
TYPES_OF = {"status": "success", "data": {"m": [{"type": "counter", "help": "x", "unit": ""}]}}
PAGE = b"""# HELP requests_total x
# TYPE requests_total counter
requests_total{code="500",track="canary"} 12 1700000000000
requests_total{code="200",le="+Inf"} 1e3
"""
DECISION = {
    "change": "5f0c7d1e-0000-4000-8000-000000000000",
    "state": "approved",
    "decision": "allowed",
    "level": "low",
    "reasons": ["x"],
    "rollout": None,
    "url": "http://127.0.0.1/changes/1/",
    "assessment": {"signals": [{"id": "a", "severity": "high", "where": "line 3", "summary": "s"}]},
    "errors": [{"pointer": "#/a", "detail": "x"}],
    "checks": [{"name": "a", "state": "passed"}],
    "detail": "x",
}


@pytest.fixture(scope="module")
def says():
    with saying() as one:
        yield one


@pytest.fixture(scope="module")
def server(says):
    return Server("fuzzed", says.url, Credentials())


RESULTS = ("null", "1", '"x"', "{}", "[null]", "[[]]", "[{}]")


def vector_with(number: str) -> bytes:
    sample = {"metric": {"graygate_key": "1.0"}, "value": [1, "here"]}
    data = {"resultType": "vector", "result": [sample]}
    body = {"status": "success", "data": data}
    return json.dumps(body).replace('"here"', number).encode()


def vector_of(result: str) -> bytes:
    body = {"status": "success", "data": {"resultType": "vector", "result": "here"}}
    return json.dumps(body).replace('"here"', result).encode()


@pytest.mark.parametrize("content", [vector_with("1" * 400), *map(vector_of, RESULTS)])
def test_prometheus__answer_of_another_shape__is_refused(content):
    (batch,) = batches(PARTS)
    with pytest.raises(AnswerError):
        distribute(batch, read_answer(content).results)


@drawn
@and_each_of_the_table(status=200)
@given(content=documents(VECTOR, ERROR), status=st.sampled_from([200, 400, 422, 503]))
def test_prometheus__query_answered_with_anything__is_read_or_refused(
    says, server, content, status
):
    says.content, says.status = content, status
    with suppress(RefusedError, UnreadError, AnswerError):
        answer = QueryApi(server, None, 20.0).answer("up")
        for batch in batches(PARTS):
            with suppress(AnswerError):
                distribute(batch, answer.results)


@drawn
@and_each_of_the_table()
@given(content=documents(VALUES_OF, TYPES_OF, ERROR))
def test_prometheus__metadata_answered_with_anything__is_read_or_refused(says, server, content):
    says.content, says.status = content, 200
    api = MetadataApi(server, 0.0, 20.0)
    for asked in (api.names, api.types, lambda: api.values("m", "l", 9), lambda: api.labels("m")):
        with suppress(MetadataError):
            asked()


@drawn
@and_each_of_the_table()
@given(content=texts(PAGE))
def test_page__of_an_instance_with_anything__is_read_or_broken(content):
    with suppress(ValueError):
        list(samples(content.decode("utf-8", "replace"), ["requests_total", "a"]))


def jwks():
    issuer = Issuer()
    issuer.rotate("k1")
    return json.loads(issuer.jwks())


@drawn
@and_each_of_the_table()
@given(content=documents(jwks()))
def test_issuer__keys_answered_with_anything__are_read_or_none(says, content):
    says.content, says.status = content, 200
    with suppress(ExchangeError, ValueError, RecursionError):
        for (_, kind), key in keys._read(says.url, Tls()).items():
            for algorithm in (name for name, one in keys.TYPES.items() if one == kind):
                keys._usable(key, algorithm)


ARGUMENTS = {
    "submit": ("--wait", "--timeout=0.1", "--format=markdown", "--codequality=q", "--dotenv=d"),
    "wait": ("c", "--timeout=0.1", "--format=text"),
    "check": ("c", "--name=n", "--passed", "--timeout=0.1"),
    "classify": ("--format=text", "--timeout=0.1"),
    "event": ("--service=cart", "--timeout=0.1"),
}


@pytest.mark.parametrize("command", ARGUMENTS)
@drawn
@and_each_of_the_table(status=422)
@given(
    content=documents(DECISION, {"detail": "x", "errors": DECISION["errors"]}),
    status=st.sampled_from([200, 201, 302, 400, 422]),
)
def test_client__answered_with_anything__ends_with_a_line_and_a_code(  # noqa: PLR0917 - fixtures
    says, tmp_path_factory, capsys, monkeypatch, command, content, status
):
    monkeypatch.setattr(time, "sleep", lambda _s: None)
    folder = tmp_path_factory.mktemp("job")
    monkeypatch.chdir(folder)
    (folder / "change.json").write_text("{}")
    says.content, says.status = content, status
    files = ["change.json"] if command in {"submit", "classify"} else []
    monkeypatch.setenv("GRAYGATE_TOKEN", "t")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    argv = ["graygate", command, *files, f"--url={says.url}", *ARGUMENTS[command]]
    monkeypatch.setattr(sys, "argv", argv)
    code = graygate.main()
    said = capsys.readouterr()

    assert code in range(5)
    assert "Traceback" not in said.err
    assert len(said.out) + len(said.err) < 200_000 + 10 * len(content)


@pytest.mark.parametrize("file", FILES)
def test_client__file_with_anything__is_sent_or_refused_with_a_line(
    says, tmp_path, monkeypatch, capsys, file
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "change").write_bytes(FILES[file])
    says.content, says.status = json.dumps(DECISION).encode(), 200
    for command in ("submit", "classify"):
        argv = [command, "change", f"--url={says.url}"]
        options = graygate.parser_of({}).parse_args(argv)
        code = graygate.run(command, options, {"GRAYGATE_TOKEN": "t"})
        assert code in {0, 1}
        assert "Traceback" not in capsys.readouterr().err
