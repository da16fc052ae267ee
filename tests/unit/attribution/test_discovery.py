"""What is proposed for the names that meshes, proxies and client libraries give."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribution.discovery.candidates import MOST, candidates
from attribution.discovery.facts import Target
from attribution.discovery.propose import propose
from attribution.guardrails import check_matchers, parse_guardrail, parse_telemetry
from tests.unit.attribution.discovery_facts import family, proposed, specs

CODES = ("200", "500")


# --- makers ----------------------------------------------------------------------------------


def istio(name="istio_requests_total", **more):
    rows = [
        {"reporter": r, "source_workload": "web", "destination_workload": "cart", **more}
        | {"destination_version": v, "response_code": c, "version": "proxy-9"}
        for r in ("source", "destination")
        for v in ("v1", "v2")
        for c in ("200", "503")
    ]
    return family(name, *rows)


def test_istio__requests__are_counted_once_by_the_destinations_version():
    found, _remarks = proposed(istio(), istio("istio_request_duration_milliseconds_bucket"))
    cart = found["cart"]
    assert cart.cohorts.matchers["canary"] == 'destination_version="$version"'
    assert specs(cart)["errors"]["events"] == (
        'istio_requests_total{destination_workload="cart",reporter="destination",'
        'response_code=~"5..",$cohort}'
    )
    assert specs(cart)["duration"]["query"].startswith(
        "istio_request_duration_milliseconds_bucket{"
    )


def test_istio__who_calls_whom__is_told_of_those_that_serve():
    other = family(
        "http_requests_total",
        *({"service": "web", "version": "1", "code": code} for code in ("200", "500")),
    )
    found, remarks = proposed(istio(), other)
    assert found["web"].calls == ("cart",)
    alone, remarks = proposed(istio())
    assert "without requests of their own: web" in remarks[0]
    assert alone["cart"].calls == ()


def test_opentelemetry__new_names__are_understood():
    rows = [
        {"job": "shop/cart", "service_version": v, "http_response_status_code": c, "le": "0.1"}
        for v in ("1.0", "1.1")
        for c in ("200", "500")
    ]
    found, _remarks = proposed(
        family("http_server_request_duration_seconds_count", *rows),
        family("http_server_request_duration_seconds_bucket", *rows),
        family("traces_service_graph_request_total", {"client": "cart", "server": "cart"}),
    )
    cart = found["cart"]
    assert cart.cohorts.label == "service_version"
    assert specs(cart)["errors"]["events"] == (
        'http_server_request_duration_seconds_count{job="shop/cart",'
        'http_response_status_code=~"5..",$cohort}'
    )
    assert cart.calls == ()  # nobody calls himself


def test_opentelemetry__service_graph__gives_calls():
    rows = [{"service_name": name, "code": "200", "version": "1"} for name in ("a", "b")]
    graph = [{"client": "a", "server": "b"}, {"client": "user", "server": "a"}]
    found, remarks = proposed(
        family("http_requests_total", *rows),
        family("traces_service_graph_request_total", *graph),
    )
    assert (found["a"].calls, found["b"].calls, remarks) == (("b",), (), [])


def test_span_metrics__server_spans_alone__are_requests():
    rows = [
        {"service_name": "cart", "span_kind": k, "status_code": s, "version": "1"}
        for k in ("SPAN_KIND_SERVER", "SPAN_KIND_CLIENT")
        for s in ("STATUS_CODE_UNSET", "STATUS_CODE_ERROR")
    ]
    found, _remarks = proposed(family("traces_spanmetrics_calls_total", *rows))
    assert specs(found["cart"])["errors"]["events"] == (
        'traces_spanmetrics_calls_total{service_name="cart",span_kind="SPAN_KIND_SERVER",'
        'status_code="STATUS_CODE_ERROR",$cohort}'
    )


def haproxy():
    rows = [
        {"proxy": "be_cart", "server": s, "code": c, "job": "haproxy", "version": "2.8"}
        for s in ("c0", "s1", "s2")
        for c in ("2xx", "5xx")
    ]
    return family("haproxy_server_http_responses_total", *rows)


def test_haproxy__canary_servers_of_the_operators_file__are_the_canary():
    target = Target("edge-cart", "be_cart", ("c0",))
    found, _remarks = proposed(haproxy(), targets=[target])
    (cart,) = found.values()
    assert cart.cohorts.matchers == {
        "canary": 'server="c0"',
        "control": 'server=~".+",server!="c0"',
    }
    assert cart.service("main")["executor"] == {
        "name": "haproxy",
        "config": {"target": "edge-cart"},
    }
    assert specs(cart)["errors"]["events"] == (
        'haproxy_server_http_responses_total{proxy="be_cart",code="5xx",$cohort}'
    )


def test_haproxy__nobody_says_which_servers__no_cohort_is_made_up_of_its_own_version():
    found, _remarks = proposed(haproxy())
    (cart,) = found.values()
    assert cart.cohorts is None
    assert "no label tells canary from control" in cart.remarks[0]


def test_haproxy__before_a_service_that_counts_itself__is_the_same_service():
    rows = [{"app": "cart", "version": "1", "code": c} for c in ("200", "500")]
    target = Target("edge-cart", "be_cart", ("c0",))
    found, _remarks = proposed(haproxy(), family("http_requests_total", *rows), targets=[target])
    assert found.keys() == {"cart"}
    assert found["cart"].target == "edge-cart"


def test_envoy__cluster_names__are_services_and_calls():
    rows = [
        {"envoy_cluster_name": "outbound|80||cart.shop.svc.cluster.local", "app": "web"}
        | {"envoy_response_code": c}
        for c in ("200", "503")
    ]
    web = [{"app": "web", "version": "1", "code": "200"}]
    found, _remarks = proposed(
        family("envoy_cluster_upstream_rq", *rows), family("http_requests_total", *web)
    )
    assert found.keys() == {"cart", "web"}
    assert found["web"].calls == ("cart",)


def test_jvm__memory_and_pool__are_telemetry_where_the_canary_is_a_version():
    own = {"application": "cart", "app_version": "1"}
    found, _remarks = proposed(
        family(
            "http_server_requests_seconds_count", *({**own, "status": s} for s in ("200", "500"))
        ),
        family("jvm_memory_used_bytes", {**own, "area": "heap"}),
        family("hikaricp_connections_pending", own),
    )
    cart = found["cart"]
    assert specs(cart).keys() == {"errors"}
    assert [one["name"] for one in cart.service("main")["telemetry"]] == ["memory", "pool"]


def test_levels__cohorts_that_are_there_before__guard():
    rows = [{"app": "cart", "track": t, "code": "200"} for t in ("canary", "stable")]
    found, _remarks = proposed(
        family("http_requests_total", *rows), family("process_resident_memory_bytes", *rows)
    )
    assert found["cart"].cohorts.matchers == {
        "canary": 'track="canary"',
        "control": 'track="stable"',
    }
    assert specs(found["cart"])["memory"]["kind"] == "value"


def test_node__cpu_known_by_its_job_only__is_laid_to_the_service_of_that_job():
    rows = [{"app": "cart", "job": "pods-7", "version": "1", "status_code": "200"}]
    found, _remarks = proposed(
        family("http_request_duration_seconds_count", *rows),
        family("process_cpu_seconds_total", {"job": "pods-7"}, {"job": "elsewhere"}),
    )
    (cpu,) = found["cart"].service("main")["telemetry"]
    assert cpu["query"] == 'avg(rate(process_cpu_seconds_total{job="pods-7",$cohort}[1m]))'


def test_workloads__canary_beside_it__is_one_service_told_apart_by_the_workload():
    rows = [
        {"workload": w, "code": c} for w in ("cart", "cart-canary", "stock") for c in ("200", "500")
    ]
    found, _remarks = proposed(family("http_requests_total", *rows))
    assert found.keys() == {"cart", "stock"}
    assert found["cart"].cohorts.matchers == {
        "canary": 'workload="cart-canary"',
        "control": 'workload=~".+",workload!="cart-canary"',
    }
    assert 'workload=~"cart|cart-canary"' in specs(found["cart"])["errors"]["total"]


@pytest.mark.parametrize("label", ["rollouts_pod_template_hash", "pod_template_hash", "revision"])
def test_hashes__are_taken_and_what_a_change_has_to_say_is_told(label):
    rows = [{"app": "cart", label: h, "code": "200"} for h in ("5d4f", "77ab")]
    found, _remarks = proposed(family("http_requests_total", *rows))
    assert found["cart"].cohorts.matchers["canary"] == f'{label}="$version"'
    assert "as `artefact.version`" in found["cart"].remarks[0]


def test_release_of_helm__has_no_digit__is_no_version():
    rows = [{"app": "cart", "release": "the-shop", "code": c} for c in CODES]
    found, _remarks = proposed(family("http_requests_total", *rows))
    assert found["cart"].cohorts is None


def test_version_in_an_info_metric__is_joined_by_the_instance():
    rows = [{"job": "cart", "code": c, "le": "1"} for c in CODES]
    found, _remarks = proposed(
        family("http_requests_total", *rows),
        family("http_request_duration_seconds_bucket", *rows),
        family("target_info", {"job": "cart", "service_version": "1.2"}),
    )
    cart = found["cart"]
    assert cart.cohorts.matchers["canary"] == 'service_version="$version"'
    total = (
        'sum (increase(http_requests_total{job="cart"}[$interval]) * on (job, instance) '
        'group_left () max by (job, instance) (target_info{job="cart",$cohort}))'
    )
    assert specs(cart)["errors"]["total"] == total
    assert specs(cart)["errors"]["events"].endswith(f" or 0 * {total}")
    assert specs(cart)["duration"]["query"].startswith("sum by (le) (increase(")
    assert "at least two scrapes" in cart.remarks[0]


def test_environments__several__production_alone_is_guarded():
    rows = [
        {"app": "cart", "env": e, "version": "1", "code": c}
        for e in ("staging", "staging2", "prod")
        for c in ("200", "500")
    ]
    found, _remarks = proposed(family("http_requests_total", *rows))
    assert found["cart"].environment == "prod"
    assert 'env="prod"' in specs(found["cart"])["errors"]["total"]


def test_status_label_of_an_unknown_name__is_found_by_its_values():
    rows = [{"app": "cart", "release": "1", "antwort": c} for c in ("200", "502")]
    found, _remarks = proposed(family("replies_total", *rows))
    assert 'antwort=~"5.."' in specs(found["cart"])["errors"]["events"]


def test_clients_and_monitoring__are_no_services():
    names = ["prometheus_http_requests_total", "http_client_requests_seconds_count", "up"]
    names += ["node_network_receive_bytes_total", "scrape_samples_scraped", "go_gc_calls_total"]
    assert candidates([*names, "http_client_requests_seconds_sum"], {}) == []


def test_candidates__ten_thousand_names__a_bounded_number_the_known_ones_among_them():
    names = [f"thing_{n}_requests_total" for n in range(10_000)] + ["istio_requests_total"]
    found = candidates(names, {})
    assert len(found) <= sum(MOST.values())
    assert "istio_requests_total" in {one.name for one in found}


# --- whatever there is -----------------------------------------------------------------------

LABELS = st.sampled_from(["app", "job", "version", "track", "code", "server", "proxy", "env", "le"])
VALUES = st.one_of(st.text(max_size=8), st.sampled_from(["canary", "stable", "200", "5xx", "1.2"]))
NAMES = st.sampled_from(
    [
        "http_requests_total",
        "istio_requests_total",
        "haproxy_server_http_responses_total",
        "x_request_duration_ms_bucket",
        "process_cpu_seconds_total",
        "envoy_cluster_upstream_rq",
        "target_info",
    ]
)


@given(
    st.lists(
        st.tuples(NAMES, st.lists(st.dictionaries(LABELS, VALUES, max_size=6), max_size=5)),
        max_size=4,
        unique_by=lambda each: each[0],
    )
)
def test_propose__whatever_labels_say__everything_is_valid_and_the_same_again(given_families):
    families = [family(name, *rows) for name, rows in given_families if rows]
    found, _remarks = proposed(*families)
    for proposal in found.values():
        for guardrail in proposal.guardrails():
            spec = {key: value for key, value in guardrail.items() if key != "service"}
            parse_guardrail(spec, "")
        for index, entry in enumerate(proposal.service("main").get("telemetry", ())):
            parse_telemetry(entry, f"/{index}")
        for matchers in (proposal.cohorts.matchers if proposal.cohorts else {}).values():
            check_matchers(matchers, "")
        assert proposal.name
    assert proposed(*families)[0] == found


def test_propose__nothing__proposes_nothing():
    from attribution.discovery.facts import Facts  # noqa: PLC0415

    assert propose(Facts(())) == ([], [])
