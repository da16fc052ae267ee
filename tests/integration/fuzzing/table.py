"""What nobody sends by mistake: values, bodies and files that have broken parsers before."""

import gzip
import json
from collections.abc import Iterator
from typing import Any

DEEP = 10_000
PLACE = "\u2063here\u2063"

# JSON texts, so that there is a way to say what json.dumps would not.
VALUES: dict[str, str] = {
    "null": "null",
    "true": "true",
    "list": "[]",
    "object": "{}",
    "empty": '""',
    "text": '"x"',
    "nul": '"\\u0000"',
    "surrogate": '"\\ud800"',
    "escape": '"\\u001b[2J\\u202e"',
    "minus_one": "-1",
    "minus_zero": "-0.0",
    "huge_float": "1e308",
    "tiny_float": "5e-324",
    "too_large_float": "1e400",
    "nan": "NaN",
    "infinity": "-Infinity",
    "bigint": "9223372036854775808",
    "googol": "1" + "0" * 299,
    "huge_integer": "1" + "0" * 400,
    "long_text": '"' + "a" * 900_000 + '"',
    "list_of_null": "[null]",
    "list_of_lists": "[[]]",
    "object_of_object": '{"":{"":null}}',
    "deep_list": "[" * 60 + "]" * 60,
    "deepest_list": "[" * DEEP + "]" * DEEP,
    "pattern": '"(a+)+$(((["',
    "moment": '"9999-12-31T23:59:59-14:00"',
}

RAW: dict[str, bytes] = {
    "nothing": b"",
    "blank": b" \n",
    "no_json": b"<a/>",
    "half": b'{"title": "x',
    "half_a_letter": b'{"title": "\xc3',
    "other_charset": '{"title": "\u00e4"}'.encode("latin-1"),
    "utf_16": '{"title": "x"}'.encode("utf-16"),
    "utf_32": '{"title": "x"}'.encode("utf-32"),
    "byte_order_mark": b'\xef\xbb\xbf{"title": "x"}',
    "nested": b"[" * DEEP,
    "nested_and_closed": b"[" * DEEP + b"]" * DEEP,
    "nested_objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "integer_of_5_mb": b'{"tier": ' + b"1" * 5_000_000 + b"}",
    "integer_of_1_mb": b'{"tier": ' + b"1" * 1_000_000 + b"}",
    "exponent": b'{"tier": 1e400}',
    "exponent_of_an_exponent": b'{"tier": 1e9999999999}',
    "nan": b'{"tier": NaN}',
    "infinity": b'{"tier": -Infinity}',
    "minus_zero": b"-0",
    "surrogate": b'{"title": "\\ud800"}',
    "surrogate_key": b'{"\\ud800": 1}',
    "nul": b'{"title": "\\u0000"}',
    "nul_key": b'{"\\u0000": 1}',
    "naked_nul": b'{"title": "\x00"}',
    "twice": b'{"title": "x", "title": "y"}',
    "list": b"[]",
    "text": b'"x"',
    "null": b"null",
    "two": b"{}{}",
    "many_keys": json.dumps({f"k{n}": n for n in range(50_000)}).encode(),
    "many_lists": b"[" + b"[]," * 300_000 + b"[]]",
    "gzip_bomb": gzip.compress(b" " * 50_000_000),
}


def pointers(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Each place of a document, itself first."""
    yield at
    inner: Any = value.items() if isinstance(value, dict) else ()
    for step, one in enumerate(value) if isinstance(value, list) else inner:
        yield from pointers(one, (*at, step))


def replaced(value: Any, at: tuple[Any, ...], text: str) -> bytes:
    """The document as JSON, with this text at that place."""
    return json.dumps(_with(value, at, PLACE)).replace(json.dumps(PLACE), text).encode()


def _with(value: Any, at: tuple[Any, ...], new: Any) -> Any:
    if not at:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[at[0]] = _with(value[at[0]], at[1:], new)
    return copy
