"""MySQL, MariaDB and SQLite where they differ from PostgreSQL."""

import pytest

SWAP = (
    'CREATE TABLE "new__bag" ("id" integer NOT NULL PRIMARY KEY, {column});'
    'INSERT INTO "new__bag" ("id", "n") SELECT "id", {filled} FROM "bag";'
    'DROP TABLE "bag"; ALTER TABLE "new__bag" RENAME TO "bag";'
)


@pytest.mark.parametrize(
    ("sql", "signal", "severity"),
    [
        ("ALTER TABLE `bag` ADD `n` int NOT NULL", "required_column_added", "high"),
        ("ALTER TABLE bag ADD n int DEFAULT (rand())", "default_rewrites", "high"),
        ("ALTER TABLE bag ADD UNIQUE KEY k (n)", "unique_constraint_added", "medium"),
        ("ALTER TABLE bag ADD FOREIGN KEY (n) REFERENCES x (id)", "foreign_key_added", "medium"),
        ("ALTER TABLE bag ADD CONSTRAINT c CHECK (n > 0)", "check_added", "high"),
        ("ALTER TABLE bag ADD FULLTEXT INDEX f (n)", "index_blocks_writes", "high"),
        ("ALTER TABLE bag CHANGE n m int NULL", "column_renamed", "high"),
        ("ALTER TABLE bag MODIFY n bigint", "column_type_changed", "medium"),
        ("ALTER TABLE bag MODIFY n int NOT NULL", "not_null_added", "medium"),
        ("ALTER TABLE bag DROP PRIMARY KEY", "primary_key_changed", "high"),
        ("ALTER TABLE bag CONVERT TO CHARACTER SET utf8mb4", "table_rewritten", "high"),
        ("ALTER TABLE bag ADD n int, ALGORITHM=COPY", "table_rewritten", "high"),
        ("ALTER TABLE bag DROP PARTITION p0", "partition_dropped", "critical"),
        ("RENAME TABLE bag TO sack", "table_renamed", "high"),
        ("/*!50000 DROP TABLE bag */", "table_dropped", "critical"),
        ("SET GLOBAL max_connections = 5", "server_setting", "medium"),
        ("SET @s = CONCAT('DROP ', @t); PREPARE p FROM @s", "opaque_step", "medium"),
    ],
)
def test_mysql__harmful_statement__is_named_and_graded(signals_of, sql, signal, severity):
    assert signals_of(sql, "mysql")[signal] == severity


@pytest.mark.parametrize(
    "sql",
    [
        "ALTER TABLE bag ADD n int DEFAULT 3 NOT NULL COMMENT 'NOT NULL, DROP' AFTER m",
        "CREATE INDEX i ON bag (n)",
        "ALTER TABLE bag ADD KEY k (n), DROP FOREIGN KEY f",
        "ALTER TABLE bag MODIFY n varchar(10) NULL",
        "ALTER TABLE bag ADD FULLTEXT INDEX f (n), ALGORITHM=INPLACE, LOCK=NONE",
        "ALTER TABLE bag ENGINE=InnoDB",
        "ALTER TABLE bag ALTER n SET DEFAULT 1; ALTER TABLE bag MODIFY n int NOT NULL",
        "CREATE TABLE t (`a` varchar(9) DEFAULT 'x;', KEY (a)); ALTER TABLE t ADD UNIQUE (a)",
        "DELIMITER //\nCREATE PROCEDURE p() BEGIN DROP TABLE bag; END//\nDELIMITER ;\nCALL p()",
        "CREATE TRIGGER t BEFORE INSERT ON bag FOR EACH ROW BEGIN DELETE FROM log; END; SELECT 1",
        "INSERT INTO bag VALUES ('\\'; DROP TABLE bag; --') # DROP TABLE bag",
    ],
)
def test_mysql__harmless_statement__is_not_flagged(signals_of, sql):
    assert set(signals_of(sql, "mysql").values()) <= {"low"}


@pytest.mark.parametrize(
    ("old", "new", "free"),
    [
        ("varchar(20)", "varchar(60)", True),
        ("varchar(20)", "varchar(90)", False),
        ("varchar(90)", "varchar(900)", True),
        ("int(11)", "int", True),
        ("int", "int unsigned", False),
    ],
)
def test_mysql__column_stated_anew__is_free_where_rows_stay_as_they_are(signals_of, old, new, free):
    schema = [{"table": "Bag", "column": "N", "current_type": old}]
    found = signals_of(f"ALTER TABLE bag MODIFY n {new}", "mysql", schema=schema)
    assert found == ({} if free else {"column_type_changed": "high"})


def test_mysql__column_with_a_default__is_instant_from_8_0_12_and_in_mariadb_10_3_2(signals_of):
    sql = "ALTER TABLE bag ADD n int NOT NULL DEFAULT 3"
    assert signals_of(sql, "mysql", server_version="5.7.44") == {"default_rewrites": "high"}
    assert signals_of(sql, "mysql", server_version="8.0.12") == {}
    assert signals_of(sql, "mysql", server_version="10.2.9-MariaDB") != {}
    assert signals_of(sql, "mariadb", server_version="10.6") == {}


@pytest.mark.parametrize(
    ("column", "filled", "expected"),
    [
        ('"n" integer NULL', '"n"', {}),
        ('"n" integer NOT NULL', '"n"', {}),
        ('"n" integer DEFAULT 1 NOT NULL', "1", {}),
        ('"n" integer NOT NULL', "1", {"required_column_added": "high"}),
        ('"n" integer NOT NULL', 'coalesce("n", 1)', {"required_column_added": "high"}),
    ],
)
def test_sqlite__table_made_anew__is_graded_by_its_new_columns(
    signals_of, column, filled, expected
):
    assert signals_of(SWAP.format(column=column, filled=filled), "sqlite") == expected


def test_sqlite__table_made_anew_without_a_known_column__drops_it(signals_of):
    sql = SWAP.format(column='"n" integer', filled='"n"')
    schema = {"tables": {"bag": {"columns": {"n": "integer", "gone": "text"}}}}
    assert signals_of(sql, "sqlite", schema=schema) == {"column_dropped": "high"}


def test_sqlite__old_way_of_making_it_anew__renames_nothing_for_good(signals_of):
    sql = (
        'ALTER TABLE "bag" RENAME TO "bag__old"; CREATE TABLE "bag" ("n" integer NULL);'
        'INSERT INTO "bag" ("n") SELECT "n" FROM "bag__old"; DROP TABLE "bag__old";'
    )
    assert signals_of(sql, "sqlite") == {}
    assert signals_of('ALTER TABLE "bag" RENAME TO "bag__old"', "sqlite") != {}


def test_sqlite__index__holds_nobody_up_but_uniqueness_is_new(signals_of):
    assert signals_of("CREATE INDEX i ON bag (n)", "sqlite") == {}
    assert signals_of("CREATE UNIQUE INDEX i ON [bag] (n)", "sqlite") == {
        "new_uniqueness": "medium"
    }


def test_engine__not_named__is_told_by_the_text(signals_of):
    assert signals_of("CREATE INDEX i ON `bag` (n)", None) == {}
    assert signals_of("CREATE INDEX i ON bag (n)", None) == {"index_blocks_writes": "high"}


def test_engine__that_nobody_knows__is_said(signals_of):
    assert signals_of("SELECT 1", "oracle") == {"engine_unknown": "medium"}
