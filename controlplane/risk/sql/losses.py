"""What the old version, which runs beside the new one, cannot live with; and what is lost."""

from controlplane.risk.sql.entries import EXPAND, Entry, squawk

_STOP_USING = (
    "First release a version that no longer uses it, wait until no instance of the old one is "
    "left, then drop it in a migration of its own; keep a back-up."
)
LOSSES: dict[str, Entry] = {
    "table_dropped": Entry(
        "Its rows are gone, and the old version still reads and writes it.",
        _STOP_USING,
        (*squawk("ban-drop-table"), "django-migration-linter:DROP_TABLE"),
        "irreversible",
    ),
    "table_truncated": Entry(
        "All rows are gone, with CASCADE those of every table that refers to it too.",
        "Delete what is to go in batches with a condition, after a back-up.",
        squawk("ban-truncate-cascade"),
        "irreversible",
    ),
    "database_dropped": Entry(
        "Everything in it is gone.",
        "Take it out of use and out of the migrations; drop it by hand after a back-up.",
        squawk("ban-drop-database"),
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
        (*squawk("ban-drop-column"), "django-migration-linter:DROP_COLUMN"),
        "irreversible",
    ),
    "column_renamed": Entry(
        "Between migration and the last old instance one of both versions names it wrongly.",
        EXPAND,
        (*squawk("renaming-column"), "django-migration-linter:RENAME_COLUMN"),
        "costly",
    ),
    "table_renamed": Entry(
        "Between migration and the last old instance one of both versions names it wrongly.",
        "Rename it and create a view with the old name in one transaction; drop the view later.",
        (*squawk("renaming-table", "ban-set-schema"), "django-migration-linter:RENAME_TABLE"),
        "costly",
    ),
    "object_renamed": Entry(
        "The old version, and what else refers to it by name, does not find it.",
        EXPAND,
        squawk("renaming-object"),
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
            *squawk("adding-required-field", "adding-not-nullable-field"),
            "django-migration-linter:NOT_NULL",
        ),
    ),
    "not_null_added": Entry(
        "The whole table is scanned under a lock that blocks reads and writes, and the old version "
        "may still write NULL.",
        "Add CHECK (column IS NOT NULL) NOT VALID, validate it, then SET NOT NULL (PostgreSQL 12 "
        "and newer skip the scan), then drop the check. Release code that writes no NULL first.",
        (*squawk("adding-not-nullable-field"), "django-migration-linter:NOT_NULL"),
    ),
    "not_null_dropped": Entry(
        "The old version may not expect NULL when it reads.",
        "Write NULL only when no old instance is left.",
        squawk("ban-drop-not-null"),
    ),
    "default_dropped": Entry(
        "Inserts of the old version that leave the column out may fail.",
        "Drop the default when no old instance relies on it.",
        squawk("ban-drop-default", "ban-alter-identity", "ban-drop-generated-expression"),
    ),
    "new_uniqueness": Entry(
        "Duplicates make it fail; inserts of the old version that were fine are refused.",
        "Let the application keep it unique first, remove the duplicates, then add it.",
        (*squawk("disallowed-unique-constraint"), "django-migration-linter:ADD_UNIQUE"),
    ),
    "json_column": Entry(
        "`json` has no equality operator: SELECT DISTINCT of whole rows fails.",
        "Use jsonb.",
    ),
}
