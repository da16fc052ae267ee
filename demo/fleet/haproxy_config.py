"""The HAProxy before the fleet, as its operator would write it: one backend a service. PURE."""

from demo.fleet.layout import CANARY, HOST, SERVICES, STABLE, TRACKS, Balancer, Instance, Layout

WEIGHT = {STABLE: 100, CANARY: 0}

# No `check`, no retries, no redispatch: with them HAProxy would hide a dead instance within a
# second, and there would be nothing left to find. A dead canary stands for the versions that
# answer every health check and fail their users: it hurts for as long as it has a weight.
#
# Not `roundrobin`: every page calls each service once, so services with equal weights would turn
# in step, and whoever met the canary of one would meet the canary of all. One draw, not two: the
# second would send more requests to whoever answers sooner, and nobody does so like a dead one.
FRONT = """\
global
    nbthread 1
    maxconn 2000
    stats socket {socket} mode 600 level admin

defaults
    mode http
    balance random(1)
    retries 0
    timeout connect 1s
    timeout client 15s
    # As patient as the services are with one another: slow is not dead.
    timeout server 5s
    timeout http-keep-alive 75s

frontend edge
    bind {host}:{port}
    monitor-uri /healthz
    acl known path,field(2,/) -m str {services}
    http-request deny deny_status 405 unless METH_GET
    http-request deny deny_status 404 unless known
    use_backend %[path,field(2,/)]
"""

# What an instance says of itself goes on as it is. Where HAProxy answers in its place, it says for
# whom. That one refused or broke off is an injected fault; that it took too long is a busy machine.
BACK = """
backend {service}
    # An instance has more than its page, but not for visitors.
    http-request set-path /
    acl on_canary srv_name -m beg c
    acl failed status 502:504
    acl late status 504
    acl told res.hdr(x-failed-at) -m found
    http-after-response set-header x-track canary if on_canary
    http-after-response set-header x-track stable unless on_canary
    http-after-response set-header x-fault 1 if failed !late !told
    http-after-response set-header x-failed-at {service}/%[res.hdr(x-track)] if failed !told
"""


def server_name(instance: Instance) -> str:
    """s0 … of the stable version and c0 … of the canary."""
    return f"{instance.track[0]}{instance.index}"


def config(layout: Layout, balancer: Balancer) -> str:
    front = FRONT.format(
        socket=balancer.socket, host=HOST, port=balancer.port, services=" ".join(SERVICES)
    )
    return front + "".join(_backend(layout, service) for service in SERVICES)


def _backend(layout: Layout, service: str) -> str:
    servers = [
        f"    server {server_name(each)} {HOST}:{each.port} weight {WEIGHT[track]}\n"
        for track in TRACKS
        for each in layout.of(service, track)
    ]
    return BACK.format(service=service) + "".join(servers)
