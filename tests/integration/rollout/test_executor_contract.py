"""What every executor owes the loop. A third party's passes the same."""

import pytest

from rollout.executors.base import Desired, ExecutorError, Key
from rollout.executors.dryrun import DryRunExecutor
from rollout.executors.haproxy import HaproxyExecutor
from rollout.executors.http import HttpExecutor
from rollout.executors.kubernetes.executor import KubernetesExecutor
from tests.integration.rollout.balancers import balancer, operator
from tests.integration.rollout.cluster import shop
from tests.integration.rollout.cluster.server import cluster
from tests.integration.rollout.programs import wrapped
from tests.integration.rollout.test_http_executor import receiver

__all__ = ["receiver", "wrapped"]

SHARES = (0.25, 0.05, 1.0, 0.001, 0.5, 0.0)


def key(generation=1):
    return Key(1, "6f6ad2bc-3c9a-4a3e-a0d3-9e3a4a3e5c01", "edge", generation)


# `argo` takes only the shares of a Rollout's steps: its own tests say which of this it keeps.
KUBERNETES = {"replicas": shop.with_deployments, "gateway": shop.with_route}


@pytest.fixture
def in_cluster(settings):
    with cluster() as made:

        def targeted(way):
            settings.OPERATOR = operator({"edge": KUBERNETES[way](made)})

        yield targeted


@pytest.fixture
def lb(settings):
    with balancer() as made:
        settings.OPERATOR = operator({"edge": made.target()})
        yield made


@pytest.fixture(params=["dryrun", "http", "haproxy", "weight.sh", "weight.py", *KUBERNETES])
def executor(request, db):
    """With a target `edge`, on which nothing is exposed yet."""
    if request.param.startswith("weight"):
        return request.getfixturevalue("wrapped")(request.param)
    if request.param in KUBERNETES:
        request.getfixturevalue("in_cluster")(request.param)
        return KubernetesExecutor().on(EDGE)
    if request.param == "dryrun":
        return DryRunExecutor()
    if request.param == "http":
        request.getfixturevalue("receiver")
        return HttpExecutor()
    request.getfixturevalue("lb")
    return HaproxyExecutor()


EDGE = {"target": "edge"}


def test_contract__what_it_declares__is_of_the_known_kinds(executor):
    assert executor.fencing in {"target", "none"}
    assert executor.repeat in {"safe", "unsafe"}
    assert executor.rollback in {"revert", "forward", "none"}
    assert executor.timeout_s > 0
    # A percent: what whole percents and a hundred pods can do.
    assert 0 <= executor.grain <= 0.01
    assert isinstance(executor.exclusive, bool)


def test_contract__nothing_was_applied_yet__observes_zero(executor):
    seen = executor.observe(EDGE, key(0))
    assert (seen.share, seen.generation) == (0.0, 0)


def test_contract__each_share__is_reached_within_the_grain_and_zero_exactly(executor):
    for generation, share in enumerate(SHARES, start=1):
        executor.apply(EDGE, Desired(share), key(generation))
        seen = executor.observe(EDGE, key(generation)).share
        assert abs(seen - share) <= executor.grain
    assert seen == 0.0


def test_contract__same_call_twice__is_the_same_world(executor):
    executor.apply(EDGE, Desired(0.25), key())
    first = executor.observe(EDGE, key())
    executor.apply(EDGE, Desired(0.25), key())
    assert executor.observe(EDGE, key()) == first


def test_contract__older_call__is_refused_where_the_target_fences(executor):
    executor.apply(EDGE, Desired(0.0), key(2))
    if executor.fencing == "none":
        assert executor.observe(EDGE, key(2)).generation == 0
        return
    with pytest.raises(ExecutorError) as error:
        executor.apply(EDGE, Desired(0.5), key(1))
    assert error.value.permanent
    assert executor.observe(EDGE, key(2)).share == 0.0
    assert executor.observe(EDGE, key(2)).generation == 2


def test_contract__config__takes_a_target_and_no_address(executor):
    assert executor.validate(EDGE) == []
    assert executor.validate(EDGE | {"url": "http://169.254.169.254/"})
    assert executor.validate(EDGE | {"address": "169.254.169.254:80"})


def test_contract__target_is_unknown__is_an_error_and_never_zero(executor, settings):
    settings.OPERATOR = operator({})
    if isinstance(executor, DryRunExecutor):
        return
    with pytest.raises(ExecutorError):
        executor.observe(EDGE, key())
    with pytest.raises(ExecutorError):
        executor.apply(EDGE, Desired(0.0), key())
