import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attribution.attribute import attribute
from attribution.errors import CaseError
from attribution.ways import TOLD, Way
from rollout.standing import CULPRIT_PROBABILITY

SERVICES = [
    {"name": "frontend", "calls": ["catalog", "checkout"]},
    {"name": "catalog", "calls": []},
    {"name": "checkout", "calls": ["stock"]},
    {"name": "stock", "calls": []},
]


def shares(rng, rate, share, length=60):
    n = rng.poisson(rate, length)
    v = [float(rng.binomial(a, share)) / a if a else None for a in n]
    return {"t": [float(second) for second in range(length)], "v": v, "n": [int(a) for a in n]}


def cohorts(seed, change, service, canary, control=0.002, begins=40, **more):
    """Canary and control of one change; the canary reports nothing before its exposure."""
    rng = np.random.default_rng(seed)
    series = {"service": service, "metric": "errors", "direction": "increase", **more}
    if change:
        series["change"] = change
    exposed = shares(rng, 20, canary)
    exposed["v"] = [
        v if t > begins else None for t, v in zip(exposed["t"], exposed["v"], strict=True)
    ]
    return [
        {**series, "cohort": "canary", **exposed},
        {**series, "cohort": "control", **shares(rng, 60, control)},
    ]


def whole(seed, service, before=0.002, after=0.002, at=40, **more):
    rng = np.random.default_rng(seed)
    points = shares(rng, 80, before)
    worse = shares(rng, 80, after)
    v = [b if t > at else a for t, a, b in zip(points["t"], points["v"], worse["v"], strict=True)]
    return {
        "service": service,
        "metric": "errors",
        "direction": "increase",
        "cohort": "all",
        "t": points["t"],
        "v": v,
        **more,
    }


def change(name, service, at=40.0, *steps):
    exposures = [{"at": at, "share": 0.25}, *({"at": a, "share": s} for a, s in steps)]
    return {"id": name, "service": service, "exposures": exposures}


def case(changes, series, **more):
    return {
        "id": "a",
        "detected_at": 55,
        "services": SERVICES,
        "changes": changes,
        "series": series,
        **more,
    }


def sentences(suspect):
    return "; ".join(each["summary"] for each in suspect["evidence"])


def strongest(suspect):
    return max(suspect["evidence"], key=lambda each: each["weight"])


def by_change(answer):
    return {suspect["change"]: suspect for suspect in answer["suspects"]}


BAD_CHECKOUT = [
    *cohorts(1, "bad", "checkout", canary=0.08),
    *cohorts(2, "good", "catalog", canary=0.002),
    whole(3, "frontend", after=0.03),
]
TWO = [change("good", "catalog"), change("bad", "checkout")]


def test_attribute__canary_worse_than_control__is_named_with_a_sentence():
    answer = attribute(case(TWO, BAD_CHECKOUT))
    first = answer["suspects"][0]
    assert first["change"] == "bad"
    assert first["probability"] > 0.9
    assert any("canary" in e["summary"] and "against" in e["summary"] for e in first["evidence"])


def test_attribute__no_change_at_all__is_none_of_them_and_still_localised():
    answer = attribute(case([], BAD_CHECKOUT))
    assert answer["suspects"] == []
    assert answer["none_of_them"] == pytest.approx(1.0)
    assert answer["localized"]


def test_attribute__canary_no_worse_than_control__is_not_sure_enough_to_be_taken_back():
    """It is the only change, and its caller fails since it began; yet its canary is clean."""
    series = [*cohorts(1, "c", "checkout", canary=0.002), whole(3, "frontend", after=0.03)]
    suspect = by_change(attribute(case([change("c", "checkout")], series)))["c"]
    assert suspect["probability"] < CULPRIT_PROBABILITY
    assert "canary is no worse than control" in sentences(suspect)


