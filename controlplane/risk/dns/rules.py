"""What a change of a zone brings in. Bounds and the root's NS as octoDNS refuses them by itself."""

import ipaddress
from collections.abc import Iterator

from controlplane.risk.dns.zone import ROOT, RecordSet, Zone
from controlplane.risk.signals import Reversibility, Severity, Signal

# octoDNS: MAX_SAFE_UPDATE_PCENT, MAX_SAFE_DELETE_PCENT, MIN_EXISTING_RECORDS.
MOST_OF_A_ZONE, FEWEST_RECORDS = 0.3, 10
LONG_TTL_S = 6 * 3600
ADDRESSES = ("A", "AAAA")
# RFC 1918, 4193, 3927, 4291; not what Python calls private, which has the documentation's nets.
INSIDE = tuple(
    ipaddress.ip_network(network)
    for network in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16"),
        *("fc00::/7", "fe80::/10", "::1/128"),
    )
)
LEADING = (*ADDRESSES, "ALIAS", "CNAME", "MX", "SRV")
# Without it mail is lost, a zone below is gone, or a chain of trust is broken.
GRAVE_TO_LOSE = ("MX", "NS", "DS", "DNSKEY", "SRV")


def root_ns(before: Zone, after: Zone) -> Iterator[Signal]:
    old, new = before.get((ROOT, "NS")), after.get((ROOT, "NS"))
    if old is None or (new is not None and new.values == old.values):
        return
    yield _told(
        old,
        "root_ns_changed",
        "critical",
        "the name servers of the zone itself are other ones" if new else "its name servers go",
        "With wrong ones the whole zone is gone for as long as resolvers remember them: days.",
        "Change them at the registrar first, one at a time, while both sets serve the zone.",
        reversibility="costly",
    )


def mass(before: Zone, after: Zone) -> Iterator[Signal]:
    if len(before) < FEWEST_RECORDS:
        return
    gone = len(before.keys() - after.keys())
    other = sum(after[key] != before[key] for key in before.keys() & after.keys())
    for count, name, words in ((gone, "deleted", "taken out"), (other, "updated", "changed")):
        share = count / len(before)
        if share > MOST_OF_A_ZONE:
            severity: Severity = "critical" if name == "deleted" and share == 1 else "high"
            yield Signal(
                id=f"zone_mostly_{name}",
                severity=severity,
                summary=f"{count} of {len(before)} record sets are {words} ({share:.0%})",
                where="",
                why="So much of a zone at once is more often an empty source than an intention.",
                remedy="See that the source is whole; else do it in parts.",
                aliases=("octodns:UnsafePlan",),
                reversibility="costly",
            )


def lost(before: Zone, after: Zone) -> Iterator[Signal]:
    for key in sorted(before.keys() - after.keys()):
        record = before[key]
        if key == (ROOT, "NS"):
            continue
        grave = record.type in GRAVE_TO_LOSE
        yield _told(
            record,
            "record_removed",
            "high" if grave else "medium",
            "is taken out",
            "Whoever asks for it gets no answer, and remembers for a while that there is none.",
            "Take it out when nobody has asked for it for some time.",
        )


def slow_to_undo(before: Zone, after: Zone) -> Iterator[Signal]:
    """A wrong new value is remembered for the new TTL, the old one for the old TTL."""
    for key in sorted(before.keys() & after.keys()):
        old, new = before[key], after[key]
        if old.values == new.values or max(old.ttl_s, new.ttl_s) <= LONG_TTL_S:
            continue
        yield _told(
            new,
            "long_ttl_while_changing",
            "medium",
            f"changes while it is remembered for {max(old.ttl_s, new.ttl_s) / 3600:g} hours",
            "So long some go to the old place and some to the new, and as long after an undo.",
            "Lower the TTL first, wait for the old one to pass, then change the value.",
            reversibility="costly",
        )


def redirected(before: Zone, after: Zone) -> Iterator[Signal]:
    for key in sorted(before.keys() & after.keys()):
        old, new = before[key], after[key]
        if new.type in LEADING and old.values and not set(old.values) & set(new.values):
            yield _told(
                new,
                "record_redirected",
                "medium",
                "leads somewhere else altogether",
                "Everybody moves to the new place within the TTL, and no share of them first.",
                "Move a part of the traffic first: by weights, or by a name of its own.",
            )


def wrong(before: Zone, after: Zone) -> Iterator[Signal]:
    """What no server may answer, or what sends people where nothing is."""
    types: dict[str, set[str]] = {}
    for name, kind in after:
        types.setdefault(name, set()).add(kind)
    for key in sorted(after):
        record = after[key]
        if before.get(key) == record:
            continue
        if record.type == "CNAME" and (record.name == ROOT or len(types[record.name]) > 1):
            yield _told(
                record,
                "cname_beside_others",
                "high",
                "is a CNAME where there are other records",
                "RFC 1034 allows nothing beside it; servers refuse the zone, or answer either.",
                "Use ALIAS or addresses, or move the other records.",
            )
        if record.type in ADDRESSES and any(_is_private(value) for value in record.values):
            yield _told(
                record,
                "private_address",
                "medium",
                "leads to an address that only exists inside",
                "From outside nobody gets there, and it tells what is inside.",
                "Keep it in the zone that only the inside sees.",
            )


def opened(before: Zone, after: Zone) -> Iterator[Signal]:
    for key in sorted(after):
        record, old = after[key], before.get(key)
        if record == old:
            continue
        if record.name.startswith("*") and old is None:
            yield _told(
                record,
                "wildcard_added",
                "medium",
                "answers for every name that has none",
                "Mistyped and forgotten names lead there as well.",
                "Name what is meant.",
            )
        if (
            record.type == "TXT"
            and _anybody_may_send(record)
            and not (old and _anybody_may_send(old))
        ):
            yield _told(
                record,
                "spf_allows_all",
                "high",
                "lets everybody send mail in the zone's name",
                "`+all` makes SPF pass for any sender.",
                "End the policy with `~all` or `-all`.",
            )
    if any(kind == "CAA" for _, kind in before) and not any(kind == "CAA" for _, kind in after):
        yield Signal(
            id="caa_lost",
            severity="medium",
            summary="No CAA record is left: any authority may issue certificates",
            where="",
            why="What limited who may issue certificates for these names is gone.",
            remedy="Keep a CAA record for the zone.",
        )


def _anybody_may_send(record: RecordSet) -> bool:
    policies = (value.strip('"').lower().split() for value in record.values)
    return any(p[:1] == ["v=spf1"] and ("+all" in p or "all" in p) for p in policies)


def _is_private(value: str) -> bool:
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        return False
    return any(address in network for network in INSIDE if network.version == address.version)


def _told(  # noqa: PLR0913 - what a signal has
    record: RecordSet,
    name: str,
    severity: Severity,
    summary: str,
    why: str,
    remedy: str,
    *,
    reversibility: Reversibility = "reversible",
) -> Signal:
    return Signal(
        id=name,
        severity=severity,
        summary=f"{record.shown}: {summary}",
        where=record.where,
        why=why,
        remedy=remedy,
        reversibility=reversibility,
    )


RULES = (root_ns, mass, lost, slow_to_undo, redirected, wrong, opened)
