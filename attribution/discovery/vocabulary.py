"""Names that exporters, meshes and proxies give to metrics and labels. Data, and no more. PURE."""

import re
from dataclasses import dataclass

# Which label names the service that is measured, the most telling first.
SERVICE_LABELS = (
    *("service_name", "service", "app", "application", "app_kubernetes_io_name"),
    *("kubernetes_name", "app_name", "svc", "workload", "deployment", "component", "container"),
    *("exported_job", "job"),
)
# Of a version: its values change with each change, and the change names them.
VERSION_LABELS = (
    *("version", "service_version", "app_version", "app_kubernetes_io_version", "release"),
    *("image_tag", "build_version", "build", "ver", "commit", "git_sha"),
    *("destination_version", "destination_canonical_revision"),
)
# The same, where the change has to name a hash or a number as its version.
REVISION_LABELS = (
    *("rollouts_pod_template_hash", "pod_template_hash", "revision", "controller_revision_hash"),
    *("replicaset",),
)
# Of groups that stay: which of them is the canary is told by the value.
GROUP_LABELS = (
    *("track", "cohort", "lane", "stage", "role", "slot", "color", "instance_group", "group"),
    *("deployment_group", "asg", "canary", "deployment", "workload", "server", "backend"),
    *("destination_workload", "proxy", "envoy_cluster_name"),
)
CANARY = re.compile(r"(?:^|[-_.])(?:canary|gray|grey|preview)(?:$|[-_.])", re.IGNORECASE)
# What is left of a workload's name is the service.
COHORT_SUFFIX = re.compile(
    r"[-_.](?:canary|gray|grey|preview|stable|primary|baseline)$", re.IGNORECASE
)

STATUS_LABELS = (
    *("http_response_status_code", "http_status_code", "response_code", "status_code", "code"),
    *("envoy_response_code", "envoy_response_code_class", "response_code_class", "http_status"),
    *("rpc_grpc_status_code", "grpc_code", "grpc_status", "grpc_response_status", "status"),
    *("classification", "outcome", "result", "rc"),
)
ENVIRONMENT_LABELS = ("deployment_environment_name", "deployment_environment", "environment", "env")
TEAM_LABELS = ("team", "owner", "squad")
# One request is counted once: where these labels are there, with this value.
FIXED = {
    "reporter": "destination",
    "span_kind": "SPAN_KIND_SERVER",
    "direction": "inbound",
}


@dataclass(frozen=True)
class Known:
    """A family of a well-known maker. `view`: whose labels its series carry.

    own: the service's. mesh: those of the service begin with `destination_`. proxy: the proxy's,
    so its versions are not the service's.
    """

    pattern: re.Pattern[str]
    view: str
    service: tuple[str, ...] = ()


def _known(pattern: str, view: str = "own", *service: str) -> Known:
    return Known(re.compile(pattern), view, service)


MAKERS = (
    _known(r"istio_.*", "mesh", "destination_workload", "destination_service_name"),
    _known(r"envoy_cluster_.*", "proxy", "envoy_cluster_name"),
    _known(r"haproxy_(server|backend)_.*", "proxy", "proxy", "backend"),
    _known(r"traefik_service_.*", "proxy", "service", "exported_service"),
    _known(r"nginx_ingress_controller_.*", "proxy", "exported_service", "service", "ingress"),
    _known(r"(traces_)?span_?metrics_.*|calls_total|duration_milliseconds_.*"),
    _known(r"(http|rpc)_server_.*"),
    _known(r"grpc_server_.*"),
    _known(r"response_(total|latency_ms_.*)", "own", "deployment"),
)
OTHER = Known(re.compile(".*"), "own")

# Request counters that are better than whatever else a service shows.
REQUESTS = re.compile(
    r"istio_requests_total|envoy_cluster_upstream_rq(_xx)?|haproxy_server_http_responses_total"
    r"|traefik_service_requests_total|nginx_ingress_controller_requests|response_total"
    r"|(traces_)?span_?metrics_calls_total|calls_total|grpc_server_handled_total"
    r"|http_server_requests_seconds_count|(http|rpc)_server_(request_)?duration_\w+_count"
    r"|http_requests_total|http_requests_received_total|http_request_duration_\w+_count"
)
WORDS = re.compile(
    r"(^|_)(requests?|https?|rpc|grpc|calls?|responses?|replies|handled|served|transactions?"
    r"|operations?|processed|jobs|messages|orders|queries|hits|rq)(_|$)"
)
DURATIONS = re.compile(
    r"(^|_)(durations?|latency|latencies|times?|seconds|milliseconds|millis|ms|elapsed)(_|$)"
)
# Clients' metrics speak of somebody else, and monitoring speaks of itself.
FOREIGN = re.compile(
    r"(prometheus|alertmanager|grafana|loki|tempo|thanos|cortex|mimir|vm|vmagent|graygate|promhttp"
    r"|scrape|net_conntrack|python_gc|node|kube|kubelet|apiserver|etcd|coredns|cadvisor|pushgateway"
    r"|blackbox|probe|otelcol|http_client|rpc_client|grpc_client|traces_service_graph|go_gc"
    r"|go_memstats|go_sched|process|jvm_gc|up|haproxy_(frontend|process|listener)"
    r"|envoy_(http|server|listener|cluster_(manager|membership|lb|ssl|circuit)))(_|$).*"
)
MILLISECONDS = re.compile(r"(_ms|_milliseconds|_millis)(_|$)|^envoy_cluster_upstream_rq_time")


# What tells a version beside the metrics: its series have the value 1.
INFO = re.compile(r"target_info|(\w+_)?(build|app|application|version|deployment|release)_info")


@dataclass(frozen=True)
class Saturation:
    """`what` names the guardrail; `rate`: a counter of seconds, of which the growth is told."""

    what: str
    pattern: re.Pattern[str]
    rate: bool = False


SATURATIONS = (
    Saturation("cpu", re.compile(r"(process|container)_cpu(_usage)?_seconds_total"), rate=True),
    Saturation("cpu", re.compile(r"(process|system|jvm_process)_cpu_(usage|utilization|load)\w*")),
    Saturation(
        "memory",
        re.compile(
            r"process_resident_memory_bytes|container_memory_working_set_bytes"
            r"|jvm_memory_(used_bytes|bytes_used)|nodejs_heap_size_used_bytes"
            r"|process_memory_usage(_bytes)?|process_runtime_\w*heap\w*"
        ),
    ),
    Saturation(
        "pool",
        re.compile(
            r"hikaricp_connections_(pending|active)|db_client_connections?_(usage|pending_requests"
            r"|count|waiting)|\w*pool_(\w+_)?(active|used|in_use|busy|waiting|pending)\w*"
            r"|\w*connections_(in_use|busy|waiting)|jvm_threads_(live_threads|current)"
        ),
    ),
    Saturation(
        "queue",
        re.compile(
            r"haproxy_server_current_queue|executor_queued_tasks|nodejs_eventloop_lag_seconds"
            r"|\w*(queue_(length|size|depth)|queue_messages|queued|backlog|in_?flight|consumer_lag)"
            r"(_\w+)?|\w*eventloop_lag\w*"
        ),
    ),
)