def test_attribute__control_hit_as_much_as_canary__is_not_what_its_canary_does():
    rng = np.random.default_rng(6)
    series = cohorts(1, "c", "checkout", canary=0.08)
    worse = shares(rng, 60, 0.08)["v"]
    control = series[1]
    control["v"] = [
        w if t > 40 else v for t, v, w in zip(control["t"], control["v"], worse, strict=True)
    ]
    suspect = by_change(attribute(case([change("c", "checkout")], series)))["c"]
    assert "control is hit as much" in sentences(suspect)
    assert suspect["how"] != TOLD[Way.CANARY]


def test_attribute__silent_canary__is_blamed():
    series = cohorts(1, "c", "checkout", canary=0.002, begins=1000)
    answer = attribute(case([change("c", "checkout")], series))
    suspect = by_change(answer)["c"]
    assert suspect["probability"] > 0.9
    assert strongest(suspect)["kind"] == "silence"


def test_attribute__culprit_reports_nothing_itself__its_callers_tell():
    series = [
        *cohorts(1, None, "frontend", canary=0.08, peer="checkout"),
        *cohorts(2, None, "frontend", canary=0.002, peer="catalog"),
        whole(3, "frontend", after=0.03),
    ]
    assert attribute(case(TWO, series))["suspects"][0]["change"] == "bad"


def test_attribute__callers_error__belongs_to_the_changed_callee():
    series = [
        *cohorts(1, "upper", "checkout", canary=0.05),
        *cohorts(2, "lower", "stock", canary=0.2),
        whole(3, "frontend", after=0.03),
    ]
    changes = [change("upper", "checkout"), change("lower", "stock")]
    answer = attribute(case(changes, series))
    assert answer["suspects"][0]["change"] == "lower"
    upper = by_change(answer)["upper"]
    assert any(e["kind"] == "explained_by_callee" for e in upper["evidence"])


def test_attribute__anomaly_began_before_the_exposure__is_a_veto():
    series = [whole(3, "checkout", after=0.2, at=15)]
    suspect = by_change(attribute(case([change("late", "checkout", 45.0)], series)))["late"]
    assert any("before the first exposure" in veto for veto in suspect["vetoes"])
    assert suspect["probability"] < 0.05


@pytest.mark.parametrize(
    ("late", "word"),
    [
        (change("c", "checkout", 56.0), "after the anomaly was detected"),
        ({"id": "c", "service": "checkout", "exposures": []}, "never exposed"),
        (change("c", "checkout", -900.0, (-800.0, 0.0)), "exposure ended"),
    ],
)
def test_attribute__not_exposed_when_it_began__is_a_veto(late, word):
    suspect = by_change(attribute(case([late], [whole(3, "frontend", after=0.2)])))["c"]
    assert any(word in veto for veto in suspect["vetoes"])


def test_attribute__service_off_the_call_path__is_unlikely():
    series = [whole(3, "checkout", after=0.2)]
    changes = [change("near", "stock"), change("far", "catalog")]
    found = by_change(attribute(case(changes, series, symptom={"service": "checkout"})))
    assert found["near"]["probability"] > 10 * found["far"]["probability"]


def test_attribute__nothing_to_tell_them_apart__is_a_tie_not_the_first_in_the_input():
    same = [change("a", "catalog"), change("b", "catalog")]
    for changes in (same, same[::-1]):
        found = by_change(attribute(case(changes, [whole(3, "frontend", after=0.2)])))
        assert found["a"]["probability"] == pytest.approx(found["b"]["probability"])


