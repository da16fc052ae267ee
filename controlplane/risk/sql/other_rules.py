"""Objects other than tables, rights, settings, and the transaction itself."""

from collections.abc import Iterator
from dataclasses import replace

from controlplane.risk.signals import Severity, Signal, unparsed
from controlplane.risk.sql.replay import Replay
from controlplane.risk.sql.steps import Step

# What no query names: dropping it slows things down at worst.
_UNSEEN = {"statistics", "default", "language", "text search", "large object"}
_HOLDS_DATA = {"database", "owned"}


def dropped(replay: Replay, step: Step) -> Iterator[Signal]:
    kind = next(iter(step.flags - {"cascade"}), "object")
    made_anew = (kind, step.table, step.name) in replay.outlook.created_objects
    if made_anew or kind in _UNSEEN or (step.table and not replay.is_live(step.table)):
        return
    cascade = " with all that depends on it" if "cascade" in step.flags else ""
    summary = f"{kind} {step.name}{cascade} is dropped"
    if kind in _HOLDS_DATA or (kind == "schema" and cascade):
        yield replay.finding("database_dropped", "critical", summary, step)
    else:
        severity: Severity = "high" if cascade or kind == "schema" else "medium"
        found = replay.finding("object_dropped", severity, summary, step)
        yield replace(found, aliases=(f"squawk:ban-drop-{kind.rpartition(' ')[2]}",))


def renamed(replay: Replay, step: Step) -> Iterator[Signal]:
    kind = next(iter(step.flags), "object")
    if kind in ("index", "trigger", "policy", "statistics") or step.name in replay.objects:
        return
    severity: Severity = "high" if kind in _NAMED_IN_QUERIES else "medium"
    summary = f"{kind} {step.name} is renamed to {step.new_name}"
    yield replay.finding("object_renamed", severity, summary, step)


_NAMED_IN_QUERIES = {"schema", "view", "materialized view", "database"}


def enum_value_renamed(replay: Replay, step: Step) -> Iterator[Signal]:
    """Of a type that the same file makes too: its values are in use as soon as it stands there,
    and renaming at once means that the file itself is not settled.
    """
    values = " to ".join(token.text for token in step.expression if token.kind == "string")
    summary = f"a value of {step.name} is renamed: {values}"
    yield replay.finding("enum_value_renamed", "high", summary, step)


def enum_value_added(replay: Replay, step: Step) -> Iterator[Signal]:
    refused = replay.in_transaction and not replay.engine.can("enum value in a transaction")
    if refused and step.name not in replay.objects:
        summary = f"{step.name} gets a value inside of a transaction"
        yield replay.finding("enum_value_in_transaction", "medium", summary, step)


def composite_changed(replay: Replay, step: Step) -> Iterator[Signal]:
    if step.name not in replay.objects:
        summary = f"an attribute of type {step.name} changes"
        yield replay.finding("column_type_changed", "high", summary, step)


def domain_constrained(replay: Replay, step: Step) -> Iterator[Signal]:
    deferred = step.constraint is not None and step.constraint.deferred_check
    if step.name not in replay.objects and not deferred:
        summary = f"domain {step.name} gets a constraint"
        yield replay.finding("domain_constrained", "high", summary, step)


def domain_created(replay: Replay, step: Step) -> Iterator[Signal]:
    summary = f"domain {step.name} is created with a constraint"
    yield replay.finding("constrained_domain_created", "medium", summary, step)


def row_security_enabled(replay: Replay, step: Step) -> Iterator[Signal]:
    if replay.is_live(step.table):
        summary = f"row level security is switched on for {step.table}"
        yield replay.finding("row_security_enabled", "medium", summary, step)


def row_security_disabled(replay: Replay, step: Step) -> Iterator[Signal]:
    summary = f"row level security is switched off for {step.table}"
    yield replay.finding("protection_removed", "high", summary, step)


def trigger_disabled(replay: Replay, step: Step) -> Iterator[Signal]:
    summary = f"trigger {step.name} of {step.table} is switched off"
    yield replay.finding("protection_removed", "medium", summary, step)


def superuser(replay: Replay, step: Step) -> Iterator[Signal]:
    yield replay.finding("access_widened", "high", f"{step.name} becomes a superuser", step)


def granted_to_public(replay: Replay, step: Step) -> Iterator[Signal]:
    yield replay.finding("access_widened", "medium", "a right is granted to PUBLIC", step)


def revoked(replay: Replay, step: Step) -> Iterator[Signal]:
    yield replay.finding("access_revoked", "medium", f"revoked: {step.name}", step)


def server_setting(replay: Replay, step: Step) -> Iterator[Signal]:
    yield replay.finding("server_setting", "medium", f"{step.name} changes the server", step)


def opaque(replay: Replay, step: Step) -> Iterator[Signal]:
    summary = f"what `{step.name}` runs is not in the artefact"
    yield replay.finding("opaque_step", "medium", summary, step)


def begun(replay: Replay, step: Step) -> Iterator[Signal]:
    if replay.in_transaction:
        summary = "a transaction begins within another"
        yield replay.finding("transaction_nested", "medium", summary, step)


def ended(replay: Replay, step: Step) -> Iterator[Signal]:
    if not replay.in_transaction:
        summary = "a transaction ends that the file has not begun"
        yield replay.finding("transaction_nested", "medium", summary, step)


def unknown(replay: Replay, step: Step) -> Iterator[Signal]:
    if not step.table or replay.is_live(step.table):
        where = f"line {replay.line(step.start)}"
        yield unparsed(f"`{step.name[:60]}` is no statement that Graygate knows", where)
