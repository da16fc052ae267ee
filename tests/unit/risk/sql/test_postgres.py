"""What blocks PostgreSQL, what the old version cannot live with, and what is neither."""

import pytest

from controlplane.risk.classify import classify

NOT_NULL_BY_CHECK = """
ALTER TABLE orders ADD CONSTRAINT c CHECK (paid IS NOT NULL) NOT VALID;
ALTER TABLE orders VALIDATE CONSTRAINT c;
ALTER TABLE orders ALTER COLUMN paid SET NOT NULL;
ALTER TABLE orders DROP CONSTRAINT c;
"""

HARMFUL = [
    ("DROP TABLE IF EXISTS orders CASCADE", "table_dropped", "critical"),
    ("TRUNCATE ONLY orders", "table_truncated", "critical"),
    ("DROP DATABASE shop", "database_dropped", "critical"),
    ("DROP SCHEMA shop CASCADE", "database_dropped", "critical"),
    ("DELETE FROM orders", "rows_deleted", "high"),
    ("DELETE FROM orders WHERE true", "rows_deleted", "high"),
    ("WITH gone AS (DELETE FROM orders RETURNING *) SELECT 1 FROM gone", "rows_deleted", "high"),
    ("UPDATE orders SET paid = true", "rows_updated", "medium"),
    ("ALTER TABLE orders DROP paid", "column_dropped", "high"),
    ("ALTER TABLE orders RENAME paid TO settled", "column_renamed", "high"),
    ("ALTER TABLE orders RENAME TO purchases", "table_renamed", "high"),
    ("ALTER TABLE orders SET SCHEMA old", "table_renamed", "high"),
    ("ALTER VIEW open_orders RENAME TO pending", "object_renamed", "high"),
    ("ALTER TYPE state RENAME VALUE 'new' TO 'open'", "enum_value_renamed", "high"),
    ("DROP VIEW open_orders", "object_dropped", "medium"),
    ("DROP TYPE state CASCADE", "object_dropped", "high"),
    ("ALTER TABLE orders ADD paid boolean NOT NULL", "required_column_added", "high"),
    (
        (
            "ALTER TABLE orders ADD paid int DEFAULT 1 NOT NULL;"
            "ALTER TABLE orders ALTER paid DROP DEFAULT"
        ),
        "required_column_added",
        "high",
    ),
    ("ALTER TABLE orders ALTER paid SET NOT NULL", "not_null_added", "high"),
    ("ALTER TABLE orders ALTER paid DROP IDENTITY", "default_dropped", "medium"),
    ("ALTER TABLE orders ADD extra json", "json_column", "medium"),
    ("ALTER TABLE orders ADD token uuid DEFAULT gen_random_uuid()", "default_rewrites", "high"),
    ("ALTER TABLE orders ADD token text DEFAULT make_token(8)", "default_rewrites", "high"),
    ("ALTER TABLE orders ADD n bigserial", "auto_increment_added", "high"),
    ("ALTER TABLE orders ADD n int GENERATED ALWAYS AS IDENTITY", "auto_increment_added", "high"),
    ("ALTER TABLE orders ADD n int GENERATED ALWAYS AS (a) STORED", "stored_column_added", "high"),
    ("ALTER TABLE orders ADD n int UNIQUE", "unique_constraint_added", "high"),
    ("ALTER TABLE orders ADD n int PRIMARY KEY", "primary_key_changed", "high"),
    ("ALTER TABLE orders ADD n int REFERENCES users (id)", "foreign_key_added", "medium"),
    ("ALTER TABLE orders ADD n int CHECK (n > 0)", "check_added", "high"),
    ("ALTER TABLE orders ADD CONSTRAINT c CHECK (n > 0)", "check_added", "high"),
    ("ALTER TABLE orders ADD FOREIGN KEY (n) REFERENCES users (id)", "foreign_key_added", "high"),
    ("ALTER TABLE orders ADD UNIQUE (n)", "unique_constraint_added", "high"),
    ("ALTER TABLE orders ADD PRIMARY KEY (n)", "primary_key_changed", "high"),
    ("ALTER TABLE orders ADD EXCLUDE USING gist (n WITH =)", "exclusion_added", "high"),
    ("ALTER TABLE orders ALTER n TYPE bigint", "column_type_changed", "high"),
    ("CREATE INDEX i ON orders (n)", "index_blocks_writes", "high"),
    ("CREATE UNIQUE INDEX CONCURRENTLY i ON orders (n)", "new_uniqueness", "medium"),
    ("CREATE INDEX CONCURRENTLY i ON orders (a, b, c, d)", "wide_index", "medium"),
    (
        "BEGIN; CREATE INDEX CONCURRENTLY i ON orders (n); COMMIT",
        "concurrent_index_in_transaction",
        "high",
    ),
    ("DROP INDEX i", "index_dropped", "medium"),
    ("REINDEX (VERBOSE) TABLE orders", "index_rebuilt", "high"),
    ("VACUUM (FULL) orders", "table_rewritten", "high"),
    ("CLUSTER orders USING i", "table_rewritten", "high"),
    ("ALTER TABLE orders SET TABLESPACE fast", "table_rewritten", "high"),
    ("REFRESH MATERIALIZED VIEW totals", "view_refreshed", "medium"),
    ("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE", "table_locked", "medium"),
    ("ALTER TABLE orders DETACH PARTITION old", "partition_detached", "medium"),
    ("ALTER TABLE orders ATTACH PARTITION p FOR VALUES IN (1)", "partition_attached", "medium"),
    ("ALTER DOMAIN money ADD CONSTRAINT c CHECK (VALUE > 0)", "domain_constrained", "high"),
    ("ALTER TABLE orders ENABLE ROW LEVEL SECURITY", "row_security_enabled", "medium"),
    ("ALTER TABLE orders DISABLE TRIGGER ALL", "protection_removed", "medium"),
    ("GRANT SELECT ON orders TO PUBLIC", "access_widened", "medium"),
    ("REVOKE INSERT ON orders FROM shop", "access_revoked", "medium"),
    ("ALTER SYSTEM SET work_mem = '1GB'", "server_setting", "medium"),
    ("BEGIN; BEGIN; SELECT 1; COMMIT", "transaction_nested", "medium"),
    ("BEGIN; SELECT 1", "transaction_left_open", "medium"),
    ("DO $$ BEGIN IF true THEN DROP TABLE orders; END IF; END $$", "table_dropped", "critical"),
    ("DO $$ BEGIN EXECUTE 'DROP TABLE orders'; END $$", "table_dropped", "critical"),
    ("DO $$ BEGIN EXECUTE 'DROP TABLE ' || name; END $$", "opaque_step", "medium"),
    ("\\i other.sql", "opaque_step", "medium"),
    ("FROBNICATE orders", "unparsed", "high"),
]

