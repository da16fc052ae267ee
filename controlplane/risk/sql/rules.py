"""Which rule looks at which step."""

from collections.abc import Callable, Iterable, Iterator

from controlplane.risk.signals import Signal
from controlplane.risk.sql import column_rules, index_rules, other_rules, table_rules
from controlplane.risk.sql.replay import Replay
from controlplane.risk.sql.steps import Step

Rule = Callable[[Replay, Step], Iterable[Signal]]

RULES: dict[str, Rule] = {
    "add_column": column_rules.added,
    "drop_column": column_rules.dropped,
    "rename_column": column_rules.renamed,
    "set_not_null": column_rules.not_null_set,
    "drop_not_null": column_rules.not_null_dropped,
    "drop_default": column_rules.default_dropped,
    "drop_identity": column_rules.identity_dropped,
    "change_type": column_rules.type_changed,
    "modify_column": column_rules.modified,
    "drop_table": table_rules.dropped,
    "rename_table": table_rules.renamed,
    "move_to_schema": table_rules.moved,
    "add_constraint": table_rules.constrained,
    "validate_constraint": table_rules.validated,
    "drop_primary_key": table_rules.primary_key_dropped,
    "rewrite": table_rules.rewritten,
    "set_expression": table_rules.rewritten,
    "attach_partition": table_rules.partition_attached,
    "detach_partition": table_rules.partition_detached,
    "drop_partition": table_rules.partition_dropped,
    "truncate": table_rules.truncated,
    "lock_table": table_rules.locked,
    "refresh_view": table_rules.view_refreshed,
    "delete_rows": table_rules.rows_deleted,
    "update_rows": table_rules.rows_updated,
    "create_index": index_rules.created,
    "drop_index": index_rules.dropped,
    "reindex": index_rules.rebuilt,
    "drop_object": other_rules.dropped,
    "rename_object": other_rules.renamed,
    "rename_enum_value": other_rules.enum_value_renamed,
    "add_enum_value": other_rules.enum_value_added,
    "change_composite_type": other_rules.composite_changed,
    "constrain_domain": other_rules.domain_constrained,
    "create_domain_with_constraint": other_rules.domain_created,
    "enable_row_security": other_rules.row_security_enabled,
    "disable_row_security": other_rules.row_security_disabled,
    "disable_trigger": other_rules.trigger_disabled,
    "superuser": other_rules.superuser,
    "grant_to_public": other_rules.granted_to_public,
    "revoke": other_rules.revoked,
    "server_setting": other_rules.server_setting,
    "opaque": other_rules.opaque,
    "begin": other_rules.begun,
    "commit": other_rules.ended,
    "rollback": other_rules.ended,
    "unknown": other_rules.unknown,
}


def look_at(replay: Replay, step: Step) -> Iterator[Signal]:
    rule = RULES.get(step.action)
    if rule is not None:
        yield from rule(replay, step)
    yield from table_rules.told_to_block(replay, step)
