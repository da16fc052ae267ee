"""What blocks reads or writes for as long as the table is large, or makes the migration fail."""

from controlplane.risk.sql.entries import EXPAND, Entry, squawk

_TWO_STEPS = "Add it NOT VALID, then VALIDATE CONSTRAINT in a transaction of its own."
_BLOCKED = "ACCESS EXCLUSIVE lock: reads and writes of the table wait, and queue behind it, while "

LOCKS: dict[str, Entry] = {
    "index_blocks_writes": Entry(
        "SHARE lock: writes wait until the index is built.",
        "CREATE INDEX CONCURRENTLY, outside of a transaction.",
        (
            *squawk("require-concurrent-index-creation"),
            "django-migration-linter:CREATE_INDEX",
        ),
    ),
    "concurrent_index_in_transaction": Entry(
        "PostgreSQL refuses it inside of a transaction: the migration fails.",
        "Run it outside: `atomic = False` in Django, `disable_ddl_transaction!` in Rails.",
        squawk("ban-concurrent-index-creation-in-transaction"),
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
        (*squawk("require-concurrent-index-deletion"), "django-migration-linter:DROP_INDEX"),
    ),
    "index_rebuilt": Entry(
        "Writes wait, and reads that want the index, until it is built anew.",
        "REINDEX … CONCURRENTLY, outside of a transaction.",
        (*squawk("require-concurrent-reindex"), "django-migration-linter:REINDEX"),
    ),
    "column_type_changed": Entry(
        _BLOCKED + "every row and index is rewritten; the old version may not fit the new type.",
        EXPAND,
        (*squawk("changing-column-type"), "django-migration-linter:ALTER_COLUMN"),
        "costly",
    ),
    "default_rewrites": Entry(
        _BLOCKED + "the default is computed for every row.",
        "Add the column without it, set the default in a second statement, fill it in batches.",
        squawk("adding-field-with-default"),
    ),
    "auto_increment_added": Entry(
        _BLOCKED + "every row gets its number.",
        "Add a nullable column, fill it in batches, then attach the sequence.",
        squawk("adding-field-with-default", "adding-serial-primary-key-field"),
    ),
    "stored_column_added": Entry(
        _BLOCKED + "the expression is computed for every row.",
        "Add a plain column, fill it in batches, keep it by a trigger.",
        squawk("adding-field-with-default"),
    ),
    "check_added": Entry(
        _BLOCKED + "every row is checked.",
        _TWO_STEPS,
        squawk("constraint-missing-not-valid"),
    ),
    "foreign_key_added": Entry(
        "Writes of both tables wait while every row is checked.",
        _TWO_STEPS,
        squawk("adding-foreign-key-constraint", "constraint-missing-not-valid"),
    ),
    "unique_constraint_added": Entry(
        _BLOCKED + "its index is built; duplicates make it fail.",
        "CREATE UNIQUE INDEX CONCURRENTLY, then ADD CONSTRAINT … USING INDEX.",
        (*squawk("disallowed-unique-constraint"), "django-migration-linter:ADD_UNIQUE"),
    ),
    "primary_key_changed": Entry(
        _BLOCKED + "the table or the key's index is built anew.",
        "CREATE UNIQUE INDEX CONCURRENTLY, then ADD PRIMARY KEY USING INDEX.",
        squawk("adding-serial-primary-key-field"),
    ),
    "exclusion_added": Entry(
        _BLOCKED + "every row is compared; there is no way to add it unchecked.",
        "Add it while the table is small or nothing writes.",
    ),
    "validated_at_once": Entry(
        "The scan runs while the lock of the same transaction still blocks the table.",
        "Commit first: VALIDATE CONSTRAINT by itself blocks neither reads nor writes.",
        squawk("constraint-missing-not-valid"),
    ),
    "domain_constrained": Entry(
        "Every table that uses the domain is scanned under a lock.",
        "Put the check on the tables, NOT VALID first.",
        squawk("ban-alter-domain-with-add-constraint"),
    ),
    "constrained_domain_created": Entry(
        "Its constraint can later be changed only by scanning every table that uses it.",
        "Put the check on the tables.",
        squawk("ban-create-domain-with-constraint"),
    ),
    "table_rewritten": Entry(
        "The table is locked while it is written anew.",
        "Use a tool that copies beside the traffic: pg_repack, gh-ost, pt-online-schema-change.",
        squawk("prefer-repack"),
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
        squawk("require-concurrent-partition-detach"),
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
        squawk("require-lock-timeout", "require-timeout-settings"),
    ),
}