HARMLESS = [
    "ALTER TABLE orders ADD note text, ADD COLUMN n int DEFAULT 5 NOT NULL",
    "ALTER TABLE orders ADD tags text[] DEFAULT '{}'::text[] NOT NULL",
    "ALTER TABLE orders ADD due timestamptz DEFAULT now() + interval '1 day'",
    "ALTER TABLE orders ADD token uuid; ALTER TABLE orders ALTER token SET DEFAULT random_id()",
    "ALTER TABLE orders ADD CONSTRAINT c CHECK (n > 0) NOT VALID",
    "ALTER TABLE orders ADD FOREIGN KEY (n) REFERENCES users (id) ON DELETE CASCADE NOT VALID",
    "BEGIN; ALTER TABLE orders VALIDATE CONSTRAINT c; COMMIT",
    "ALTER TABLE orders DROP CONSTRAINT c, ALTER n SET STATISTICS 500, OWNER TO shop",
    (
        "CREATE UNIQUE INDEX CONCURRENTLY i ON orders (n);"
        "ALTER TABLE orders ADD CONSTRAINT u UNIQUE USING INDEX i"
    ),
    "CREATE INDEX i ON ONLY orders (n)",
    "DROP INDEX CONCURRENTLY i",
    "REINDEX INDEX CONCURRENTLY i",
    "ALTER TABLE orders DETACH PARTITION old CONCURRENTLY",
    "ALTER TYPE state ADD VALUE 'closed'",
    "DROP VIEW v; CREATE VIEW v AS SELECT 1",
    "CREATE FUNCTION f() RETURNS trigger AS $$ BEGIN DROP TABLE orders; END $$ LANGUAGE plpgsql",
    "DO $$ BEGIN CREATE TYPE t AS ENUM ('a'); EXCEPTION WHEN duplicate_object THEN null; END $$",
    "INSERT INTO orders VALUES (1, 'DROP TABLE orders; --'); UPDATE orders SET n = 1 WHERE n = 2",
    "COPY orders FROM stdin;\n1\t; DROP TABLE orders\n\\.\nSELECT 1",
    "SET lock_timeout = '2s'; COMMENT ON TABLE orders IS 'DROP TABLE'; ANALYZE orders",
    NOT_NULL_BY_CHECK,
]


