"""TFRecord: framed records, and the two messages of TensorFlow that go into them, encoded by hand."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from typing import Any

import google_crc32c
import numpy as np

Value = Any
"""Of a feature: bytes, or numbers (one or an array), which become 32-bit floats."""


def framed(data: bytes) -> bytes:
    """A record: length, masked CRC-32C of the length, data, masked CRC-32C of the data."""
    length = struct.pack("<Q", len(data))
    return length + checked(length) + data + checked(data)


def checked(data: bytes) -> bytes:
    """The masked CRC-32C of a part of a frame."""
    found = google_crc32c.value(data)
    return struct.pack("<I", ((found >> 15 | found << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def example(features: Mapping[str, Value]) -> bytes:
    """A ``tf.train.Example``."""
    return _field(1, b"".join(_entry(name, _feature(v)) for name, v in features.items()))


def sequence_example(context: Mapping[str, Value], lists: Mapping[str, Iterable[Value]]) -> bytes:
    """A ``tf.train.SequenceExample``."""
    shared = b"".join(_entry(name, _feature(v)) for name, v in context.items())
    series = b"".join(
        _entry(name, b"".join(_field(1, _feature(v)) for v in values))
        for name, values in lists.items()
    )
    return _field(1, shared) + _field(2, series)


def _entry(name: str, value: bytes) -> bytes:
    """An entry of a map."""
    return _field(1, _field(1, name.encode()) + _field(2, value))


def _feature(value: Value) -> bytes:
    if isinstance(value, bytes):
        return _field(1, _field(1, value))
    floats = np.asarray(value, "<f4").tobytes()
    return _field(2, _field(1, floats))


def _field(number: int, data: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)
