"""What the kubernetes executor owes by each of its ways, and what a cluster refuses."""

import json

import pytest
from django.core.management import call_command

from rollout.executors.base import Desired, ExecutorError, Key
from rollout.executors.kubernetes.marks import ANNOTATION
from tests.integration.rollout.balancers import operator
from tests.integration.rollout.cluster import shop
from tests.integration.rollout.cluster.fixtures import (
    EDGE,
    WRITTEN,
    any_way,
    api,
    argo,
    executor,
    key,
    reach,
    replicas,
    seen,
    split,
)
from tests.integration.rollout.cluster.server import TOKEN

__all__ = ["any_way", "api", "argo", "executor", "split"]


# --- what every way owes -------------------------------------------------------------------------


def test_patch__of_each_way__carries_mark_and_resource_version_and_no_unknown_field(
    any_way, executor
):
    executor.apply(EDGE, Desired(0.25), key())
    assert any_way.patches
    for _path, body in any_way.patches:
        assert set(body["metadata"]) <= {"resourceVersion", "annotations"}
        assert body["metadata"]["resourceVersion"].isdigit()
    for name in WRITTEN[any_way.way]:
        mark = json.loads(any_way.named(name)["metadata"]["annotations"][ANNOTATION])
        assert mark == {"rollout": "r1", "generation": 1, "ended": []}


def test_apply__nothing_to_change__sends_no_patch(any_way, executor):
    reach(executor, 0.25)
    any_way.patches.clear()
    executor.apply(EDGE, Desired(0.25), key())
    assert any_way.patches == []


def test_apply__somebody_changes_the_object_meanwhile__is_read_anew(any_way, executor):
    left = [2]

    def meddle():
        if left[0]:
            left[0] -= 1
            any_way.touch("stock")

    any_way.before_patch = meddle
    reach(executor, 0.25)
    assert seen(executor) == 0.25


def test_apply__somebody_changes_the_object_each_time__is_an_error_in_the_end(any_way, executor):
    any_way.before_patch = lambda: [any_way.touch(name) for name in WRITTEN[any_way.way]]
    with pytest.raises(ExecutorError, match="each time") as error:
        executor.apply(EDGE, Desired(0.25), key())
    assert not error.value.permanent


def test_apply__newer_call_between_look_and_patch__wins(any_way, executor):
    """An older call that has read the object, and then sleeps while zero is applied."""

    def newer():
        any_way.before_patch = lambda: None
        reach(executor, 0.0, generation=2)

    any_way.before_patch = newer
    with pytest.raises(ExecutorError, match="refused") as error:
        reach(executor, 0.25)
    assert error.value.permanent
    assert (seen(executor, 2), executor.observe(EDGE, key(2)).generation) == (0.0, 2)


def test_apply__rollout_that_was_followed_by_another__is_refused(any_way, executor):
    executor.apply(EDGE, Desired(0.25), key(7, "r1"))
    reach(executor, 0.0, rollout="r2")
    with pytest.raises(ExecutorError, match="another rollout has this target now"):
        executor.apply(EDGE, Desired(0.25), key(8, "r1"))
    assert executor.observe(EDGE, key(1, "r2")).generation == 1
    assert executor.observe(EDGE, key(7, "r1")).generation == 0


def test_apply__without_a_rollout__takes_to_zero_whoever_has_it(any_way, executor):
    """`zero_exposure`, in the hour without a database."""
    reach(executor, 0.25)
    found = executor.observe(EDGE, Key(0, "", "edge", 0))
    assert (found.share, found.generation) == (0.25, 1)
    executor.apply(EDGE, Desired(0.0), Key(0, "", "edge", 2))
    assert executor.observe(EDGE, key(2)).share == 0.0
    assert executor.observe(EDGE, key(2)).generation == 2


def test_zero_exposure__hour_without_a_database__takes_the_target_to_zero(any_way, executor):
    reach(executor, 0.25)
    call_command("zero_exposure")
    assert seen(executor) == 0.0


@pytest.mark.parametrize("annotation", ["", "{}", "[" * 9999, '{"rollout": 1}', "7"])
def test_mark__is_not_ours__is_an_error_and_nothing_is_written(any_way, executor, annotation):
    for name in WRITTEN[any_way.way]:
        any_way.named(name)["metadata"]["annotations"] = {ANNOTATION: annotation}
    for call in (
        lambda: executor.apply(EDGE, Desired(0.25), key()),
        lambda: executor.observe(EDGE, key()),
    ):
        with pytest.raises(ExecutorError, match=r"edge: the annotation .* is not Graygate's"):
            call()
    assert any_way.patches == []


# --- what a cluster refuses ----------------------------------------------------------------------


def test_rbac__forbids_the_patch__is_told_in_the_servers_words_for_good(any_way, executor):
    kind = {"replicas": "deployments", "gateway": "httproutes", "argo": "rollouts"}[any_way.way]
    any_way.forbidden = {("patch", kind)}
    with pytest.raises(ExecutorError, match=f"HTTP 403: {kind} .* is forbidden") as error:
        executor.apply(EDGE, Desired(0.25), key())
    assert error.value.permanent


def test_rbac__forbids_the_stable_side_only__the_canary_goes_down_and_it_is_told(split, executor):
    reach(executor, 0.5)
    split.forbidden = {("patch", "stock")}
    with pytest.raises(ExecutorError, match='"stock" is forbidden'):
        executor.apply(EDGE, Desired(0.0), key(2))
    assert replicas(split) == {"stock": 5, "stock-canary": 0}


@pytest.mark.parametrize(
    ("access", "code"), [({"bearer_token": "other"}, 401), ({"namespace": "elsewhere"}, 404)]
)
def test_server__says_no__is_an_error_and_never_zero(api, settings, executor, access, code):
    settings.OPERATOR = operator({"edge": shop.with_deployments(api) | access})
    with pytest.raises(ExecutorError, match=f"edge: HTTP {code}") as error:
        seen(executor)
    # A token is renewed by others; an object that is not there has to be made.
    assert error.value.permanent == (code == 404)
    assert TOKEN not in str(error.value)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"hello",
        b"[]",
        b"{}",
        b'{"metadata": {"name": "other", "resourceVersion": "1"}}',
        b'{"metadata": {"name": "stock", "resourceVersion": "1"}, "spec": [], "status": {}}',
        b"[" * 100_000,
    ],
)
def test_server__answers_nonsense__is_an_error_and_never_zero(any_way, executor, raw):
    any_way.raw = raw
    with pytest.raises(ExecutorError, match="edge: the answer is not the object"):
        seen(executor)


def test_server__is_gone__says_so_without_the_address(any_way, executor, settings):
    entry = settings.OPERATOR.targets["edge"]
    settings.OPERATOR = operator({"edge": entry | {"server": "http://127.0.0.1:9"}})
    with pytest.raises(ExecutorError, match=r"^edge: \w+$"):
        seen(executor)


def test_server__hangs__is_cut_off(any_way, executor):
    executor.timeout_s = 0.5
    with any_way.lock, pytest.raises(ExecutorError, match=r"edge: (ReadTimeout|no whole answer)"):
        seen(executor)
