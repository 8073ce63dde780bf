"""Reading TFRecord files of ``tf.train.Example``: frames checked, the two messages decoded by hand."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from ecumene.core.errors import LimitExceeded, RequestError
from ecumene.tasks.exports.records import checked

MOST_BYTES = 2**31
"""Of a file once it is decompressed."""

Row = dict[str, Any]


def rows(path: Path, name: str) -> Iterator[Row]:
    """The features of each record: texts, numbers, or lists of them. RequestError where the file is damaged."""
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    opened: IO[bytes] = gzip.open(path) if packed else path.open("rb")  # type: ignore[assignment]  # noqa: SIM115
    try:
        with opened:
            for data in _frames(opened, name):
                yield _example(data)
    except (OSError, EOFError, ValueError, IndexError, struct.error):
        raise RequestError(f"'{name}' is damaged: it is no file of TFRecords.") from None


def _frames(file: IO[bytes], name: str) -> Iterator[bytes]:
    total = 0
    while head := file.read(12):
        length, check = struct.unpack("<QI", head)
        total += length
        if total > MOST_BYTES:
            raise LimitExceeded(f"'{name}' holds more than {MOST_BYTES} bytes.")
        data = file.read(length)
        end = file.read(4)
        if checked(head[:8]) != struct.pack("<I", check) or checked(data) != end:
            raise ValueError("a checksum differs")
        yield data


def _fields(data: bytes) -> Iterator[tuple[int, int, Any]]:
    """Number, wire type and value of each field of a message."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        kind = tag & 7
        if kind == 2:
            length, at = _varint(data, at)
            if at + length > len(data):
                raise ValueError("a field ends too early")
            yield tag >> 3, kind, data[at : at + length]
            at += length
        elif kind == 0:
            value, at = _varint(data, at)
            yield tag >> 3, kind, value
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
            yield tag >> 3, kind, data[at : at + size]
            at += size
        else:
            raise ValueError("an unknown wire type")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("a number is too long")


def _example(data: bytes) -> Row:
    found: Row = {}
    for number, _, features in _fields(data):
        if number != 1:
            continue
        for _, _, entry in _fields(features):
            parts = {key: value for key, _, value in _fields(entry)}
            values = _feature(parts.get(2, b""))
            if values:
                found[parts[1].decode()] = values[0] if len(values) == 1 else values
    return found


def _feature(data: bytes) -> list[Any]:
    for number, _, values in _fields(data):
        if number == 1:
            return [value.decode("utf-8", "replace") for _, _, value in _fields(values)]
        if number == 2:
            return [x for _, kind, raw in _fields(values) for x in _floats(kind, raw)]
        if number == 3:
            return [x for _, kind, raw in _fields(values) for x in _integers(kind, raw)]
    return []


def _floats(kind: int, raw: Any) -> list[float]:
    return [float(x) for x in np.frombuffer(raw, "<f4")] if kind in (2, 5) else []


def _integers(kind: int, raw: Any) -> list[int]:
    if kind == 0:
        return [_signed(raw)]
    found, at = [], 0
    while at < len(raw):
        value, at = _varint(raw, at)
        found.append(_signed(value))
    return found


def _signed(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value
