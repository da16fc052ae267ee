"""Whether the server has to compute an expression for each row anew."""

from collections.abc import Iterable
from itertools import pairwise

from controlplane.risk.sql.lex import Token

# PostgreSQL's functions that give one value within a statement, of those that defaults use.
# A function that is not listed may be anybody's, and those are volatile unless declared otherwise.
_STEADY = {
    "now", "transaction_timestamp", "statement_timestamp", "current_timestamp", "current_date",
    "current_time", "localtime", "localtimestamp", "pi", "lower", "upper", "trim", "btrim",
    "concat", "coalesce", "nullif", "greatest", "least", "cast", "abs", "round", "ceil", "floor",
    "length", "char_length", "substring", "substr", "replace", "left", "right", "repeat", "to_char",
    "to_date", "to_timestamp", "to_json", "to_jsonb", "json_build_object", "jsonb_build_object",
    "json_build_array", "jsonb_build_array", "json_object", "json_array", "array_fill", "make_date",
    "make_time", "make_interval", "make_timestamp", "make_timestamptz", "date_trunc", "date_part",
    "date", "extract", "age", "timezone", "md5", "sha256", "encode", "decode", "ascii", "chr",
    "current_setting", "current_user", "session_user", "current_schema", "row", "array", "point",
    "box", "int4range", "int8range", "numrange", "tsrange", "tstzrange", "daterange", "mod",
    "power", "sqrt", "sign", "exp", "ln", "log", "interval", "numeric", "varchar", "char", "bit",
    "timestamp", "varying", "character", "decimal", "to_tsvector", "hstore", "string_to_array",
    "justify_days", "justify_hours", "txid_current", "inet", "if", "ifnull", "unix_timestamp",
    "utc_timestamp", "curdate", "curtime", "strftime", "datetime", "julianday",
}  # fmt: skip
_NOT_CALLED = {"IN", "AND", "OR", "NOT", "ANY", "ALL", "SOME", "WHEN", "THEN", "ELSE", "ARRAY"}


def volatile_call(expression: Iterable[Token]) -> str:
    """`random()`, or an empty text where one value does for all rows."""
    for token, follows in pairwise(expression):
        is_name = token.kind in ("word", "quoted") and token.word not in _NOT_CALLED
        called = is_name and follows.text == "(" and follows.kind == "sign"
        if called and token.text.lower() not in _STEADY:
            return f"{token.text}()"
    return ""
