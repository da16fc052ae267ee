import pytest

from tests.unit.risk.terraform.plans import created, deleted, signal, signals, updated


def rule(port, *sources, to=None, protocol="tcp", **more):
    to = port if to is None else to
    return {
        "from_port": port, "to_port": to, "protocol": protocol, "cidr_blocks": list(sources), **more
    }  # fmt: skip


def group(*rules):
    return {"ingress": list(rules)}


WORLD = "0.0.0.0/0"
FIRST = WORLD.partition("/")[0]
OPEN = [
    ("aws_security_group", group(rule(22, WORLD)), "high"),
    ("aws_security_group", group(rule(22, ipv6_cidr_blocks=["::/0"])), "high"),
    ("aws_security_group", group(rule(0, WORLD, protocol="-1")), "high"),
    ("aws_security_group", group(rule(1, WORLD, to=65535)), "high"),
    ("aws_security_group", group(rule(8081, WORLD)), "medium"),
    ("aws_security_group", group(rule(443, WORLD)), "low"),
    ("aws_security_group", group(rule(8, WORLD, to=0, protocol="icmp")), "low"),
    ("aws_security_group_rule", rule(5432, WORLD, type="ingress"), "high"),
    ("aws_vpc_security_group_ingress_rule",
     {"cidr_ipv4": WORLD, "from_port": 3389, "to_port": 3389, "ip_protocol": "tcp"}, "high"),
    ("aws_vpc_security_group_ingress_rule", {"cidr_ipv6": "::/0", "ip_protocol": "-1"}, "high"),
    ("google_compute_firewall",
     {"direction": "INGRESS", "source_ranges": [WORLD],
      "allow": [{"protocol": "tcp", "ports": ["20-25"]}]}, "high"),
    ("google_compute_firewall",
     {"source_ranges": [WORLD], "allow": [{"protocol": "all", "ports": []}]}, "high"),
    ("azurerm_network_security_rule",
     {"direction": "Inbound", "access": "Allow", "protocol": "Tcp", "source_address_prefix": "*",
      "destination_port_range": "3389"}, "high"),
    ("azurerm_network_security_group",
     {"security_rule": [{"direction": "Inbound", "access": "Allow", "protocol": "*",
                         "source_address_prefix": "Internet", "destination_port_range": "*"}]},
     "high"),
    ("azurerm_mssql_firewall_rule",
     {"start_ip_address": FIRST, "end_ip_address": "255.255.255.255"}, "high"),
    ("openstack_networking_secgroup_rule_v2",
     {"direction": "ingress", "protocol": "tcp", "port_range_min": 8081, "port_range_max": 8089,
      "remote_ip_prefix": WORLD}, "medium"),
    ("aws_security_group", group(rule("unreadable", WORLD)), "high"),
    ("aws_security_group", group(rule(22, "0.0.0.0/1", "128.0.0.0/1")), "high"),
]  # fmt: skip

CLOSED = [
    ("aws_security_group", group(rule(22, "10.0.0.0/8"))),
    ("aws_security_group", {"egress": [rule(0, WORLD, protocol="-1")]}),
    ("aws_security_group_rule", rule(443, WORLD, type="egress")),
    ("aws_vpc_security_group_egress_rule", {"cidr_ipv4": WORLD, "ip_protocol": "-1"}),
    ("google_compute_firewall", {"direction": "EGRESS", "destination_ranges": [WORLD]}),
    ("google_compute_firewall", {"source_ranges": [WORLD], "deny": [{"protocol": "all"}]}),
    ("azurerm_network_security_rule",
     {"direction": "Inbound", "access": "Deny", "source_address_prefix": "*",
      "destination_port_range": "*"}),
    ("azurerm_mssql_firewall_rule", {"start_ip_address": FIRST, "end_ip_address": FIRST}),
    ("aws_route", {"destination_cidr_block": WORLD}),
    ("aws_security_group", group("not a rule", rule(22, "not an address"), None)),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "after", "severity"), OPEN)
def test_plan__lets_the_internet_in__port_decides(kind, after, severity):
    assert signals(created(kind, after))["open_to_the_world"] == severity


@pytest.mark.parametrize(("kind", "after"), CLOSED)
def test_plan__lets_nobody_new_in__raises_nothing(kind, after):
    assert signals(created(kind, after)) == {}


def test_plan__web_port_on_what_was_closed__counts_more_than_on_a_new_one():
    assert signals(updated("aws_security_group", group(), group(rule(443, WORLD)))) == {
        "open_to_the_world": "medium"
    }


def test_plan__rules_in_another_order__open_nothing():
    rules = [rule(22, WORLD), rule(80, "10.0.0.0/8")]
    assert signals(updated("aws_security_group", group(*rules), group(*reversed(rules)))) == {}


def test_plan__another_rule_beside_an_open_one__only_the_new_one_is_told():
    before, after = group(rule(22, WORLD)), group(rule(22, WORLD), rule(3389, WORLD))
    found = signal("open_to_the_world", updated("aws_security_group", before, after))
    assert "3389 (RDP)" in found["summary"]
    assert "22" not in found["summary"]


def test_plan__open_rule_goes_away__is_no_opening():
    assert "open_to_the_world" not in signals(deleted("aws_security_group_rule", rule(22, WORLD)))


@pytest.mark.parametrize(
    ("kind", "after", "aliases"),
    [
        ("aws_security_group", group(rule(22, WORLD)),
         {"checkov:CKV_AWS_24", "tfsec:aws-ec2-no-public-ingress-sgr"}),
        ("aws_security_group", group(rule(0, WORLD, protocol="-1")),
         {"checkov:CKV_AWS_24", "checkov:CKV_AWS_25", "checkov:CKV_AWS_260",
          "checkov:CKV_AWS_277", "tfsec:aws-ec2-no-public-ingress-sgr"}),
        ("google_compute_firewall",
         {"source_ranges": [WORLD], "allow": [{"protocol": "tcp", "ports": ["3389"]}]},
         {"checkov:CKV_GCP_3", "tfsec:google-compute-no-public-ingress"}),
    ],
)  # fmt: skip
def test_plan__lets_the_internet_in__carries_the_peers_names(kind, after, aliases):
    assert set(signal("open_to_the_world", created(kind, after))["aliases"]) == aliases