@pytest.mark.parametrize(("sql", "signal", "severity"), HARMFUL)
def test_postgres__harmful_statement__is_named_and_graded(signals_of, sql, signal, severity):
    assert signals_of(sql)[signal] == severity


@pytest.mark.parametrize("sql", HARMLESS)
def test_postgres__harmless_statement__is_not_flagged(signals_of, sql):
    assert set(signals_of(sql).values()) <= {"low"}


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE INDEX ON bags (n)",
        "ALTER TABLE bags ADD UNIQUE (n)",
        "ALTER TABLE bags ADD FOREIGN KEY (n) REFERENCES users (id)",
        "ALTER TABLE bags ALTER n TYPE bigint",
        "ALTER TABLE public.bags DROP n",
        "DROP TABLE bags",
        "ALTER TABLE bags ADD CHECK (n > 0) CREATE INDEX ON bags (n)",
    ],
)
def test_postgres__table_made_in_the_same_file__blocks_and_breaks_nobody(signals_of, sql):
    assert signals_of(f"CREATE TABLE bags (n int); {sql}") == {}
    assert signals_of(sql) != {}


def test_postgres__table_replaced_without_its_rows__is_dropped_all_the_same(signals_of):
    assert "table_dropped" in signals_of("DROP TABLE orders; CREATE TABLE orders (n int)")


def test_postgres__table_copied_and_exchanged__warns_of_lost_writes_only(signals_of):
    swap = (
        "CREATE TABLE new (n bigint); INSERT INTO new (n) SELECT n FROM orders;"
        "DROP TABLE orders; ALTER TABLE new RENAME TO orders"
    )
    assert signals_of(swap) == {"table_copied": "medium"}


def test_postgres__renamed_table_with_a_view_in_its_place__serves_the_old_version(signals_of):
    sql = "ALTER TABLE orders RENAME TO purchases; CREATE VIEW orders AS SELECT * FROM purchases"
    assert signals_of(sql) == {"table_renamed": "low"}


def test_postgres__constraint_validated_in_the_same_transaction__blocks(signals_of):
    add = "ALTER TABLE orders ADD CONSTRAINT c CHECK (n > 0) NOT VALID;"
    check = "ALTER TABLE orders VALIDATE CONSTRAINT c;"
    assert signals_of(f"BEGIN; {add} {check} COMMIT;") == {"validated_at_once": "high"}
    assert signals_of(f"BEGIN; {add} COMMIT; BEGIN; {check} COMMIT;") == {}


