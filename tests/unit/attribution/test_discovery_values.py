"""What values of labels, buckets and catalogues mean to `discover`."""

import pytest

from attribution.discovery.calls import components
from attribution.discovery.facts import Candidate, Component, Family, Group, Measured
from attribution.discovery.golden import bound_of
from attribution.discovery.sensitivity import Plan, outlook
from attribution.discovery.services import name_of, services
from attribution.discovery.statuses import failures, is_status
from tests.unit.attribution.discovery_facts import family, proposed

PLAN = Plan(share=0.05, intervals=60, interval_s=5.0, alpha=0.02)


# --- values ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("label", "values", "matcher"),
    [
        ("code", ["200", "404"], 'code=~"5.."'),
        ("code", ["2xx", "5xx"], 'code="5xx"'),
        ("envoy_response_code_class", ["2", "5"], 'envoy_response_code_class="5"'),
        ("rpc_grpc_status_code", ["0", "14"], 'rpc_grpc_status_code=~"2|4|12|13|14|15"'),
        ("outcome", ["SUCCESS", "CLIENT_ERROR"], 'outcome="SERVER_ERROR"'),
        ("outcome", ["SUCCESS", "SERVER_ERROR"], 'outcome="SERVER_ERROR"'),
        ("result", ["ok", "error"], 'result="error"'),
        ("classification", ["success"], 'classification="failure"'),
        ("status", ["active", "idle"], ""),
        ("status", [], ""),
    ],
)
def test_failures__values_of_a_label__give_the_matcher_of_the_bad_ones(label, values, matcher):
    assert failures(label, values) == matcher


def test_failures__grpc_by_name__blames_the_server_only():
    found = failures("grpc_code", ["OK", "NotFound"])
    assert "Unavailable" in found
    assert "NotFound" not in found
    assert "DEADLINE_EXCEEDED" in failures("grpc_status", ["OK", "NOT_FOUND"])


@pytest.mark.parametrize("values", [["8080", "9090"], ["a"], [], ["ok"], ["1000"]])
def test_is_status__other_values__are_none(values):
    assert not is_status(values)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("cart", "cart"),
        ("shop/cart", "cart"),
        ("cart@kubernetes", "cart"),
        ("cart-canary", "cart"),
        ("outbound|80|v1|cart.shop.svc.cluster.local", "cart"),
        ("a b\x1b[31m", "a-b-31m"),
        ("-canary", "canary"),
    ],
)
def test_name_of__what_others_call_it__is_a_name_here(value, name):
    assert name_of(value) == name


def test_bound_of__tail__is_the_bucket_nearest_to_a_twentieth():
    assert bound_of([(50, 60), (100, 90), (250, 96), (float("inf"), 100)]) == (
        250,
        pytest.approx(0.04),
    )
    assert bound_of([(0.1, 100), (1, 100), (float("inf"), 100)]) == (0.1, 0)
    assert bound_of([(0.1, 0), (1, 20), (float("inf"), 100)]) == (1, 0.8)
    assert bound_of([]) is None
    assert bound_of([(float("inf"), 5)]) is None


def test_outlook__present_traffic__says_the_smallest_worsening_that_is_seen():
    rows = [{"app": "cart", "version": v, "code": c} for v in "12" for c in ("200", "500")]
    found, _remarks = proposed(family("http_requests_total", *rows))
    one = found["cart"]
    assert outlook(one, PLAN) == {}  # without traffic nothing is known
    told = [
        outlook(one.with_measured({"errors": Measured(per_s=rate, base=0.002)}), PLAN)["errors"]
        for rate in (50.0, 5_000.0)
    ]
    assert 0.002 < told[1].smallest < told[0].smallest < 0.2


# --- a catalogue -----------------------------------------------------------------------------


def test_components__depends_on_and_apis__are_calls_and_owners_teams():
    documents = [
        {"kind": "Component", "metadata": {"name": "cart"}}
        | {"spec": {"owner": "group:default/shop", "consumesApis": ["stock-api"]}},
        {"kind": "Component", "metadata": {"name": "stock"}}
        | {"spec": {"providesApis": ["default/stock-api"], "dependsOn": ["component:default/db"]}},
        {"kind": "Component", "metadata": {"name": "db"}, "spec": {"dependencyOf": ["cart"]}},
        {"kind": "API", "metadata": {"name": "stock-api"}},
        "nonsense",
        {"kind": "Component", "metadata": None, "spec": 5},
    ]
    assert components(documents) == [
        Component("cart", "shop", ("db", "stock")),
        Component("db", "", ()),
        Component("stock", "", ("db",)),
    ]


def test_share__of_a_family_with_thousands_of_values__is_counted_once():
    groups = tuple(Group({"service": f"s{n}"}, 1) for n in range(5_000))
    many = Family(Candidate("http_requests_total", "requests"), groups)
    sums = []

    class Counts(dict):
        def values(self):
            sums.append(1)
            return super().values()

    many._counts["service"] = Counts(many._counted("service"))
    assert len(services([many])) == 5_000
    assert len(sums) == 1
