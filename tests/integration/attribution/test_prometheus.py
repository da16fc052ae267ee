"""The source against real servers: each test against Prometheus and against VictoriaMetrics.

Two real targets, `a` the canary and `b` the control, whose pages the test writes; each test has
metrics of its own name.
"""

import itertools

import pytest

from attribution.sources.base import SourceError
from attribution.sources.prometheus import PrometheusSource
from controlplane.environment import OperatorFile
from tests.integration.attribution.instance import Instance
from tests.integration.attribution.monitoring import KINDS, PATIENCE_S, Gateway, Monitor
from tests.integration.attribution.protobuf import NATIVE, native_histogram
from tests.parts import wait_until

COHORTS = {"canary": 'track="canary"', "control": 'track="old"', "all": ""}
NAMES = (f"requests{number}_total" for number in itertools.count())


@pytest.fixture(scope="module", params=KINDS)
def site(request, tmp_path_factory):
    a, b = Instance(), Instance()
    monitor = Monitor(request.param, tmp_path_factory.mktemp(request.param), [a.url, b.url])
    with monitor.process:
        yield monitor, a, b
    a.close()
    b.close()


@pytest.fixture
def shop(site, settings):
    monitor, a, b = site
    for target in (a, b):
        target.page, target.status = "", 200
    gateway = Gateway(monitor.url)
    settings.GRAYGATE_INTERVAL_S = 20.0
    settings.OPERATOR = OperatorFile(sources={"main": {"url": gateway.url}})
    yield Shop(monitor, gateway, a, b)
    gateway.close()


class Shop:
    def __init__(self, monitor: Monitor, gateway: Gateway, canary: Instance, control: Instance):
        self.monitor, self.gateway = monitor, gateway
        self.canary, self.control = canary, control
        self.name = next(NAMES)
        self.state: dict = {}
        self.source = PrometheusSource()

    def counts(self, canary: dict, control: dict) -> None:
        """code -> requests so far; waits until the server shows them all."""
        self.canary.page = self.page("canary", canary)
        self.control.page = self.page("old", control)
        self.shows({**{("canary", c): n for c, n in canary.items()}}, control)

    def shows(self, canary: dict, control: dict) -> None:
        self.monitor.shows(f"{self.name}", *canary.values(), *control.values())

    def page(self, track: str, counts: dict) -> str:
        lines = [f"# TYPE {self.name} counter"]
        lines += [
            f'{self.name}{{track="{track}",code="{code}"}} {count}'
            for code, count in counts.items()
        ]
        return "\n".join(lines) + "\n"

    def queries(self, events: str = "", total: str = "", metric: str = "errors") -> dict[str, str]:
        asked = {
            "events": events or f'{self.name}{{code=~"5..",$cohort}}',
            "total": total or f"{self.name}{{$cohort}}",
        }
        return {
            f"{metric}|{cohort}|{part}": query.replace("$cohort", matchers)
            for cohort, matchers in COHORTS.items()
            for part, query in asked.items()
        }

    def read(self, queries: dict[str, str] | None = None):
        found = self.source.read({"server": "main"}, queries or self.queries(), self.state)
        self.state = found.state
        return found

    def pairs(self, queries: dict[str, str] | None = None, metric: str = "errors") -> dict:
        told = self.read(queries).increments
        return {
            cohort: (told[f"{metric}|{cohort}|events"], told[f"{metric}|{cohort}|total"])
            for cohort in COHORTS
        }


def test_read__second_time__is_what_the_targets_counted(shop):
    shop.counts({"200": 100, "500": 3}, {"200": 70_000, "500": 9})
    assert set(shop.pairs().values()) == {(None, None)}
    shop.counts({"200": 117, "500": 4}, {"200": 70_060, "500": 9})
    assert shop.pairs() == {"canary": (1, 18), "control": (0, 60), "all": (1, 78)}


def test_read__first_error_of_all__counts_from_zero(shop):
    shop.counts({"200": 100}, {"200": 1000})
    shop.read()
    shop.counts({"200": 117, "500": 3}, {"200": 1060})
    assert shop.pairs() == {"canary": (3, 20), "control": (0, 60), "all": (3, 80)}


def test_read__canary_restarted__is_unknown_once(shop):
    shop.counts({"200": 100, "500": 3}, {"200": 1000})
    shop.read()
    shop.counts({"200": 5, "500": 4}, {"200": 1060})
    assert shop.pairs() == {"canary": (None, None), "control": (None, 60), "all": (0, 60)} | {
        "canary": (0, None),
        "control": (0, 60),
    }
    shop.counts({"200": 8, "500": 5}, {"200": 1100})
    assert shop.pairs()["canary"] == (1, 4)


