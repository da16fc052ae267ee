"""Network rules that let the whole internet in."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

from controlplane.risk.shapes import is_whole, text_of
from controlplane.risk.signals import Severity, Signal, worst
from controlplane.risk.terraform.planned import PlannedChange

MOST_PORTS = 65_536
# Made to be public; on a new resource that is what a load balancer looks like.
WEB = frozenset({80, 443})
# Behind these stand shells, databases, caches, brokers and control planes.
SENSITIVE: Mapping[int, str] = {
    20: "FTP", 21: "FTP", 22: "SSH", 23: "Telnet", 25: "SMTP", 111: "RPC", 135: "RPC",
    139: "SMB", 445: "SMB", 1433: "SQL Server", 1521: "Oracle", 2049: "NFS", 2181: "ZooKeeper",
    2375: "Docker", 2376: "Docker", 2379: "etcd", 3306: "MySQL", 3389: "RDP", 5432: "PostgreSQL",
    5601: "Kibana", 5672: "RabbitMQ", 5900: "VNC", 5984: "CouchDB", 5985: "WinRM", 5986: "WinRM",
    6379: "Redis", 6443: "Kubernetes", 8020: "HDFS", 9042: "Cassandra", 9092: "Kafka",
    9200: "Elasticsearch", 9300: "Elasticsearch", 10250: "kubelet", 11211: "Memcached",
    15672: "RabbitMQ", 27017: "MongoDB", 50070: "HDFS",
}  # fmt: skip
_CHECKS = {
    22: "checkov:CKV_AWS_24 checkov:CKV_GCP_2 checkov:CKV_AZURE_10",
    3389: "checkov:CKV_AWS_25 checkov:CKV_GCP_3 checkov:CKV_AZURE_9",
    80: "checkov:CKV_AWS_260 checkov:CKV_GCP_106 checkov:CKV_AZURE_160",
}
_BY_PROVIDER = {
    "aws": ("CKV_AWS_", "tfsec:aws-ec2-no-public-ingress-sgr"),
    "google": ("CKV_GCP_", "tfsec:google-compute-no-public-ingress"),
    "azurerm": ("CKV_AZURE_", "tfsec:azure-network-no-public-ingress"),
}


@dataclass(frozen=True, slots=True)
class Ports:
    """Both ends included. `label` is how the rule's protocol reads."""

    first: int
    last: int
    label: str

    def holds(self, port: int) -> bool:
        return self.first <= port <= self.last

    @property
    def everything(self) -> bool:
        return self.last - self.first >= MOST_PORTS - 2

    def __str__(self) -> str:
        if self.everything:
            return "every port"
        return f"{self.label} {self.first}" + (f"-{self.last}" if self.last > self.first else "")


_ALL = Ports(0, 65535, "all")


def is_whole_world(value: object) -> bool:
    """Half of the internet (`0.0.0.0/1`) counts too: two such rules make the whole."""
    if not isinstance(value, str):
        return False
    if value.strip().lower() in ("*", "internet", "any"):
        return True
    try:
        return "/" in value and ip_network(value.strip(), strict=False).prefixlen <= 1
    except ValueError:
        return False


def opened(change: PlannedChange) -> Iterator[Signal]:
    """Compared rule by rule with what was open before; the order of rules means nothing."""
    if not change.new:
        return
    new = set(_open(change.type, change.after)) - set(_open(change.type, change.before))
    if not new:
        return
    is_new = change.action == "create"
    severities = [_severity(ports, change.type, is_new=is_new) for ports in new]
    shown = ", ".join(sorted({_named(ports) for ports in new})[:5])
    yield change.told(
        Signal(
            id="open_to_the_world",
            severity=worst(severities),
            summary=f"everybody on the internet may reach {shown}",
            where="",
            why="What listens there is probed within minutes, by everybody, for ever.",
            remedy=(
                "Allow the addresses or the security group of those who need it; put public "
                "services "
                "behind a load balancer, shells behind a bastion or a session manager."
            ),
            aliases=tuple(
                dict.fromkeys(alias for one in new for alias in _aliases(change.type, one))
            ),
        )
    )


def _severity(ports: Ports, resource_type: str, *, is_new: bool) -> Severity:
    """A network ACL lets through what security groups filter later."""
    if ports.label.startswith("icmp"):
        return "low"
    if _ACL.fullmatch(resource_type[:120]):
        return "low" if is_new else "medium"
    if any(ports.holds(port) for port in SENSITIVE):
        return "high"
    if ports.first == ports.last and ports.first in WEB:
        return "low" if is_new else "medium"
    return "medium"


def _named(ports: Ports) -> str:
    inside = [name for port, name in SENSITIVE.items() if ports.holds(port)]
    return f"{ports} ({inside[0]})" if len(set(inside)) == 1 else str(ports)


