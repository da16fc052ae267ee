"""DNS records that lead elsewhere from now on."""

import re
from collections.abc import Iterator

from controlplane.risk.signals import Signal
from controlplane.risk.terraform.planned import PlannedChange, attribute_names

_RECORD = re.compile(
    r"\w+_(?:record|record_set|recordset|dns_\w+_record|zone_record|domain_record)"
)
_TARGETS = frozenset(
    {"records", "rrdatas", "record", "value", "content", "target", "target_resource_id", "name"}
)
_ROOT = frozenset({"NS", "SOA", "DS"})


def redirected(change: PlannedChange) -> Iterator[Signal]:
    if change.action != "update" or not _RECORD.fullmatch(change.type[:120].lower()):
        return
    moved = [edit for edit in change.edits if attribute_names(edit.pointer)[0] in _TARGETS]
    if moved:
        yield change.told(
            Signal(
                id="dns_changed",
                severity="high" if change.after.get("type") in _ROOT else "medium",
                summary=f"the name leads elsewhere, `{moved[0].key}` {moved[0].step}",
                where=moved[0].pointer,
                why="It reaches everybody at once, and whoever cached it keeps it for its TTL, "
                "after a way back too.",
                remedy="Lower the TTL days before; move traffic by weights first, then the name.",
                reversibility="costly",
            )
        )