def test_read__label_of_the_canary_vanished__it_is_silent_and_the_control_counts(shop):
    shop.counts({"200": 100}, {"200": 1000})
    shop.read()
    shop.canary.page = f'{shop.name}{{code="200"}} 120\n'
    shop.control.page = shop.page("old", {"200": 1060})
    shop.monitor.shows(shop.name, 120, 1060)
    told = shop.pairs()
    assert told["canary"][1] is None
    assert told["control"] == (0, 60)


def test_read__canary_does_not_answer__is_silent_and_counted_on_its_return(shop):
    shop.counts({"200": 100}, {"200": 1000})
    shop.read()
    shop.canary.page, shop.canary.status = "overloaded\n", 500
    shop.control.page = shop.page("old", {"200": 1060})
    shop.monitor.shows(shop.name, 1060)
    found = shop.read()
    assert found.increments["errors|canary|total"] is None
    assert found.increments["errors|control|total"] == 60
    assert [name.partition("/")[0] for name in found.silent] == ["shop"]
    shop.canary.status = 200
    shop.counts({"200": 190}, {"200": 1100})
    assert shop.pairs()["canary"] == (0, 90)


@pytest.mark.parametrize(
    ("matchers", "events"),
    [('code=~"5.."', 0), ('statuss=~"5.."', None), ('code=~"5..",zone="x"', None)],
)
def test_read__no_series_of_events__is_zero_only_where_the_labels_exist(shop, matchers, events):
    queries = shop.queries(events=f"{shop.name}{{{matchers},$cohort}}")
    shop.counts({"200": 100}, {"200": 1000})
    shop.read(queries)
    shop.counts({"200": 120}, {"200": 1060})
    assert shop.pairs(queries) == {
        "canary": (events, 20),
        "control": (events, 60),
        "all": (events, 80),
    }


@pytest.mark.parametrize(
    ("matchers", "events"), [('kind="deadlock"', 0), ('kind="deadlock",zone="x"', None)]
)
def test_read__events_of_another_name__are_zero_where_that_name_has_the_labels(
    shop, matchers, events
):
    def page(track: str, count: int) -> str:
        other = f'{shop.name}_faults{{track="{track}",kind="time-out"}} 3\n'
        return shop.page(track, {"200": count}) + other

    queries = shop.queries(events=f"{shop.name}_faults{{{matchers},$cohort}}")
    for canary, control in ((100, 1000), (120, 1060)):
        shop.canary.page, shop.control.page = page("canary", canary), page("old", control)
        shop.monitor.shows(shop.name, canary, control)
        told = shop.pairs(queries)
    assert told == {"canary": (events, 20), "control": (events, 60), "all": (events, 80)}


def test_read__bucket__is_found_however_the_server_writes_its_bound(shop):
    def page(track: str, fast: int, count: int) -> str:
        return "".join(
            f'{shop.name}_bucket{{track="{track}",le="{le}"}} {number}\n'
            for le, number in (("1.0", fast), ("2.5", count), ("+Inf", count))
        )

    name = f"{shop.name}_bucket"
    ratio = shop.queries(f'{name}{{le="1",$cohort}}', f'{name}{{le="+Inf",$cohort}}')
    spread = {f"time|canary|{'distribution'}": f'{name}{{track="canary"}}'}
    for fast, count in ((10, 20), (13, 27)):
        shop.canary.page, shop.control.page = page("canary", fast, count), page("old", fast, count)
        shop.monitor.shows(f'{name}{{le="1.0"}}', fast, fast)
        found = shop.read(ratio | spread)
    assert found.increments["errors|canary|events"] == 3
    assert found.increments["errors|canary|total"] == 7
    assert found.values == {"time|canary|distribution": {"bounds": [1.0, 2.5], "counts": [3, 4, 0]}}


def test_read__expression_of_the_interval__is_its_sum(shop):
    window = "[$interval]"
    events = f'sum by (code) (increase({shop.name}{{code=~"5..",$cohort}}{window}))'
    queries = shop.queries(events, f"sum(increase({shop.name}{{$cohort}}{window}))")
    shop.counts({"200": 100, "500": 0}, {"200": 1000, "500": 0})
    shop.counts({"200": 120, "500": 10}, {"200": 1100, "500": 0})
    told = shop.pairs(queries)
    assert 0 < told["canary"][0] < told["canary"][1]
    assert told["control"][0] == 0
    assert told["all"][1] == pytest.approx(told["canary"][1] + told["control"][1], rel=0.2)


