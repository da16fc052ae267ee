import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.executors.weights import (
    GRAIN,
    MOST,
    NoCanaryError,
    Server,
    orders,
    share_shown,
    weights_for,
)

weights = st.integers(0, MOST)
shares = st.one_of(st.floats(0, 1), st.sampled_from([0, 0.01, 0.05, 0.25, 0.29, 0.5, 0.99, 1]))
FEW = {"min_size": 1, "max_size": 4}


def servers(prefix):
    facts = st.lists(st.tuples(weights, weights, st.booleans()), **FEW)
    return facts.map(
        lambda rows: [Server(f"{prefix}{i}", *row) for i, row in enumerate(rows)],
    )


def usable(side):
    return any(server.counts for server in side)


def at(side, new):
    return [Server(s.name, new[s.name], s.initial, s.counts) for s in side]


def steps(canary, stable, new):
    """The share after each single order, and the weight there is to serve with."""
    current = {s.name: s.weight for s in (*canary, *stable)}
    for name, weight in [order for part in orders(canary, stable, new) for order in part]:
        current[name] = weight
        sides = at(canary, current), at(stable, current)
        yield share_shown(*sides), sum(s.weight for side in sides for s in side if s.counts)


@given(servers("c").filter(usable), servers("s").filter(usable), shares)
def test_weights__any_servers_any_share__come_within_the_grain(canary, stable, wanted):
    new = weights_for(canary, stable, wanted)
    assert set(new) == {s.name for s in (*canary, *stable)}
    assert all(0 <= weight <= MOST for weight in new.values())
    reached = share_shown(at(canary, new), at(stable, new))
    assert abs(reached - wanted) <= GRAIN + 1e-9
    one_step = any(new[s.name] for s in canary) and sum(new[s.name] for s in canary) == 1
    assert reached <= wanted + 1e-9 or one_step


@given(servers("c").filter(usable), servers("s").filter(usable))
def test_weights__zero_and_one__are_reached_exactly(canary, stable):
    none, everything = (weights_for(canary, stable, share) for share in (0.0, 1.0))
    assert {none[s.name] for s in canary} == {0}
    assert {everything[s.name] for s in stable} == {0}
    assert share_shown(at(canary, none), at(stable, none)) == 0
    assert share_shown(at(canary, everything), at(stable, everything)) == 1


@given(st.integers(1, 2), st.integers(1, 2), st.floats(0.001, 0.999))
def test_weights__equal_servers__is_the_largest_share_there_is(canaries, stables, wanted):
    canary = [Server(f"c{i}", 0) for i in range(canaries)]
    stable = [Server(f"s{i}", 100) for i in range(stables)]
    new = weights_for(canary, stable, wanted)
    reached = share_shown(at(canary, new), at(stable, new))
    exposed = np.arange(1, MOST * canaries + 1)[:, None]
    possible = exposed / (exposed + np.arange(1, MOST * stables + 1))
    below = possible[possible <= wanted]
    best = below.max() if below.size else possible.min()
    # Above `wanted` by no more than what floats make of a fraction.
    assert best - 1e-12 <= reached <= max(best, wanted + 1e-9)


@given(servers("c").filter(usable), servers("s"), shares)
def test_orders__after_each_step__never_above_the_larger_share_nor_without_servers(
    canary, stable, wanted
):
    new = weights_for(canary, stable, wanted)
    before, after = share_shown(canary, stable), share_shown(at(canary, new), at(stable, new))
    seen = list(steps(canary, stable, new))
    assert all(share <= max(before, after) + 1e-12 for share, _ in seen)
    served = [sum(s.weight for s in (*canary, *stable) if s.counts), *(left for _, left in seen)]
    assert all(served) or not (served[0] and served[-1])


@given(servers("c").filter(usable), servers("s"), shares)
def test_orders__carried_out__are_the_weights_and_then_there_is_nothing_to_do(
    canary, stable, wanted
):
    new = weights_for(canary, stable, wanted)
    lowering, raising = orders(canary, stable, new)
    done = {s.name: s.weight for s in (*canary, *stable)} | dict(lowering) | dict(raising)
    assert done == new
    assert orders(at(canary, new), at(stable, new), new) == ([], [])


def test_weights__stable_servers_of_two_sizes__keep_their_proportion():
    stable = [Server("big", 200, initial=200), Server("small", 100, initial=100)]
    new = weights_for([Server("c0", 0, initial=0)], stable, 0.25)
    assert new == {"c0": 128, "big": 256, "small": 128}


def test_weights__zero__gives_the_configured_weights_back():
    stable = [Server("big", 0, initial=200), Server("spare", 7, initial=0)]
    assert weights_for([Server("c0", 256)], stable, 0.0) == {"c0": 0, "big": 200, "spare": 0}


def test_share__stable_server_dies__rises_and_a_dead_canary_changes_nothing():
    canary = [Server("c0", 50)]
    stable = [Server("s0", 100), Server("s1", 50)]
    assert share_shown(canary, stable) == 0.25
    assert share_shown(canary, [stable[0], Server("s1", 50, counts=False)]) == 50 / 150
    assert share_shown(canary, [Server("s0", 100, counts=False)]) == 1.0


def test_weights__stable_server_away__is_left_out_of_the_sum_and_gets_its_part_for_later():
    stable = [Server("s0", 100, initial=100), Server("s1", 100, initial=100, counts=False)]
    new = weights_for([Server("c0", 50)], stable, 0.2)
    assert new == {"c0": 64, "s0": 256, "s1": 256}


def test_weights__canary_in_maintenance__gets_none_and_no_canary_is_an_error():
    away, here = Server("c0", 10, counts=False), Server("c1", 0)
    assert weights_for([away, here], [Server("s0", 100)], 0.5) == {"c0": 0, "c1": 256, "s0": 256}
    with pytest.raises(NoCanaryError):
        weights_for([away], [Server("s0", 100)], 0.5)
    assert weights_for([away], [Server("s0", 100)], 0.0)["c0"] == 0
