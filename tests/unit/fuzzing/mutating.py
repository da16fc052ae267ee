"""hypothesis strategies: documents that nearly are what a reader wants, and bytes that are not."""

import json
import os
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import HealthCheck, example, settings
from hypothesis import strategies as st

from tests.hostile import FILES, VALUES, pointers, replaced

# `make fuzz EXAMPLES=…` looks longer; CI draws the same ones each time.
EXAMPLES = int(os.environ.get("GRAYGATE_FUZZ_EXAMPLES", "0"))
drawn = settings(
    max_examples=EXAMPLES or 25,
    derandomize=not EXAMPLES,
    suppress_health_check=list(HealthCheck),
)
SHORT = {name: text for name, text in VALUES.items() if len(text) < 50_000}


@st.composite
def one_value_replaced(draw: Any, valid: Sequence[Any]) -> bytes:
    body = draw(st.sampled_from(valid))
    places = list(pointers(body))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.sampled_from(places))
        text = draw(st.sampled_from(list(SHORT.values())))
        encoded = replaced(body, at, text)
        try:
            body = json.loads(encoded)
            places = list(pointers(body))
        except (ValueError, RecursionError):
            return encoded
    return json.dumps(body).encode()


@st.composite
def bytes_cut_and_pasted(draw: Any, valid: Sequence[bytes]) -> bytes:
    text = draw(st.sampled_from(valid))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 20)))
        put = draw(
            st.one_of(
                st.binary(max_size=8),
                st.sampled_from(
                    [b"", b"\x00", b"\xff", b'"', b"[", b"{", b"\\ud800", b"&a ", b"*a", b"!!x "]
                ),
                st.sampled_from(list(SHORT.values())).map(str.encode),
            )
        )
        text = text[:start] + put + text[end:]
    return text


def documents(*valid: Any) -> st.SearchStrategy[bytes]:
    encoded = [json.dumps(one).encode() for one in valid]
    return st.one_of(
        one_value_replaced(valid), bytes_cut_and_pasted(encoded), st.binary(max_size=60)
    )


def texts(*valid: bytes) -> st.SearchStrategy[bytes]:
    return st.one_of(bytes_cut_and_pasted(valid), st.binary(max_size=60))


def and_each_of_the_table(**more: Any) -> Callable[[Any], Any]:
    """Beside what is drawn: every hostile file, as `content`."""

    def decorate(test: Any) -> Any:
        for content in FILES.values():
            test = example(content=content, **more)(test)
        return test

    return decorate
