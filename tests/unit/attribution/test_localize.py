"""A shop: web calls cart, pay and mail; cart and pay call store. One incident a test."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribution.localize import localize

CALLS = {
    "web": ["cart", "mail", "pay"],
    "cart": ["store"],
    "pay": ["store"],
    "store": [],
    "mail": [],
}
MINUTES = 20
AT = 60.0 * 15 - 10  # between two reads


def series(service, metric, usual, now, direction="increase", **more):
    """A point a minute: `usual`, give or take 2%, and `now` from the detection on."""
    times = [60.0 * minute for minute in range(1, MINUTES)]
    wobble = [0.98, 1.0, 1.02, 1.0]
    values = [now if t > AT else usual * wobble[int(t / 60) % 4] for t in times]
    return {
        "service": service,
        "metric": metric,
        "direction": direction,
        "cohort": "all",
        "t": times,
        "v": values,
        **more,
    }


def latencies(**now):
    """Every service answers in 0.1 s, ten times a second, unless said otherwise."""
    return [
        each
        for service in CALLS
        for each in (
            series(service, "latency_average", 0.1, now.get(service, 0.1)),
            series(service, "requests_per_second", 10.0, 10.0, "either"),
        )
    ]


def case(shown, **more):
    services = [{"name": name, "calls": calls} for name, calls in CALLS.items()]
    return {"id": 1, "detected_at": AT, "services": services, "changes": [], "series": shown} | more


def ranked(shown, **more):
    return [each["service"] for each in localize(case(shown, **more))]


def scores(shown, **more):
    return {each["service"]: each["score"] for each in localize(case(shown, **more))}


SLOW_WEB = {"symptom": {"service": "web", "metric": "latency"}}


@pytest.mark.parametrize("known", [SLOW_WEB, {}])
def test_localize__all_wait_for_the_one_below__it_comes_first_and_who_waits_is_explained(known):
    found = scores(latencies(web=0.4, cart=0.4, store=0.4), **known)
    assert max(found, key=found.get) == "store"
    assert found["store"] >= 2
    assert found.get("web", 0.0) < 2


@pytest.mark.parametrize("known", [SLOW_WEB, {}])
def test_localize__callee_explains_a_little_of_it__who_brings_in_the_rest_comes_first(known):
    assert ranked(latencies(web=0.9, store=0.2), **known)[0] == "web"


def test_localize__nothing_moved__nobody_hurts():
    assert all(score < 2 for score in scores(latencies(), **SLOW_WEB).values())


def test_localize__hurts_but_not_below_the_symptom__scores_less_than_below_it():
    shown = latencies(web=0.4, cart=0.4, pay=0.4)
    below = scores(shown, **SLOW_WEB)
    beside = scores(shown, symptom={"service": "cart", "metric": "latency"})
    assert beside["pay"] < below["pay"]


def test_localize__callee_far_slower_than_its_caller_suffers__is_not_waited_for():
    assert ranked(latencies(web=0.2, cart=0.19, mail=3.0), **SLOW_WEB)[0] == "cart"


def test_localize__callee_as_slow_as_its_caller_suffers__is_waited_for():
    assert ranked(latencies(web=3.1, cart=0.19, mail=3.0), **SLOW_WEB)[0] == "mail"


def test_localize__dead_callee_says_nothing__is_found_by_what_its_callers_count():
    failing = [
        series(service, "errors", 0.001, now, n=[600] * (MINUTES - 1))
        for service, now in (("web", 0.3), ("cart", 0.3), ("pay", 0.001))
    ]
    calling = series("cart", "errors_calling", 0.001, 0.3, peer="store", n=[600] * (MINUTES - 1))
    found = ranked([*failing, calling], symptom={"service": "web", "metric": "errors"})
    assert found[0] == "store"


def test_localize__other_metric_than_the_one_noticed__is_not_followed():
    failing = series("pay", "availability_average", 100.0, 20.0, "decrease")
    assert ranked([*latencies(web=0.4, cart=0.4), failing], **SLOW_WEB)[0] == "cart"


def test_localize__share_near_one_hardly_falls__is_seen():
    shown = [
        series("web", "availability_average", 100.0, 99.0, "decrease"),
        series("pay", "availability_average", 100.0, 98.0, "decrease"),
        *(series(name, "requests_per_second", 10.0, 10.0, "either") for name in ("web", "pay")),
    ]
    assert ranked(shown, symptom={"service": "web", "metric": "availability"})[0] == "pay"


def test_localize__only_callers_wait_for_a_silent_service__it_comes_first():
    """The network on the way to `store`: it answers at once as far as it knows itself."""
    waits = [
        series(name, "client_latency_p95_seconds", 0.1, 0.6 if name in ("cart", "pay") else 0.1)
        for name in ("web", "cart", "pay")
    ]
    assert ranked([*latencies(), *waits])[0] == "store"


def test_localize__few_milliseconds_more_beside_seconds__explain_nothing():
    assert ranked(latencies(web=9.0, mail=0.101))[0] == "web"


def test_localize__processor_alone_moved__is_named_where_nobody_noticed_anything():
    found = localize(case([*latencies(), series("pay", "cpu_millicores", 100, 900, "either")]))
    assert (found[0]["service"], found[0]["metric"]) == ("pay", "cpu_millicores")


@given(st.randoms(use_true_random=False))
def test_localize__series_in_any_order__same_answer(order):
    shown = latencies(web=0.4, cart=0.4, store=0.4)
    shuffled = list(shown)
    order.shuffle(shuffled)
    assert localize(case(shuffled, **SLOW_WEB)) == localize(case(shown, **SLOW_WEB))


def test_localize__gaps_and_one_point__are_no_shift():
    shown = latencies(web=0.4)
    shown[0]["v"] = [
        None if t <= AT else v for t, v in zip(shown[0]["t"], shown[0]["v"], strict=True)
    ]
    assert scores(shown).get("web", 0.0) < 2


def of_units(**now):
    """Latency of store's three units."""
    return [
        series("store", "latency_average", 0.1, now.get(unit, 0.1), unit=unit)
        for unit in ("u1", "u2", "u3")
    ]


def test_localize__one_unit_alone_is_slow__is_named():
    shown = [*latencies(web=0.2, cart=0.2, store=0.2), *of_units(u2=0.4)]
    first = localize(case(shown, **SLOW_WEB))[0]
    assert (first["service"], first["unit"]) == ("store", "u2")


def test_localize__all_units_are_slow__none_is_named():
    shown = [*latencies(web=0.4, cart=0.4, store=0.4), *of_units(u1=0.4, u2=0.4, u3=0.4)]
    assert "unit" not in localize(case(shown, **SLOW_WEB))[0]


def test_localize__units_do_not_weigh_beside_the_whole__same_ranking():
    shown = latencies(web=0.4, cart=0.4, store=0.4)
    with_units = ranked([*shown, *of_units(u2=2.0)], **SLOW_WEB)
    assert with_units == ranked(shown, **SLOW_WEB)