def test_read__value__is_the_mean_of_the_series_as_it_stands(shop):
    depth = f"{shop.name}_depth"
    shop.canary.page = f'{depth}{{track="canary",q="a"}} -4\n{depth}{{track="canary",q="b"}} 10\n'
    shop.monitor.shows(depth, -4, 10)
    queries = {
        "depth|canary|value": f'{depth}{{track="canary"}}',
        "most|canary|value": f'max({depth}{{track="canary"}})',
        "depth|control|value": f'{depth}{{track="old"}}',
    }
    assert shop.read(queries).values == {
        "depth|canary|value": 3,
        "most|canary|value": 10,
        "depth|control|value": None,
    }


def test_read__one_bad_expression__is_named_and_costs_the_others_nothing(shop):
    bad = shop.queries(
        "sum(no_such_function(x{$cohort}[$interval]))", "sum(x{$cohort}[$interval])", "bad"
    )
    queries = bad | shop.queries()
    shop.counts({"200": 100}, {"200": 1000})
    shop.read(queries)
    shop.counts({"200": 120}, {"200": 1060})
    shop.gateway.queries.clear()
    found = shop.read(queries)
    assert found.increments["errors|canary|total"] == 20
    assert found.increments["bad|canary|total"] is None
    assert "bad|canary|events" in " ".join(found.warnings)
    assert len(shop.gateway.queries) == 1


def test_read__one_query_of_a_metric_refused__makes_no_cohort_of_it_silent(shop):
    queries = shop.queries()
    queries["errors|canary|events"] = "sum(no_such_function(x[10s]))"
    shop.counts({"200": 100}, {"200": 1000})
    shop.read(queries)
    shop.counts({"200": 120}, {"200": 1060})
    assert set(shop.pairs(queries).values()) == {(None, None)}


def test_read__expression_that_would_answer_for_another__speaks_for_itself_only(shop):
    queries = shop.queries()
    greedy = 'label_replace(vector(666), "graygate_key", "0.0", "", "")'
    queries["greedy|all|total"] = f"sum by (graygate_key) ({greedy})"
    queries["breaks out|all|total"] = 'vector(1)),"graygate_key","0.0","","") or (vector(666)'
    shop.counts({"200": 100}, {"200": 1000})
    shop.read(queries)
    shop.counts({"200": 120}, {"200": 1060})
    found = shop.read(queries)
    assert found.increments["errors|canary|total"] == 20
    assert found.increments["greedy|all|total"] == 666
    assert found.increments["breaks out|all|total"] is None
    assert any("closes nothing" in text for text in found.warnings)


def test_read__nothing_that_was_asked_for_exists__is_an_error(shop):
    with pytest.raises(SourceError, match="no series for any query"):
        shop.read(shop.queries("nothing_total{$cohort}", "nothing_total{$cohort}"))


def test_read__partial_answer__is_as_good_as_none(shop):
    """What a Thanos says of a store that did not answer is put into the real answer."""
    shop.counts({"200": 100}, {"200": 1000})
    shop.read()
    shop.gateway.change = lambda body: body.update(warnings=["store-2 did not answer"])
    with pytest.raises(SourceError, match="store-2 did not answer"):
        shop.read()
    shop.gateway.change = lambda body: body.update(isPartial=True)
    with pytest.raises(SourceError, match="partial"):
        shop.read()


def test_read__remark_of_the_server__is_carried_along(shop):
    shop.counts({"200": 100}, {"200": 1000})
    shop.gateway.change = lambda body: body.update(infos=["PromQL info: seen"])
    assert shop.read().warnings == ["PromQL info: seen"]


def test_read__server_is_busy_once__is_asked_again(shop):
    shop.counts({"200": 100}, {"200": 1000})
    shop.gateway.status = [503]
    assert shop.read().state["instances"]
    assert len(shop.gateway.queries) == 2


def test_read__server_is_busy_for_longer__is_an_error(shop):
    shop.gateway.status = [503, 503]
    with pytest.raises(SourceError, match="status 503"):
        shop.read()


def test_read__redirect__is_not_followed(shop):
    shop.gateway.status, shop.gateway.headers = [302], {"Location": shop.monitor.url}
    with pytest.raises(SourceError, match="status 302"):
        shop.read()


def test_read__server_takes_too_long__is_an_error_in_time(shop, settings):
    settings.GRAYGATE_INTERVAL_S = 1.0
    shop.gateway.delay = lambda _query: 5.0
    with pytest.raises(SourceError, match=r"does not answer|no time was left"):
        shop.read()


