"""Flags that open a resource to everybody, other than network rules and policies."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from controlplane.risk.edits import Edit
from controlplane.risk.shapes import boolean_of
from controlplane.risk.signals import Severity, Signal, rank
from controlplane.risk.terraform.aliases import aliases_of
from controlplane.risk.terraform.network import is_whole_world
from controlplane.risk.terraform.planned import PlannedChange, attribute_names


@dataclass(frozen=True, slots=True)
class Opening:
    """`created`: severity on a new resource, where it is often the provider's default;
    `opened`: on one that was closed until now.
    """

    is_open: Callable[[object], bool]
    created: Severity
    opened: Severity
    what: str


def _true(value: object) -> bool:
    return boolean_of(value) is True


def _false(value: object) -> bool:
    return boolean_of(value) is False


def _word(*words: str) -> Callable[[object], bool]:
    return lambda value: isinstance(value, str) and value.lower() in words


def _world(value: object) -> bool:
    values = value if isinstance(value, list) else [value]
    return any(is_whole_world(one) for one in values)


_INTERNET = "it can be reached from the internet"
_BLOCK_OFF = "a block on public access is off"
OPENINGS: Mapping[str, Opening] = {
    "publicly_accessible": Opening(_true, "high", "high", _INTERNET),
    "public_network_access_enabled": Opening(_true, "low", "medium", _INTERNET),
    "public_network_access": Opening(_word("enabled"), "low", "medium", _INTERNET),
    "allow_blob_public_access": Opening(_true, "low", "high", "its blobs may be made public"),
    "allow_nested_items_to_be_public": Opening(_true, "low", "high", "its blobs may be public"),
    "container_access_type": Opening(
        _word("blob", "container"), "high", "high", "everybody can read it"
    ),
    "acl": Opening(
        _word("public-read", "public-read-write", "authenticated-read"),
        "high",
        "high",
        "everybody can read it",
    ),
    "public_access_prevention": Opening(_word("inherited"), "low", "medium", _BLOCK_OFF),
    **dict.fromkeys(
        (
            "block_public_acls",
            "block_public_policy",
            "ignore_public_acls",
            "restrict_public_buckets",
        ),
        Opening(_false, "medium", "high", _BLOCK_OFF),
    ),
    "endpoint_public_access": Opening(_true, "low", "medium", "its API is on the internet"),
    "public_access_cidrs": Opening(_world, "low", "medium", "its API is open to every address"),
    "cidr_blocks.cidr_block": Opening(_world, "medium", "high", "its API is open to every address"),
    "api_server_authorized_ip_ranges": Opening(
        _world, "medium", "high", "its API is open to every address"
    ),
    "authorization_type": Opening(_word("none"), "medium", "high", "it asks nobody who they are"),
    "authorization": Opening(_word("none"), "low", "medium", "it asks nobody who they are"),
    "map_public_ip_on_launch": Opening(_true, "low", "medium", "what starts in it is public"),
    "associate_public_ip_address": Opening(_true, "low", "medium", "it gets a public address"),
    "ip_configuration.ipv4_enabled": Opening(_true, "low", "medium", "it gets a public address"),
    "authorized_networks.value": Opening(_world, "high", "high", _INTERNET),
    "access.special_group": Opening(
        _word("allauthenticatedusers", "allusers"), "high", "high", "everybody can read it"
    ),
    "launch_permission.group": Opening(_word("all"), "high", "high", "everybody can copy it"),
    "anonymous_pull_enabled": Opening(_true, "medium", "high", "everybody can read it"),
}


def opened(change: PlannedChange) -> Iterator[Signal]:
    found = [one for edit in change.edits if (one := _opening(change, edit)) is not None]
    if not found:
        return
    severity, first, opening = max(found, key=lambda one: rank(one[0]))
    flags = ", ".join(f"`{edit.key}`" for _, edit, _ in found[:4])
    names = [attribute_names(edit.pointer) for _, edit, _ in found]
    yield change.told(
        Signal(
            id="public_access",
            severity=severity,
            summary=f"{opening.what} ({flags})",
            where=first.pointer,
            why=(
                "Scanners find it within minutes; a password or a forgotten policy is then "
                "all that "
                "stands between the internet and it."
            ),
            remedy=(
                "Keep it private and reach it through a load balancer, a VPN or a private endpoint."
            ),
            aliases=tuple(alias for name in names for alias in aliases_of(name, change.type)),
        )
    )


def _opening(change: PlannedChange, edit: Edit) -> tuple[Severity, Edit, Opening] | None:
    last, pair = attribute_names(edit.pointer)
    opening = OPENINGS.get(pair) or OPENINGS.get(last)
    if opening is None or not opening.is_open(edit.new) or opening.is_open(edit.old):
        return None
    is_new = change.action == "create" or not change.old
    return (opening.created if is_new else opening.opened), edit, opening
