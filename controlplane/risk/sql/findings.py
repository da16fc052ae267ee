"""The catalogue: for each signal why it matters, the safe way, and what other linters call it."""

from dataclasses import dataclass

from controlplane.risk.signals import Reversibility


@dataclass(frozen=True, slots=True)
class Entry:
    why: str
    remedy: str
    aliases: tuple[str, ...] = ()
    reversibility: Reversibility = "reversible"


def _squawk(*names: str) -> tuple[str, ...]:
    return tuple(f"squawk:{name}" for name in names)


_STOP_USING = (
    "First release a version that no longer uses it, wait until no instance of the old one is "
    "left, then drop it in a migration of its own; keep a back-up."
)
_EXPAND = (
    "Expand and contract: add the new one beside it, write both, copy the old values, move the "
    "readers, then drop the old one in a later release."
)
_TWO_STEPS = "Add it NOT VALID, then VALIDATE CONSTRAINT in a transaction of its own."
_BLOCKED = "ACCESS EXCLUSIVE lock: reads and writes of the table wait, and queue behind it, while "

CATALOGUE: dict[str, Entry] = {
    # What the old version, which runs beside the new one, cannot live with; and what is lost.
    "table_dropped": Entry(
        "Its rows are gone, and the old version still reads and writes it.",
        _STOP_USING,
        (*_squawk("ban-drop-table"), "django-migration-linter:DROP_TABLE"),
        "irreversible",
    ),
    "table_truncated": Entry(
        "All rows are gone, with CASCADE those of every table that refers to it too.",
        "Delete what is to go in batches with a condition, after a back-up.",
        _squawk("ban-truncate-cascade"),
        "irreversible",
    ),
    "database_dropped": Entry(
        "Everything in it is gone.",
        "Take it out of use and out of the migrations; drop it by hand after a back-up.",
        _squawk("ban-drop-database"),
        "irreversible",
    ),
    "partition_dropped": Entry(
        "Its rows are gone.",
        "Detach it, keep it until nobody misses it, then drop it.",
        (),
        "irreversible",
    ),
    "rows_deleted": Entry(
        "Without a condition every row goes, in one long transaction.",
        "Name the rows in a WHERE, and delete them in batches.",
        (),
        "irreversible",
    ),
    "column_dropped": Entry(
        "The old version still names the column in its queries; its values are gone.",
        _STOP_USING,
        (*_squawk("ban-drop-column"), "django-migration-linter:DROP_COLUMN"),
        "irreversible",
    ),
    "column_renamed": Entry(
        "Between migration and the last old instance one of both versions names it wrongly.",
        _EXPAND,
        (*_squawk("renaming-column"), "django-migration-linter:RENAME_COLUMN"),
        "costly",
    ),
    "table_renamed": Entry(
        "Between migration and the last old instance one of both versions names it wrongly.",
        "Rename it and create a view with the old name in one transaction; drop the view later.",
        (*_squawk("renaming-table"), "django-migration-linter:RENAME_TABLE"),
        "costly",
    ),
    "object_renamed": Entry(
        "The old version, and what else refers to it by name, does not find it.",
        _EXPAND,
        (),
        "costly",
    ),
    "object_dropped": Entry(
        "The old version may still use it; CASCADE takes what depends on it along.",
        _STOP_USING,
        (),
        "costly",
    ),
    "enum_value_renamed": Entry(
        "The old version writes the old value, which is refused, and reads one it does not know.",
        "Add the new value, accept both, rewrite the rows, then stop using the old value.",
        (),
        "costly",
    ),
    "required_column_added": Entry(
        "Inserts of the old version, which does not know the column, fail.",
        "Add it with a default that stays until the old version is gone, or nullable first.",
        (
            *_squawk("adding-required-field", "adding-not-nullable-field"),
            "django-migration-linter:NOT_NULL",
        ),
    ),
    "not_null_added": Entry(
        "The whole table is scanned under a lock that blocks reads and writes, and the old version "
        "may still write NULL.",
        "Add CHECK (column IS NOT NULL) NOT VALID, validate it, then SET NOT NULL (PostgreSQL 12 "
        "and newer skip the scan), then drop the check. Release code that writes no NULL first.",
        (*_squawk("adding-not-nullable-field"), "django-migration-linter:NOT_NULL"),
    ),
    "not_null_dropped": Entry(
        "The old version may not expect NULL when it reads.",
        "Write NULL only when no old instance is left.",
        _squawk("ban-drop-not-null"),
    ),
    "default_dropped": Entry(
        "Inserts of the old version that leave the column out may fail.",
        "Drop the default when no old instance relies on it.",
    ),
    "new_uniqueness": Entry(
        "Duplicates make it fail; inserts of the old version that were fine are refused.",
        "Let the application keep it unique first, remove the duplicates, then add it.",
        (*_squawk("disallowed-unique-constraint"), "django-migration-linter:ADD_UNIQUE"),
    ),
    "json_column": Entry(
        "`json` has no equality operator: SELECT DISTINCT of whole rows fails.",
        "Use jsonb.",
    ),
    # What blocks.
    "index_blocks_writes": Entry(
        "SHARE lock: writes wait until the index is built.",
        "CREATE INDEX CONCURRENTLY, outside of a transaction.",
        (
            *_squawk("require-concurrent-index-creation"),
            "django-migration-linter:CREATE_INDEX",
        ),
    ),
    "concurrent_index_in_transaction": Entry(
        "PostgreSQL refuses it inside of a transaction: the migration fails.",
        "Run it outside: `atomic = False` in Django, `disable_ddl_transaction!` in Rails.",
        _squawk("ban-concurrent-index-creation-in-transaction"),
    ),
    "index_corruption_bug": Entry(
        "PostgreSQL 14.0 to 14.3 can build corrupt indexes concurrently.",
        "Update the server to 14.4 or newer first.",
    ),
    "wide_index": Entry(
        "Beyond three columns an index that is not unique seldom helps more than it costs writes.",
        "Keep the most selective columns; measure with EXPLAIN.",
    ),
    "index_dropped": Entry(
        "ACCESS EXCLUSIVE lock on the table; and queries that used the index become slow.",
        "DROP INDEX CONCURRENTLY, outside of a transaction, after looking at pg_stat_user_indexes.",
        (*_squawk("require-concurrent-index-deletion"), "django-migration-linter:DROP_INDEX"),
    ),
    "index_rebuilt": Entry(
        "Writes wait, and reads that want the index, until it is built anew.",
        "REINDEX … CONCURRENTLY, outside of a transaction.",
        (*_squawk("require-concurrent-reindex"), "django-migration-linter:REINDEX"),
    ),
    "column_type_changed": Entry(
        _BLOCKED + "every row and index is rewritten; the old version may not fit the new type.",
        _EXPAND,
        (*_squawk("changing-column-type"), "django-migration-linter:ALTER_COLUMN"),
        "costly",
    ),
    "default_rewrites": Entry(
        _BLOCKED + "the default is computed for every row.",
        "Add the column without it, set the default in a second statement, fill it in batches.",
        _squawk("adding-field-with-default"),
    ),
    "auto_increment_added": Entry(
        _BLOCKED + "every row gets its number.",
        "Add a nullable column, fill it in batches, then attach the sequence.",
        _squawk("adding-field-with-default", "adding-serial-primary-key-field"),
    ),
    "stored_column_added": Entry(
        _BLOCKED + "the expression is computed for every row.",
        "Add a plain column, fill it in batches, keep it by a trigger.",
        _squawk("adding-field-with-default"),
    ),
    "check_added": Entry(
        _BLOCKED + "every row is checked.",
        _TWO_STEPS,
        _squawk("constraint-missing-not-valid"),
    ),
    "foreign_key_added": Entry(
        "Writes of both tables wait while every row is checked.",
        _TWO_STEPS,
        _squawk("adding-foreign-key-constraint", "constraint-missing-not-valid"),
    ),
    "unique_constraint_added": Entry(
        _BLOCKED + "its index is built; duplicates make it fail.",
        "CREATE UNIQUE INDEX CONCURRENTLY, then ADD CONSTRAINT … USING INDEX.",
        (*_squawk("disallowed-unique-constraint"), "django-migration-linter:ADD_UNIQUE"),
    ),
    "primary_key_changed": Entry(
        _BLOCKED + "the table or the key's index is built anew.",
        "CREATE UNIQUE INDEX CONCURRENTLY, then ADD PRIMARY KEY USING INDEX.",
        _squawk("adding-serial-primary-key-field"),
    ),
    "exclusion_added": Entry(
        _BLOCKED + "every row is compared; there is no way to add it unchecked.",
        "Add it while the table is small or nothing writes.",
    ),
    "validated_at_once": Entry(
        "The scan runs while the lock of the same transaction still blocks the table.",
        "Commit first: VALIDATE CONSTRAINT by itself blocks neither reads nor writes.",
        _squawk("constraint-missing-not-valid"),
    ),
    "domain_constrained": Entry(
        "Every table that uses the domain is scanned under a lock.",
        "Put the check on the tables, NOT VALID first.",
        _squawk("ban-alter-domain-with-add-constraint"),
    ),
    "constrained_domain_created": Entry(
        "Its constraint can later be changed only by scanning every table that uses it.",
        "Put the check on the tables.",
        _squawk("ban-create-domain-with-constraint"),
    ),
    "table_rewritten": Entry(
        "The table is locked while it is written anew.",
        "Use a tool that copies beside the traffic: pg_repack, gh-ost, pt-online-schema-change.",
        _squawk("prefer-repack"),
    ),
    "table_copied": Entry(
        "What is written to the old table between copy and exchange is lost.",
        "Use a tool that follows the writes, or lock the table.",
    ),
    "view_refreshed": Entry(
        "Reads of the view wait until it is computed.",
        "REFRESH MATERIALIZED VIEW CONCURRENTLY.",
    ),
    "table_locked": Entry(
        "Whoever uses the table waits until the transaction ends.",
        "Leave it out, or hold it for one short statement, with a lock_timeout.",
    ),
    "partition_attached": Entry(
        "All rows are scanned unless a valid CHECK already says that they fit.",
        "Add a CHECK that equals the bounds NOT VALID, validate it, then attach.",
    ),
    "partition_detached": Entry(
        "ACCESS EXCLUSIVE lock on the parent: all its partitions wait.",
        "DETACH PARTITION … CONCURRENTLY, outside of a transaction.",
        _squawk("require-concurrent-partition-detach"),
    ),
    "rows_updated": Entry(
        "All rows are locked until the end of one long transaction; replicas fall behind.",
        "Update in batches, outside of the schema migration.",
    ),
    "rows_changed_under_lock": Entry(
        "The table's lock of the same transaction is held for as long as the rows take.",
        "Change rows in a migration of their own.",
    ),
    "no_lock_timeout": Entry(
        "While it waits for its lock, everybody behind it waits too.",
        "SET lock_timeout = '2s' and try again.",
        _squawk("require-timeout-settings"),
    ),
    # What gives away, or hides.
    "row_security_enabled": Entry(
        "Without a policy that fits, the old version sees no rows.",
        "Create the policies first, and try them with the application's role.",
    ),
    "protection_removed": Entry(
        "Checks that the data was protected by no longer run.",
        "Keep it on; if it has to be off for a moment, in one transaction.",
    ),
    "access_widened": Entry(
        "Everybody who can log in gets it, today's and tomorrow's roles.",
        "Grant to the role that needs it.",
    ),
    "access_revoked": Entry(
        "What the old version does with this right fails at once.",
        "Make sure that no running version uses it.",
    ),
    "server_setting": Entry(
        "It holds for every application on this server.",
        "Set it for the session, or roll it out as a configuration change.",
    ),
    "opaque_step": Entry(
        "What runs there does not stand in the artefact.",
        "Send the statements that will run.",
    ),
    "transaction_nested": Entry(
        "It begins or ends another transaction than it seems to; a failure leaves half of it.",
        "One BEGIN, one COMMIT; none where the migration tool opens the transaction.",
        _squawk("transaction-nesting"),
    ),
    "transaction_left_open": Entry(
        "Without COMMIT everything is undone when the connection closes.",
        "End the transaction.",
        _squawk("ban-uncommitted-transaction"),
    ),
    "enum_value_in_transaction": Entry(
        "PostgreSQL before 12 refuses it inside of a transaction: the migration fails.",
        "Run it outside of a transaction.",
    ),
    "engine_unknown": Entry(
        "It was read as PostgreSQL's; other servers lock otherwise.",
        "Name PostgreSQL, MySQL, MariaDB or SQLite as `dialect`, or have a person review it.",
    ),
}
