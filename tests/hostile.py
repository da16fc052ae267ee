"""What nobody sends by mistake: values, bodies and files that have broken parsers before."""

import gzip
import json
from collections.abc import Iterator
from typing import Any

from django.core.management import CommandError, call_command

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
    # Below what json gives up at, and above what a recursion of one's own endures.
    "nested_900": b'{"a":' * 900 + b"1" + b"}" * 900,
    "nested_450": b'{"a":' * 450 + b"1" + b"}" * 450,
    "listed_900": b"[" * 900 + b"]" * 900,
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
    # A place for each value, named in full, takes 0.5 MB.
    "long_key_over_many": b'{"' + b"k" * 500_000 + b'": [' + b"1," * 200_000 + b"1]}",
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


# --- files -----------------------------------------------------------------------------------

LAUGHS = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10))
FILES: dict[str, bytes] = {
    **{name: body for name, body in RAW.items() if not name.startswith("integer_of_5")},
    "billion_laughs": f"a0: &a0 [x]\n{LAUGHS}".encode(),
    "alias_of_itself": b"&a [*a]",
    "alias_of_nothing": b"a: *b",
    "merged": b"a: &a {b: 1}\nc: {<<: *a, <<: *a}",
    "tag_that_calls": b'a: !!python/object/apply:os.system ["true"]',
    "tag": b"!!binary aGFsbG8=",
    "tag_of_nothing": b"!<tag:x> a",
    "set": b"? a\n? b\n",
    "list_as_key": b"? [a, b]\n: c\n",
    "deep_yaml": b"[" * DEEP,
    "deep_yaml_blocks": b"- " * DEEP + b"a",
    "deep_yaml_mappings": "".join(f"{' ' * n}a:\n" for n in range(1500)).encode(),
    "yaml_integer": b"a: " + b"1" * 100_000,
    "yaml_sexagesimal": b"a: " + b":".join([b"59"] * 10_000),
    "yaml_hex": b"a: 0x" + b"f" * 100_000,
    "yaml_nan": b"a: .nan\nb: .inf\nc: 1e400\n",
    "yaml_date": b"a: 2026-13-45\nb: 0000-00-00\nc: 9999-12-31T23:59:59-14:00\n",
    "yaml_surrogate": b'a: "\\ud800"',
    "yaml_nul": b'a: "\\0"',
    "yaml_naked_nul": b"a: \x00",
    "yaml_tab": b"\ta: 1",
    "yaml_directive": b"%YAML 9.9\n---\na: 1\n",
    "yaml_many_documents": b"---\n" * 1_000,
    "long_line": b"a" * 3_000_000,
    "many_lines": b"\n" * 300_000 + b"{",
    "carriage_returns": b"{}\r{}\r\r\n{}\x0b{}\x0c{}\x1c{}\xc2\x85{}\xe2\x80\xa8{}",
    "no_utf_8": b"\xff\xfe\xfd" * 100,
    "overlong": b'{"a": "\xc0\x80"}',
    "surrogate_in_utf_8": b'{"a": "\xed\xa0\x80"}',
    "gzip": RAW["gzip_bomb"],
    "elf": b"\x7fELF\x02\x01\x01" + bytes(range(256)) * 40,
}

# --- artefacts -------------------------------------------------------------------------------
# Name of the file, and a content of at most a megabyte that a careless reader would take
# gigabytes or hours over.

ARTEFACTS: dict[str, tuple[str, str]] = {
    "merges_of_merges": (
        "a.yaml",
        "a0: &a0 {k: 1}\n"
        + "".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 30)),
    ),
    "lists": ("a.yaml", "[" + "[]," * 330_000 + "[]]"),
    "dotted_key": ("a.toml", ".".join(["a"] * 400_000) + " = 1"),
    "quoted_dotted_key": ("a.toml", "x = {" + " . ".join(['"a"'] * 100_000) + " = 1}"),
    "dotted_keys": ("a.toml", "".join(f"{'.'.join([f'a{n}'] * 29)} = 1\n" for n in range(7_000))),
    "long_word": ("a.toml", "a" * 900_000),
    "quotes": ("a.toml", 'a = "' + '\\"' * 400_000),
    "defaults_of_each_section": (
        "a.ini",
        "[DEFAULT]\n"
        + "".join(f"k{n}\n" for n in range(50_000))
        + "".join(f"[s{n}]\n" for n in range(50_000)),
    ),
    "empty_lines": ("", "x\n" + "\n" * 900_000 + "{"),
    "empty_lines_of_windows": ("", "x\n" + "\r\n" * 450_000 + "{"),
    "dashes": ("", "-" * 900_000),
    "beginnings_of_tokens": ("", "\n".join(["eyJ" * 6_000] * 50)),
    "beginnings_of_keys": ("", "-----BEGIN PRIVATE KEY-----\nA" * 30_000),
}


def refusal(command: str, *arguments: str, **options: Any) -> str:
    """What the command says instead of doing it; empty: it did."""
    try:
        call_command(command, *arguments, **options)
    except CommandError as error:
        return str(error)
    except SystemExit as error:
        return f"exit {error.code}" if error.code else ""
    return ""
