"""In whatever order calls come, the target ends where the newest said."""

import contextlib

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as looked_at
from hypothesis import strategies as st

from controlplane.environment import OperatorFile
from rollout.executors.base import Desired, ExecutorError
from rollout.executors.kubernetes.executor import KubernetesExecutor
from tests.integration.rollout.cluster.fixtures import (
    EDGE,
    WAYS,
    api,
    argo,
    executor,
    key,
    reach,
)
from tests.integration.rollout.cluster.server import cluster

__all__ = ["api", "argo", "executor"]


SHARES = {"replicas": (0.0, 0.1, 0.5, 1.0), "gateway": (0.0, 0.1, 0.5, 1.0), "argo": (0.0, 0.25)}
calls = st.lists(
    st.tuples(st.integers(1, 5), st.integers(0, 3), st.booleans()), min_size=1, max_size=8
)


@pytest.mark.parametrize("way", sorted(WAYS))
@looked_at(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(calls=calls)
def test_fencing__calls_in_any_order_one_inside_the_other__end_at_the_highest_generation(
    settings, way, calls
):
    """A generation stands for one share. Some calls are overtaken by the next between their look
    and their patch; the loop then sends the newest again.
    """
    executor = KubernetesExecutor()
    with cluster() as made:
        settings.OPERATOR = OperatorFile(targets={"edge": WAYS[way](made)})
        share = {}
        pending = list(calls)

        def one():
            if not pending:
                return
            generation, choice, overtaken = pending.pop(0)
            shares = SHARES[way]
            share.setdefault(generation, shares[choice % len(shares)])
            made.before_patch = one if overtaken else lambda: None
            # An older one is refused; nothing else is looked for here.
            with contextlib.suppress(ExecutorError):
                executor.apply(EDGE, Desired(share[generation]), key(generation))

        while pending:
            one()
        made.before_patch = lambda: None
        newest = max(share)
        reach(executor, share[newest], newest)
        for generation in share:
            if generation < newest:
                with pytest.raises(ExecutorError, match="refused"):
                    executor.apply(EDGE, Desired(1.0), key(generation))
        found = executor.observe(EDGE, key(newest))
        assert (found.share, found.generation) == (share[newest], newest)
