"""Updates in place that take capacity away, restart, or cannot be taken back."""

from collections.abc import Iterator

from controlplane.risk.edits import Edit
from controlplane.risk.images import version_of
from controlplane.risk.names import vocabulary
from controlplane.risk.shapes import number_of, text_of
from controlplane.risk.signals import Signal
from controlplane.risk.terraform.planned import PlannedChange, attribute_names

_CAPACITY = vocabulary(
    "desired_count desired_capacity desired_size min_size max_size min_capacity max_capacity "
    "node_count min_node_count max_node_count replicas num_nodes instance_count "
    "number_of_nodes num_cache_nodes num_node_groups replicas_per_node_group min_instances "
    "max_instances min_replicas max_replicas target_size instances "
    "reserved_concurrent_executions provisioned_throughput read_capacity write_capacity "
    "shard_count capacity"
)
_ORCHESTRATOR = vocabulary(
    "version kubernetes_version min_master_version master_version orchestrator_version"
)
_ENGINE = vocabulary(
    "engine_version kubernetes_version database_version min_master_version master_version "
    "orchestrator_version kafka_version elasticsearch_version redis_version server_version"
)
_SIZE = vocabulary(
    "instance_type instance_class node_type machine_type vm_size size tier sku_name "
    "cluster_type user_data"
)
_NOTHING_STOPS = ("template", "configuration", "profile", "pool", "group", "policy", "quota")


def changed(change: PlannedChange) -> Iterator[Signal]:
    if change.action != "update":
        return
    for edit in change.edits:
        if edit.added or edit.removed or change.is_unknown(edit.pointer):
            continue
        last, _ = attribute_names(edit.pointer)
        if last in _CAPACITY:
            yield from _less(change, edit)
        elif last in _ENGINE or (last == "version" and change.type.endswith("cluster")):
            yield from _upgraded(change, edit)
        elif last in _SIZE and edit.pointer.count("/") == 1:
            yield from _restarted(change, edit)


def _less(change: PlannedChange, edit: Edit) -> Iterator[Signal]:
    old, new = number_of(edit.old), number_of(edit.new)
    if old is None or new is None or old <= 0 or new > old / 2 or new < 0:
        return
    yield change.told(
        Signal(
            id="capacity_cut" if new else "capacity_to_zero",
            severity="medium" if new else "high",
            summary=f"capacity falls, `{edit.key}` {edit.step}",
            where=edit.pointer,
            why=(
                "What is left may not carry the load, and growing back takes minutes."
                if new
                else "Nothing is left to serve."
            ),
            remedy="Lower it in steps, each with its peak load watched.",
        )
    )


def _upgraded(change: PlannedChange, edit: Edit) -> Iterator[Signal]:
    old, new = version_of(_digits(edit.old)), version_of(_digits(edit.new))
    if old is None or new is None or old.numbers == new.numbers:
        return
    # Kubernetes raises its minor version where others raise the major one.
    told_by = 2 if attribute_names(edit.pointer)[0] in _ORCHESTRATOR else 1
    major = old.numbers[:told_by] != new.numbers[:told_by]
    yield change.told(
        Signal(
            id="engine_upgrade",
            severity="high" if major else "medium",
            summary=f"another version of what runs in it, `{edit.key}` {edit.step}",
            where=edit.pointer,
            why=(
                "It restarts, and no provider offers the way back to the older version."
                if major
                else "It restarts, at once or in the next maintenance window."
            ),
            remedy="Take a snapshot, rehearse on a restored copy, or use a blue/green deployment.",
            reversibility="irreversible" if major else "costly",
        )
    )


def _digits(value: object) -> str:
    """`POSTGRES_14`, `Redis 6.x`, `1.29` → the version in it."""
    text = text_of(value)[:60].replace("_", ".").replace(" ", ".")
    return text.lstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-")


def _restarted(change: PlannedChange, edit: Edit) -> Iterator[Signal]:
    """Templates and groups only say what the next one will look like."""
    if any(word in change.type for word in _NOTHING_STOPS):
        return
    yield change.told(
        Signal(
            id="restart",
            severity="medium",
            summary=(
                f"it stops and starts again, `{edit.key}` "
                + ("changes" if edit.key == "user_data" else edit.step)
            ),
            where=edit.pointer,
            why="While it does, it serves nobody.",
            remedy=(
                "Do it in a maintenance window, or one of several at a time behind a load balancer."
            ),
        )
    )