def test_attribute__points_after_now__are_not_used():
    early = attribute(case(TWO, BAD_CHECKOUT, now=41))
    assert by_change(early)["bad"]["probability"] < 0.9


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32))
def test_attribute__shuffled_input__gives_the_same_answer(seed):
    rng = random.Random(seed)  # noqa: S311 - an order, not a secret
    parts = {"changes": list(TWO), "series": list(BAD_CHECKOUT), "services": list(SERVICES)}
    for part in parts.values():
        rng.shuffle(part)
    assert attribute({**case([], []), **parts}) == attribute(case(TWO, BAD_CHECKOUT))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([s["name"] for s in SERVICES]), st.floats(0, 100), st.floats(0, 1)
        ),
        max_size=6,
    )
)
def test_attribute__any_changes__probabilities_sum_to_one(rows):
    changes = [
        {"id": str(i), "service": name, "exposures": [{"at": at, "share": share}]}
        for i, (name, at, share) in enumerate(rows)
    ]
    answer = attribute(case(changes, BAD_CHECKOUT))
    total = answer["none_of_them"] + sum(s["probability"] for s in answer["suspects"])
    assert total == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"detected_at": "now"}, "/detected_at"),
        ({"services": [{"calls": []}]}, "/services/0/name"),
        ({"services": [{"name": "a", "calls": [1]}]}, "/services/0/calls/0"),
        ({"changes": [change("a", "b"), change("a", "b")]}, "/changes/1/id"),
        ({"changes": [change("a", "b", 1.0, (2.0, 1.5))]}, "/changes/0/exposures/1/share"),
        ({"series": [{**whole(1, "a"), "v": [1]}]}, "/series/0/v"),
        ({"series": [{**whole(1, "a"), "cohort": "x"}]}, "/series/0/cohort"),
        ({"series": [{**whole(1, "a"), "t": [2, 1], "v": [1, 1]}]}, "/series/0/t/1"),
    ],
)
def test_attribute__unreadable_case__names_the_place(wrong, pointer):
    with pytest.raises(CaseError) as problem:
        attribute({**case(TWO, BAD_CHECKOUT), **wrong})
    assert problem.value.pointer == pointer


def test_attribute__localized__walks_to_the_deepest_anomalous_callee():
    series = [
        whole(seed, name, after=after)
        for seed, name, after in (
            (1, "frontend", 0.1),
            (2, "checkout", 0.1),
            (3, "stock", 0.1),
            (4, "catalog", 0.002),
        )
    ]
    answer = attribute(case([], series, symptom={"service": "frontend"}))
    assert answer["localized"][0]["service"] == "stock"


def after_an_earlier_incident():
    """stock was bad at 40..70 s and taken back at 75 s; catalog is bad since 150 s."""
    rng = np.random.default_rng(5)

    def over(share_at, rate):
        shares_ = [share_at(second) for second in range(200)]
        n = [int(a) for a in rng.poisson(rate, 200)]
        v = [
            float(rng.binomial(a, s)) / a if a and s is not None else None
            for a, s in zip(n, shares_, strict=True)
        ]
        return {"t": [float(second) for second in range(200)], "v": v, "n": n}

    def canary(begins, ends, bad):
        return lambda at: bad if begins < at <= ends else None

    def pair(name, service, exposed):
        base = {"service": service, "metric": "errors", "direction": "increase", "change": name}
        return [
            {**base, "cohort": "canary", **over(exposed, 20)},
            {**base, "cohort": "control", **over(lambda _at: 0.002, 60)},
        ]

    everybody = {"service": "frontend", "metric": "errors", "direction": "increase"}
    bad = lambda at: 0.05 if 40 < at <= 75 else 0.08 if at > 150 else 0.002  # noqa: E731
    return {
        "id": "x",
        "detected_at": 165.0,
        "interval_s": 1.0,
        "symptom": {"service": "frontend"},
        "services": SERVICES,
        "changes": [
            change("stock", "stock", 40.0, (75.0, 0.0)),
            change("catalog", "catalog", 150.0),
        ],
        "series": [
            {**everybody, "cohort": "all", **over(bad, 80)},
            *pair("stock", "stock", canary(40, 75, 0.2)),
            *pair("catalog", "catalog", canary(150, 200, 0.3)),
        ],
    }


def test_attribute__earlier_incident_was_taken_back__the_new_culprit_leads():
    answer = attribute(after_an_earlier_incident())
    first, second = answer["suspects"]
    assert (first["change"], first["vetoes"]) == ("catalog", [])
    assert first["probability"] > 0.8
    assert any("exposure ended" in veto for veto in second["vetoes"])


