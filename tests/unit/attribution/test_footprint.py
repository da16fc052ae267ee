from attribution.attribute_case import read_case
from attribution.footprint import footprint

from .test_attribute import SERVICES, case, whole


def found(*series, targets=("frontend",), onset=40.0, **more):
    return footprint(read_case(case([], list(series), **more)), targets, onset)


def test_footprint__worse_callee__is_the_root_and_its_caller_only_on_the_path():
    shown = found(whole(1, "frontend", after=0.05), whole(2, "checkout", after=0.05))
    assert shown.path == {"frontend", "checkout"}
    assert shown.roots == {"checkout"}


def test_footprint__nothing_below_is_worse__the_symptom_is_the_root():
    shown = found(whole(1, "frontend", after=0.05), whole(2, "checkout"))
    assert (shown.roots, shown.worse("checkout")) == ({"frontend"}, False)


def test_footprint__worse_off_the_path__is_no_root():
    shown = found(whole(1, "catalog"), whole(2, "stock", after=0.05), targets=("catalog",))
    assert shown.worse("stock")
    assert "stock" not in shown.path


def test_footprint__callee_that_reports_nothing__is_seen_by_its_caller():
    shown = found(
        whole(1, "frontend", after=0.05), whole(2, "frontend", after=0.05, peer="catalog")
    )
    assert shown.roots == {"catalog"}
    assert shown.hurts["catalog"].seen_by == "frontend"


def test_footprint__resources__tell_of_no_harm():
    cpu = {**whole(1, "checkout", after=0.5), "metric": "cpu_usage"}
    assert found(cpu).hurts == {}


def test_footprint__more_requests_everywhere__is_told_as_a_log_ratio():
    t = [float(second) for second in range(60)]
    rates = [
        {
            "service": each["name"],
            "metric": "requests_per_second",
            "direction": "either",
            "cohort": "all",
            "t": t,
            "v": [100.0 if at <= 40 else 200.0 for at in t],
        }
        for each in SERVICES
    ]
    assert abs(found(*rates).traffic - 0.693) < 0.01
    assert abs(found(*rates[:1], whole(1, "stock")).traffic - 0.693) < 0.01
