"""What holds for every migration: what has run, which part runs, and hostile text."""

import time

import pytest

from controlplane.risk.classify import classify
from controlplane.risk.sql.reader import MOST_CHARACTERS, MOST_SIGNALS
from controlplane.risk.sql.split import split


def answer(artefact, **case):
    return classify({"kind": "sql_migration", "artefact": artefact, **case})


def test_reader__finding__names_line_reason_remedy_and_what_others_call_it():
    found = answer("SELECT 1;\n\n-- gone\nALTER TABLE orders\n  DROP COLUMN paid;")
    signal = found["signals"][0]
    assert signal["where"] == "line 5"
    assert signal["summary"] == "orders.paid is dropped"
    assert "squawk:ban-drop-column" in signal["aliases"]
    assert signal["why"]
    assert signal["remedy"]


def test_reader__what_only_adds__is_reversible_and_low():
    found = answer("ALTER TABLE orders ADD n int")
    assert (found["level"], found["reversibility"]) == ("low", "reversible")
    assert answer("ALTER TABLE orders DROP n")["reversibility"] == "irreversible"
    assert answer("ALTER TABLE orders ALTER n TYPE bigint")["reversibility"] == "costly"


def test_reader__what_could_not_be_read__has_no_way_back_that_anybody_knows():
    assert answer("FROBNICATE orders")["reversibility"] == "irreversible"


def test_reader__statements_that_have_run__are_not_graded_again(signals_of):
    ran = "CREATE TABLE bag (n varchar(5));\nDROP TABLE orders;"
    assert signals_of(ran + "\nSELECT 1;", before=ran) == {}
    assert signals_of(ran + "\nCREATE INDEX ON bag (n);", before=ran) != {}


def test_reader__what_has_run__tells_the_types_of_columns(signals_of):
    ran = "CREATE TABLE bag (n varchar(5))"
    assert signals_of("ALTER TABLE bag ALTER n TYPE varchar(9)", before=ran) == {}
    assert signals_of("ALTER TABLE bag ALTER n TYPE varchar(9)") != {}


def test_reader__the_way_back_of_a_migration__is_not_what_runs(signals_of):
    goose = "-- +goose Up\nALTER TABLE a ADD n int;\n-- +goose Down\nALTER TABLE a DROP n;"
    dbmate = "-- migrate:down\nDROP TABLE a;\n-- migrate:up\nSELECT 1;"
    assert signals_of(goose) == {}
    assert signals_of(dbmate) == {}


def test_reader__tool_that_opens_a_transaction__refuses_concurrent_indexes(signals_of):
    index = "CREATE INDEX CONCURRENTLY i ON a (n);"
    assert "concurrent_index_in_transaction" in signals_of(f"-- migrate:up\n{index}")
    assert signals_of(f"-- migrate:up transaction:false\n{index}") == {}
    assert "concurrent_index_in_transaction" in signals_of(index, in_transaction=True)


def test_reader__code_beside_the_sql__is_not_passed_over(signals_of):
    text = "-- THIS OPERATION CANNOT BE WRITTEN AS SQL\nSELECT 1"
    assert signals_of(text) == {"opaque_step": "medium"}


def test_reader__list_of_statements__is_read_like_a_text(signals_of):
    assert signals_of(["SELECT 1", "DROP TABLE orders"]) == {"table_dropped": "critical"}


@pytest.mark.parametrize(
    "artefact",
    [
        {"a": 1},
        [1, 2],
        "S\0E\0L\0E\0C\0T",
        "SELECT 'x",
        "/* x",
        "$$ x",
        "x" * (MOST_CHARACTERS + 1),
    ],
)
def test_reader__unreadable__is_unparsed_and_high(artefact):
    found = answer(artefact)
    assert "unparsed" in [signal["id"] for signal in found["signals"]]
    assert found["level"] == "high"


def test_reader__quote_that_never_ends__hides_nothing_before_it(signals_of):
    assert signals_of("DROP TABLE a; SELECT 'x") == {
        "table_dropped": "critical",
        "unparsed": "high",
    }


@pytest.mark.parametrize("empty", [[], "  \n", "\ufeff"])
def test_reader__nothing_in_it__is_no_artefact(empty):
    assert [signal["id"] for signal in answer(empty)["signals"]] == ["no_artefact"]


def test_reader__byte_order_mark_and_windows_lines__change_nothing(signals_of):
    assert signals_of("\ufeffDROP TABLE a;\r\n") == {"table_dropped": "critical"}


def test_reader__more_findings_than_anybody_reads__are_cut_and_counted():
    found = answer("".join(f"DROP TABLE t{n};" for n in range(MOST_SIGNALS + 7)))["signals"]
    assert len(found) == MOST_SIGNALS + 1
    assert found[-1]["id"] == "many_findings"


@pytest.mark.parametrize(
    "part",
    [
        "(", ")", "'", ";", "\\\n", "a.", "/*", "DROP TABLE a,", "a,", "CREATE TABLE a AS ",
        "ALTER TABLE a ADD (", "WITH x AS (DELETE FROM a ", "-- +goose Down\n",
        "BEGIN;ALTER TABLE a ADD CONSTRAINT c CHECK (x > 0) NOT VALID;COMMIT;",
    ],
)  # fmt: skip
@pytest.mark.parametrize("dialect", ["postgres", "mysql", "sqlite"])
def test_reader__hostile_text__takes_time_in_proportion_to_its_length(part, dialect):
    text = part * (60_000 // len(part))
    start = time.process_time()
    answer(text, context={"dialect": dialect})
    # Quadratic work on this takes a minute; what is linear takes a third of a second.
    assert time.process_time() - start < 30


def test_split__bodies_quotes_and_comments__keep_their_semicolons():
    text = (
        "SELECT $a$ ; $$ ; $a$, E'\\'; x', 'it''s;' /* ; /* ; */ ; */;"
        "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN a THEN 1 END; END; SELECT 2"
    )
    assert len(split(text, "postgres").statements) == 3