def _aliases(resource_type: str, ports: Ports) -> Iterator[str]:
    known = _BY_PROVIDER.get(resource_type.split("_", maxsplit=1)[0])
    if known is None:
        return
    prefix, whole = known
    for port, checks in _CHECKS.items():
        if ports.holds(port):
            yield from (check for check in checks.split() if prefix in check)
    if ports.everything and prefix == "CKV_AWS_":
        yield "checkov:CKV_AWS_277"
    yield whole


def _open(resource_type: str, resource: Mapping[str, Any]) -> Iterator[Ports]:
    """Of one resource: what the whole internet may reach through it."""
    for rule in _rules(resource_type, resource):
        if any(is_whole_world(source) for source in _sources(rule)) and not _denies(rule):
            yield from _ports(rule)


_RULE = re.compile(
    r"\w+_(?:security_group_ingress_rule|secgroup_rule|security_group_rule|security_rule|"
    r"network_acl_rule|firewall_rule|control_group_rule|compute_firewall)(?:_v\d)?"
)
_ACL = re.compile(r"\w+_network_acl(?:_rule)?")


def _rules(resource_type: str, resource: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Rules are resources of their own or blocks of one; only inbound ones are handed on."""
    for block in ("ingress", "inbound_rule", "ingress_security_rules", "inbound"):
        yield from _objects(resource.get(block))
    yield from (rule for rule in _objects(resource.get("security_rule")) if not _leaves(rule))
    if _RULE.fullmatch(resource_type[:120]) and not _leaves(resource):
        yield resource


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, list):
        yield from (one for one in value[:2000] if isinstance(one, Mapping))
    elif isinstance(value, Mapping):
        yield value


def _leaves(rule: Mapping[str, Any]) -> bool:
    directions = (rule.get("direction"), rule.get("type"))
    words = {text_of(one).lower() for one in directions}
    return bool(words & {"egress", "outbound", "out"}) or rule.get("egress") is True


def _denies(rule: Mapping[str, Any]) -> bool:
    words = (rule.get("access"), rule.get("action"), rule.get("rule_action"), rule.get("policy"))
    return any(text_of(word).lower() in ("deny", "drop", "reject") for word in words) or bool(
        rule.get("deny")
    )


_SOURCES = (
    "cidr_blocks", "ipv6_cidr_blocks", "cidr_ipv4", "cidr_ipv6", "cidr_block", "ipv6_cidr_block",
    "source_ranges", "source_address_prefix", "source_address_prefixes", "source_addresses",
    "source", "cidr_ip", "remote_ip_prefix", "source_cidr", "ip_range", "v4_cidr_blocks",
)  # fmt: skip


def _sources(rule: Mapping[str, Any]) -> Iterator[Any]:
    if text_of(rule.get("end_ip_address")).startswith("255."):
        yield f"{text_of(rule.get('start_ip_address'))}/0"
    for name in _SOURCES:
        value = rule.get(name)
        yield from value[:2000] if isinstance(value, list) else (value,)


_ENDS = (("from_port", "to_port"), ("port_range_min", "port_range_max"), ("port_min", "port_max"))


def _ports(rule: Mapping[str, Any]) -> Iterator[Ports]:
    allowed = list(_objects(rule.get("allow")))
    if allowed:
        for one in allowed:
            yield from _of_list(one.get("ports"), text_of(one.get("protocol")).lower())
        return
    protocol = text_of(rule.get("protocol") or rule.get("ip_protocol")).lower()
    if protocol in ("-1", "all", "any", "*") and "destination_port_range" not in rule:
        yield _ALL
        return
    for lower, upper in _ENDS:
        first, last = text_of(rule.get(lower)), text_of(rule.get(upper))
        if is_whole(first) and is_whole(last):
            yield _range(int(first), int(last), protocol)
            return
    listed = rule.get("destination_port_ranges") or rule.get("destination_port_range")
    yield from _of_list(listed or rule.get("port_range"), protocol)


def _range(first: int, last: int, protocol: str) -> Ports:
    """ICMP has types where others have ports."""
    if protocol in ("icmp", "icmpv6", "1", "58"):
        return Ports(0, 0, "icmp")
    return Ports(min(first, last), max(first, last), protocol or "port")


def _of_list(listed: Any, protocol: str) -> Iterable[Ports]:
    """`["22", "8000-8100"]`, `"*"`, or nothing at all, which means every port."""
    if protocol in ("icmp", "icmpv6"):
        return [Ports(0, 0, "icmp")]
    words = (
        [text_of(one) for one in listed[:500]] if isinstance(listed, list) else [text_of(listed)]
    )
    words = [word for word in words if word]
    if not words or any(word in ("*", "all", "any") for word in words):
        return [_ALL]
    ends = [word.replace("/", "-").split("-") for word in words]
    return [
        _range(int(pair[0]), int(pair[-1]), protocol)
        for pair in ends
        if all(is_whole(end) for end in pair)
    ]
