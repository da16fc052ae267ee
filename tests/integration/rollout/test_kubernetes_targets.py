"""What the operator says of a kubernetes target, and the right to do it."""

import json
import re
import ssl
import textwrap
import time
from pathlib import Path

import pytest
import yaml

from rollout.executors import command
from rollout.executors.base import Desired, ExecutorError
from rollout.executors.kubernetes import target
from tests.integration.attribution.monitoring import authority
from tests.integration.rollout.balancers import operator
from tests.integration.rollout.cluster import shop
from tests.integration.rollout.cluster.fixtures import (
    EDGE,
    WAYS,
    any_way,
    api,
    executor,
    key,
    reach,
    seen,
    split,
)
from tests.integration.rollout.cluster.server import TOKEN

__all__ = ["any_way", "api", "executor", "split"]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"way": "magic"}, "`way`"),
        ({"server": "http://10.0.0.1:6443"}, "no https://"),
        ({"server": "https://me:hunter2@10.0.0.1"}, "no https://"),
        ({"server": "https://10.0.0.1/?x"}, "no https://"),
        ({"server": "ftp://10.0.0.1"}, "no https://"),
        ({"in_cluster": True}, "`server`, or `in_cluster`"),
        ({"namespace": "Shop"}, "`namespace`"),
        ({"canary": "a/../b"}, "`canary`"),
        ({"canary": "stock"}, "are the same"),
        ({"replicas": 1}, "`replicas`"),
        ({"replicas": True}, "`replicas`"),
        ({"keep": 11}, "`keep`"),
        ({"route": "stock"}, "knows no `route`"),
        ({"bearer_token_file": "/nowhere", "bearer_token": None}, "cannot be read"),
        ({"ca_file": "/nowhere"}, "cannot be read"),
    ],
)
def test_validate__bad_target_in_the_operators_file__is_said(
    split, executor, settings, given, says
):
    entry = settings.OPERATOR.targets["edge"] | given
    settings.OPERATOR = operator({"edge": entry})
    assert says in executor.validate(EDGE)[0]
    assert "hunter2" not in executor.validate(EDGE)[0]
    assert split.patches == []


def test_validate__in_cluster_but_in_no_pod__says_so(split, executor, settings, monkeypatch):
    entry = dict(settings.OPERATOR.targets["edge"], in_cluster=True)
    del entry["server"], entry["bearer_token"]
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    settings.OPERATOR = operator({"edge": entry})
    assert "this is no pod" in executor.validate(EDGE)[0]


def test_validate__in_cluster__wants_no_address_and_no_token(
    split, executor, settings, monkeypatch
):
    entry = dict(settings.OPERATOR.targets["edge"], in_cluster=True)
    del entry["server"], entry["bearer_token"]
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    settings.OPERATOR = operator({"edge": entry})
    # Here is no pod with a service account: it says which file is missing.
    assert "`bearer_token_file` cannot be read" in executor.validate(EDGE)[0]


@pytest.fixture
def over_tls(api, settings, tmp_path):
    """The stand-in behind TLS, and the folder with its authority."""
    authority(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")
    api.socket = context.wrap_socket(api.socket, server_side=True)
    server = {"server": f"https://localhost:{api.server_port}"}
    settings.OPERATOR = operator({"edge": shop.with_route(api) | server})
    return tmp_path


def test_server__of_the_authority_that_was_given__is_believed(over_tls, executor, settings):
    settings.OPERATOR.targets["edge"]["ca_file"] = str(over_tls / "ca.pem")
    reach(executor, 0.25)


def test_server__of_a_stranger__is_not_believed_and_told_nothing(api, over_tls, executor):
    with pytest.raises(ExecutorError, match="edge: SSLError"):
        executor.apply(EDGE, Desired(0.25), key())
    assert api.asked == set()


def test_token__in_a_file__is_read_anew_for_each_call(split, executor, settings, tmp_path):
    token = tmp_path / "token"
    token.write_text("old")
    entry = dict(settings.OPERATOR.targets["edge"], bearer_token_file=str(token))
    del entry["bearer_token"]
    settings.OPERATOR = operator({"edge": entry})
    with pytest.raises(ExecutorError, match="HTTP 401"):
        seen(executor)
    token.write_text(f"{TOKEN}\n")
    assert seen(executor) == 0.0


@pytest.mark.parametrize("share", [float("nan"), -0.1, 1.5, True])
def test_apply__no_share__is_refused_and_nothing_sent(any_way, executor, share):
    with pytest.raises(ExecutorError, match="is no share"):
        executor.apply(EDGE, Desired(share), key())
    assert any_way.patches == []


def test_call__takes_no_longer_than_it_may(any_way, executor):
    executor.timeout_s = 0.3
    began = time.monotonic()
    with any_way.lock, pytest.raises(ExecutorError):
        executor.apply(EDGE, Desired(0.25), key())
    assert time.monotonic() - began < 30


# --- what the docs say -------------------------------------------------------------------------

PAGE = (Path(__file__).parents[3] / "docs" / "executors.md").read_text()


def blocks(beginning):
    """The indented blocks of the page that begin so."""
    for block in re.findall(r"(?:^    .*\n)+", PAGE, flags=re.MULTILINE):
        if (text := textwrap.dedent(block)).startswith(beginning):
            yield text


def test_docs__role__allows_what_is_asked_and_nothing_more(api, executor, settings):
    for made in WAYS.values():
        api.objects.clear()
        settings.OPERATOR = operator({"edge": made(api)})
        reach(executor, 0.25)
        reach(executor, 0.0, 2)
    role, _binding = yaml.safe_load_all(next(blocks("apiVersion: rbac")))
    allowed = {
        (verb, resource)
        for rule in role["rules"]
        for verb in rule["verbs"]
        for resource in rule["resources"]
    }
    assert api.asked == allowed


# What differs between the page and this machine: files, folders, variables.
ELSEWHERE = ("`argv` begins with no program", "`cwd`", "WEIGHT_FILE", "cannot be read")


def test_docs__targets_of_the_operators_file__are_good_ones(monkeypatch):
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    files = [json.loads("{" + text + "}")["targets"] for text in blocks('"targets"')]
    found = [entry for targets in files for entry in targets.values()]
    assert {entry.get("way", entry["executor"]) for entry in found} == {"command", *WAYS}
    for entry in found:
        said = (command if entry["executor"] == "command" else target).problems(entry)
        assert [one for one in said if not any(word in one for word in ELSEWHERE)] == []