def test_read__one_costly_expression__spoils_one_read_and_is_named_from_then_on(shop):
    queries = shop.queries() | {"costly|all|total": f"sum({shop.name} + on () vector(0))"}
    shop.gateway.delay = lambda query: 8.0 if "vector(0)" in query else 0.0
    shop.counts({"200": 100}, {"200": 1000})
    with pytest.raises(SourceError, match="does not answer"):
        shop.read(queries)
    found = shop.read(queries)
    assert len(found.state["instances"]) == 2
    assert "costly|all|total" in " ".join(found.warnings)
    shop.gateway.queries.clear()
    shop.read(queries)
    assert len(shop.gateway.queries) == 1


def test_read__too_many_series_for_one_query__is_its_own_fault(shop, monkeypatch):
    monkeypatch.setattr("attribution.sources.querying.MOST_SERIES", 5)
    shop.counts({"200": 100}, {"200": 1000})
    many = "".join(f'{shop.name}_many{{track="old",n="{n}"}} {n}\n' for n in range(6))
    shop.control.page += many
    shop.monitor.shows(f"count({shop.name}_many)", 6)
    queries = shop.queries() | {"many|all|total": f"{shop.name}_many{{}}"}
    found = shop.read(queries)
    assert "6 series" in " ".join(found.warnings)
    assert found.state["instances"]


def test_read__answer_too_long__costs_only_who_is_to_blame(shop, monkeypatch):
    monkeypatch.setattr("attribution.sources.query_api.MOST_ANSWER_BYTES", 20_000)
    shop.counts({"200": 100}, {"200": 1000})
    shop.control.page += "".join(
        f'{shop.name}_many{{track="old",n="{n}"}} {n}\n' for n in range(500)
    )
    shop.monitor.shows(f"count({shop.name}_many)", 500)
    found = shop.read(shop.queries() | {"many|all|total": f"{shop.name}_many{{}}"})
    assert "longer than" in " ".join(found.warnings)
    assert len(found.state["instances"]) == 2


def test_read__native_histogram__has_its_own_buckets(shop):
    """Prometheus only: this VictoriaMetrics knows none. The exposition is protobuf."""
    if shop.monitor.kind != "prometheus":
        return
    shop.canary.headers = {"Content-Type": NATIVE}
    name, track = f"{shop.name}_seconds", {"track": "canary"}
    queries = {"time|canary|distribution": f'{name}{{track="canary"}}'}
    # Schema 0: each bound is twice the one before; the first bucket ends at 1.
    for counts in ([2, 0, 1], [2, 3, 6]):
        shop.canary.page = native_histogram(name, track, counts)
        shop.monitor.shows(f"histogram_count({name})", sum(counts))
        found = shop.read(queries)
    shop.canary.headers = {}
    assert found.values["time|canary|distribution"] == {
        "bounds": [0.5, 1, 2, 4],
        "counts": [0, 0, 3, 5, 0],
    }


@pytest.fixture(params=KINDS)
def own_site(request, tmp_path, settings):
    """A server of the test's own, to stop and to start."""
    a, b = Instance(), Instance()
    monitor = Monitor(request.param, tmp_path, [a.url, b.url])
    gateway = Gateway(monitor.url)
    settings.GRAYGATE_INTERVAL_S = 20.0
    settings.OPERATOR = OperatorFile(sources={"main": {"url": monitor.url}})
    with monitor.process:
        yield Shop(monitor, gateway, a, b)
    for each in (a, b, gateway):
        each.close()


def test_read__server_stopped_and_back__is_an_error_then_counts_all_of_it(own_site):
    own_site.counts({"200": 100}, {"200": 1000})
    own_site.read()
    own_site.monitor.process.end()
    with pytest.raises(SourceError, match="cannot be reached"):
        own_site.read()
    own_site.monitor.process.start()
    own_site.counts({"200": 120}, {"200": 1060})
    assert own_site.pairs() == {"canary": (0, 20), "control": (0, 60), "all": (0, 80)}


def test_read__server_answers_but_no_longer_scrapes__is_no_silence(own_site, monkeypatch):
    own_site.counts({"200": 100}, {"200": 1000})
    own_site.read()
    own_site.counts({"200": 120}, {"200": 1060})
    own_site.read()
    own_site.monitor.process.end(9)
    own_site.monitor.configure([])
    own_site.monitor.process.start()
    # The newest may be lost: what it had not yet written down.
    own_site.monitor.shows(f"count({own_site.name})", 2)
    assert set(own_site.pairs().values()) == {(None, None)}
    for name in ("LATE_INTERVALS", "LATE_S", "LATE_GAPS"):
        monkeypatch.setattr(f"attribution.sources.counters.{name}", 0.0)

    def stands_still() -> bool:
        with pytest.raises(SourceError) as problem:
            own_site.read()
        return "no new samples" in str(problem.value)

    wait_until(stands_still, PATIENCE_S, "an error that says so")
