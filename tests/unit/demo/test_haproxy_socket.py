"""The demo's own reading of HAProxy's statistics: what is exposed, and what is not."""

import pytest

from demo.fleet.haproxy_socket import parse_stat, share

HEADER = (
    "# pxname,svname,stot,status,weight,hrsp_1xx,hrsp_2xx,hrsp_3xx,hrsp_4xx,hrsp_5xx,hrsp_other,\n"
)


def servers(*lines):
    return parse_stat(HEADER + "".join(f"{line}\n" for line in lines) + "\n")


def line(name, *, weight, status="no check", service="stock"):
    return f"{service},{name},7,{status},{weight},0,5,0,0,2,0,"


def test_statistics__servers_of_a_backend__are_read_without_the_totals():
    found = servers(
        "edge,FRONTEND,9,OPEN,,0,9,0,0,0,0,",
        line("s0", weight=100),
        line("c0", weight=50),
        "stock,BACKEND,9,UP,150,0,9,0,0,0,0,",
    )
    assert [(s.name, s.track, s.weight, s.sessions) for s in found] == [
        ("s0", "stable", 100, 7),
        ("c0", "canary", 50, 7),
    ]
    assert found[0].answers == {"1xx": 0, "2xx": 5, "3xx": 0, "4xx": 0, "5xx": 2}


def test_share__weights__is_the_canarys_part_of_them():
    assert share(servers(line("s0", weight=100), line("c0", weight=50))) == pytest.approx(1 / 3)
    assert share(servers(line("s0", weight=0), line("c0", weight=7))) == 1.0
    assert share(servers(line("s0", weight=100), line("c0", weight=0))) == 0.0


@pytest.mark.parametrize("status", ["MAINT", "DOWN", "DRAIN", "MAINT (via a/b)"])
def test_share__server_that_gets_no_request__counts_for_nothing(status):
    found = servers(line("s0", weight=100), line("c0", weight=100, status=status))
    assert share(found) == 0.0


def test_share__no_server_with_a_weight__is_zero():
    assert share(servers(line("s0", weight=0))) == 0.0
