"""The wrappers of examples/command, run as they are shipped."""

import os

import pytest
from django.core.management import call_command

from rollout.executors.base import Desired, ExecutorError, Key
from tests.integration.rollout.programs import EXAMPLES, wrapped

__all__ = ["wrapped"]

EDGE = {"target": "edge"}


def key(generation=1, rollout="r1"):
    return Key(2, rollout, "edge", generation)


@pytest.mark.parametrize("example", ["weight.sh", "weight.py"])
@pytest.mark.parametrize(
    ("share", "percent"), [(0.29, 29), (0.999, 99), (0.001, 1), (1.0, 100), (0.0, 0)]
)
def test_example__share__is_rounded_down_to_percents_and_at_least_one(
    wrapped, tmp_path, example, share, percent
):
    executor = wrapped(example)
    executor.apply(EDGE, Desired(share), key())
    assert (tmp_path / "weight").read_text() == f"{percent}\n"
    assert executor.observe(EDGE, key()).share == percent / 100


@pytest.mark.parametrize("example", ["weight.sh", "weight.py"])
def test_example__somebody_else_sets_the_weight__is_observed(wrapped, tmp_path, example):
    executor = wrapped(example)
    (tmp_path / "weight").write_text("42\n")
    assert executor.observe(EDGE, key()).share == 0.42


@pytest.mark.parametrize("example", ["weight.sh", "weight.py"])
@pytest.mark.parametrize("found", ["", "much\n"])
def test_example__weight_cannot_be_read__is_an_error_and_never_zero(
    wrapped, tmp_path, example, found
):
    executor = wrapped(example)
    (tmp_path / "weight").write_text(found)
    with pytest.raises(ExecutorError, match="ended with status 1"):
        executor.observe(EDGE, key())


@pytest.mark.parametrize("example", ["weight.sh", "weight.py"])
def test_example__rehearsed__says_what_it_would_do_and_does_nothing(wrapped, tmp_path, example):
    executor = wrapped(example)
    assert executor.rehearse(EDGE, Desired(0.25), key()) == "set-weight.sh 25"
    assert (tmp_path / "weight").read_text() == "0\n"


def test_example__python__refuses_calls_of_a_rollout_that_ended(wrapped):
    executor = wrapped("weight.py")
    executor.apply(EDGE, Desired(0.5), key(4, "r1"))
    executor.apply(EDGE, Desired(0.0), key(1, "r2"))
    with pytest.raises(ExecutorError, match="refused") as error:
        executor.apply(EDGE, Desired(1.0), key(5, "r1"))
    assert error.value.permanent
    assert executor.observe(EDGE, key(1, "r2")).share == 0.0


def test_examples__can_be_run_as_they_are():
    for name in ("weight.sh", "weight.py", "set-weight.sh", "get-weight.sh"):
        assert os.access(EXAMPLES / name, os.X_OK)


@pytest.mark.parametrize("example", ["weight.sh", "weight.py"])
def test_example__hour_without_a_database__is_taken_to_zero(wrapped, tmp_path, example):
    wrapped(example).apply(EDGE, Desired(0.5), key(3))
    call_command("zero_exposure")
    assert (tmp_path / "weight").read_text() == "0\n"