def test_postgres__rows_changed_while_the_table_is_locked__is_flagged(signals_of):
    sql = "ALTER TABLE orders ADD n int; UPDATE orders SET n = 1 WHERE paid;"
    assert signals_of(f"BEGIN; {sql} COMMIT;") == {"rows_changed_under_lock": "medium"}
    assert signals_of(sql) == {}


@pytest.mark.parametrize(
    ("old", "new", "free"),
    [
        ("varchar(20)", "varchar(40)", True),
        ("varchar(20)", "character varying", True),
        ("character varying(20)", "text", True),
        ("varchar(40)", "varchar(20)", False),
        ("text", "varchar(20)", False),
        ("integer", "int4", True),
        ("integer", "bigint", False),
        ("numeric(10,2)", "decimal(12,2)", True),
        ("numeric(10,2)", "numeric", True),
        ("numeric(10,2)", "numeric(12,4)", False),
        ("cidr", "inet", True),
        ("inet", "cidr", False),
        ("timestamp(3)", "timestamp(6)", True),
        ("timestamp(6)", "timestamp(3)", False),
        ("timestamp", "timestamptz", False),
        ("json", "jsonb", False),
        ("int", "int[]", False),
    ],
)
def test_postgres__type_change__is_free_only_where_no_row_is_touched(signals_of, old, new, free):
    schema = {"table": "orders", "column": "n", "current_type": old}
    found = signals_of(f"ALTER TABLE orders ALTER n TYPE {new} USING n::{new}", schema=schema)
    assert found == ({} if free else {"column_type_changed": "high"})


def test_postgres__type_change_that_computes_each_value__is_not_free(signals_of):
    schema = {"tables": {"orders": {"columns": {"n": {"type": "varchar(9)"}}}}}
    sql = "ALTER TABLE orders ALTER n TYPE text USING upper(n)"
    assert "column_type_changed" in signals_of(sql, schema=schema)


def test_postgres__time_zone_added_in_utc__is_free_from_12(signals_of):
    sql = "SET timezone = 'UTC'; ALTER TABLE orders ALTER n TYPE timestamptz"
    schema = {"table": "orders", "column": "n", "current_type": "timestamp"}
    assert signals_of(sql, schema=schema, server_version="12.1") == {}
    assert signals_of(sql, schema=schema, server_version="11.9") != {}


@pytest.mark.parametrize(
    ("sql", "old", "new"),
    [
        ("ALTER TABLE orders ADD n int DEFAULT 5", "10.4", "11"),
        (NOT_NULL_BY_CHECK, "11.2", "12"),
        ("BEGIN; ALTER TYPE state ADD VALUE 'x'; COMMIT", "11", "12.3"),
        ("CREATE INDEX CONCURRENTLY i ON orders (n)", "14.2", "14.4"),
    ],
)
def test_postgres__server_version__decides(signals_of, sql, old, new):
    flagged = {"medium", "high"}
    assert flagged & set(signals_of(sql, server_version=old).values())
    assert not flagged & set(signals_of(sql, server_version=new).values())
    assert not flagged & set(signals_of(sql).values())


def test_postgres__small_table__is_scanned_in_no_time_but_still_breaks_the_old_version(signals_of):
    schema = {"tables": {"orders": {"rows": 500}}}
    assert signals_of("CREATE INDEX i ON orders (n)", schema=schema) == {
        "index_blocks_writes": "low"
    }
    assert signals_of("ALTER TABLE orders ALTER n SET NOT NULL", schema=schema) == {
        "not_null_added": "medium"
    }


def test_postgres__no_lock_timeout__is_advice_that_a_setting_ends():
    def ids(sql):
        case = {"kind": "sql_migration", "artefact": sql, "context": {"dialect": "postgres"}}
        return [signal["id"] for signal in classify(case)["signals"]]

    assert ids("ALTER TABLE orders ADD n int") == ["no_lock_timeout"]
    assert ids("SET lock_timeout = '1s'; ALTER TABLE orders ADD n int") == []
    assert ids("CREATE TABLE bags (n int)") == []
