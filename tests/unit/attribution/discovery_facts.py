"""Facts as a server would give them, written short."""

from attribution.discovery.candidates import candidates, grouping, status_among, unknown_labels
from attribution.discovery.facts import Facts, Family, Group
from attribution.discovery.propose import propose


def family(name: str, *series: dict, names=(), types=None) -> list[Family]:
    """What the adapter makes of these series of one metric: a family for each of its signals."""
    found = []
    labels = {label for one in series for label in one}
    known = {name, *names, name.replace("_bucket", "_count"), name.replace("_count", "_sum")}
    for candidate in candidates(sorted(known), types or {}):
        if candidate.name != name:
            continue
        unknown = unknown_labels(candidate, labels)
        values = {each: sorted({one.get(each, "") for one in series} - {""}) for each in unknown}
        status = status_among(values)
        by = (*grouping(candidate, labels), *([status] if status else ()))
        groups = [Group({label: one.get(label, "") for label in by}, 1) for one in series]
        found.append(Family(candidate, tuple(groups), {status: "status"} if status else {}))
    return found


def proposed(*families, targets=(), catalogue=()):
    """Name -> proposal, and the remarks."""
    every = tuple(one for many in families for one in many)
    proposals, remarks = propose(Facts(every, tuple(targets), tuple(catalogue)))
    return {one.name: one for one in proposals}, remarks


def specs(proposal) -> dict[str, dict]:
    return {one.name: one.spec() for one in proposal.guards}
