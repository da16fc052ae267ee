"""A native histogram in the protobuf exposition (io.prometheus.client.MetricFamily, delimited)."""

import struct
from collections.abc import Mapping, Sequence
from itertools import pairwise

NATIVE = (
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
)
HISTOGRAM = 4


def native_histogram(name: str, labels: Mapping[str, str], counts: Sequence[int]) -> bytes:
    """Of schema 0: counts[i] lie in (2**(i-1), 2**i]."""
    pairs = b"".join(
        _bytes(1, _bytes(1, key.encode()) + _bytes(2, value.encode()))
        for key, value in labels.items()
    )
    deltas = [b - a for a, b in pairwise([0, *counts])]
    histogram = b"".join(
        (
            _number(1, sum(counts)),
            _double(2, 1.0),
            _number(5, _signed(0)),
            _double(6, 1e-9),
            _number(7, 0),
            _bytes(12, _number(1, _signed(0)) + _number(2, len(counts))),
            _bytes(13, b"".join(_varint(_signed(delta)) for delta in deltas)),
        )
    )
    family = _bytes(1, name.encode()) + _number(3, HISTOGRAM)
    family += _bytes(4, pairs + _bytes(7, histogram))
    return _varint(len(family)) + family


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def _signed(value: int) -> int:
    return 2 * value if value >= 0 else -2 * value - 1


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _double(field: int, value: float) -> bytes:
    return _varint(field << 3 | 1) + struct.pack("<d", value)


def _bytes(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content