@pytest.mark.parametrize("begins", [-1, 40])
def test_attribute__older_change_is_everywhere__the_canary_speaks_of_the_newer_one(begins):
    """One after the other was the service's canary; with 40 it was silent between the two."""
    older = change("older", "stock", 0.0, (10.0, 0.5), (20.0, 1.0))
    series = cohorts(1, None, "stock", 0.3, begins=begins)
    healthy = cohorts(2, None, "stock", 0.002, begins=-1)[0]
    series[0]["v"][:20] = healthy["v"][:20]
    answer = attribute(
        case([older, change("newer", "stock")], series, symptom={"service": "stock"})
        | {"detected_at": 45.0}
    )
    first = answer["suspects"][0]
    assert first["change"] == "newer"
    assert first["probability"] > 0.9


def incomplete_case(*sentences):
    return {
        "id": 1,
        "detected_at": 50.0,
        "services": SERVICES,
        "changes": [change("far", "stock", 45.0)],
        "series": [whole(1, "frontend"), whole(2, "stock")],
        "symptom": {"service": "catalog"},
        "incomplete": list(sentences),
    }


def test_attribute__evidence_known_to_be_missing__makes_absence_count_half():
    full, cut = (attribute(incomplete_case(*each)) for each in ((), ("2 alerts were cut off",)))
    assert (full["incomplete"], cut["incomplete"]) == ([], ["2 alerts were cut off"])
    weights = [
        {piece["kind"]: piece["weight"] for piece in answer["suspects"][0]["evidence"]}
        for answer in (full, cut)
    ]
    assert weights[1]["call_graph"] == pytest.approx(weights[0]["call_graph"] / 2, abs=1e-6)
    assert weights[0]["call_graph"] < 0
    assert cut["none_of_them"] < full["none_of_them"]


def test_attribute__incomplete_is_no_list_of_sentences__names_the_place():
    with pytest.raises(CaseError) as problem:
        attribute(incomplete_case("fine", 3))
    assert problem.value.pointer == "/incomplete/1"


def test_attribute__first_look_at_a_canary_beside_its_control__is_not_yet_sure_of_anybody():
    """The caller's trouble shows before its cohorts can be compared: nobody is named by time and
    calls alone while a few intervals will tell.
    """
    t = [float(5 * i) for i in range(40)]
    began = 186.0
    reports = [at > began for at in t]

    def cohort(name, v):
        return {
            "service": "checkout",
            "metric": "server_errors",
            "direction": "increase",
            "cohort": name,
            "t": t,
            "v": v,
            "n": [100.0 if value is not None else 0.0 for value in v],
        }

    late = [0.3 if at >= 190 else 0.0 for at in t]
    case = {
        "id": "a",
        "detected_at": 195.0,
        "services": [
            {"name": "frontend", "calls": ["checkout"]},
            {"name": "checkout", "calls": []},
        ],
        "changes": [
            {"id": "c", "service": "checkout", "exposures": [{"at": began, "share": 0.33}]}
        ],
        "series": [
            cohort("canary", [v if r else None for v, r in zip(late, reports, strict=True)]),
            cohort("control", late),
            cohort("all", late),
            {**cohort("all", late), "service": "frontend", "peer": "checkout"},
        ],
    }
    (suspect,) = attribute(case)["suspects"]
    assert suspect["probability"] < 0.8
    assert "hardly reported yet" in " ".join(e["summary"] for e in suspect["evidence"])


@pytest.mark.filterwarnings("error")
def test_attribute__service_silent_since_two_reads_before_the_detection__has_no_shift_of_its_own():
    silent = whole(2, "checkout")
    silent["v"] = [v if t <= 53 else None for t, v in zip(silent["t"], silent["v"], strict=True)]
    answer = attribute(
        case(TWO, [whole(1, "frontend", after=0.03), silent], symptom={"service": "frontend"})
    )
    assert "checkout" not in {each["service"] for each in answer["localized"]}
