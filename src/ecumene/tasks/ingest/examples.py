"""Reading TFRecord files of ``tf.train.Example``: frames checked, the two messages decoded by hand."""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ecumene.core.errors import LimitExceeded, RequestError
from ecumene.tasks.exports.records import checked

MOST_BYTES = 2**31
"""Of a file once it is decompressed."""

MOST_RECORD = 2**30
"""Bytes of one record."""

MOST_LISTED = 2**24
"""Texts and integers of one record; packed floats are arrays."""

FRAME = 16
"""Bytes around a record: its length and two checksums."""

_DAMAGE = (OSError, EOFError, ValueError, IndexError, KeyError, TypeError, struct.error, zlib.error)
"""What reading raises where records are not what they should be."""

Row = dict[str, Any]
Values = list[Any] | NDArray[np.float32]


def rows(path: Path, name: str) -> Iterator[Row]:
    """The features of each record: texts and numbers, or several of them, floats as an array.

    RequestError where the file is damaged, LimitExceeded where it would fill the memory.
    """
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    opened: IO[bytes] = gzip.open(path) if packed else path.open("rb")  # type: ignore[assignment]  # noqa: SIM115
    try:
        with opened:
            for data in _frames(opened, name):
                yield _example(memoryview(data))
    except _DAMAGE:
        raise RequestError(f"'{name}' is damaged: it is no file of TFRecords.") from None


def _frames(file: IO[bytes], name: str) -> Iterator[bytes]:
    total = 0
    while head := file.read(12):
        length, check = struct.unpack("<QI", head)
        total += length + FRAME
        if total > MOST_BYTES:
            raise LimitExceeded(f"'{name}' holds more than {MOST_BYTES} bytes.")
        if length > MOST_RECORD:
            raise LimitExceeded(f"A record of '{name}' holds more than {MOST_RECORD} bytes.")
        data = file.read(length)
        end = file.read(4)
        if checked(head[:8]) != struct.pack("<I", check) or checked(data) != end:
            raise ValueError("a checksum differs")
        yield data


def _fields(data: memoryview) -> Iterator[tuple[int, int, Any]]:
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


def _varint(data: memoryview, at: int) -> tuple[int, int]:
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


def _example(data: memoryview) -> Row:
    found: Row = {}
    room = MOST_LISTED
    for number, _, features in _fields(data):
        if number != 1:
            continue
        for _, _, entry in _fields(features):
            parts = {key: value for key, _, value in _fields(entry)}
            values = _feature(parts.get(2, memoryview(b"")), room)
            if isinstance(values, list):
                room -= len(values)
            if len(values):
                found[str(parts[1], "utf-8")] = values[0] if len(values) == 1 else values
    return found


def _feature(data: memoryview, room: int) -> Values:
    """The values of a feature. LimitExceeded for more than ``room`` of those that are held one by one."""
    for number, _, values in _fields(data):
        if number == 1:
            return _listed(
                (str(value, "utf-8", "replace") for _, _, value in _fields(values)), room
            )
        if number == 2:
            parts = _listed((_floats(kind, raw) for _, kind, raw in _fields(values)), room)
            return np.concatenate(parts) if parts else []
        if number == 3:
            return _listed(
                chain.from_iterable(_integers(k, raw) for _, k, raw in _fields(values)), room
            )
    return []


def _listed(values: Iterable[Any], room: int) -> list[Any]:
    found = list(islice(values, room + 1))
    if len(found) > room:
        raise LimitExceeded(f"A record holds more than {MOST_LISTED} texts and integers.")
    return found


def _floats(kind: int, raw: Any) -> NDArray[np.float32]:
    return np.frombuffer(raw if kind in (2, 5) else b"", "<f4")


def _integers(kind: int, raw: Any) -> Iterator[int]:
    if kind == 0:
        yield _signed(raw)
        return
    at = 0
    while at < len(raw):
        value, at = _varint(raw, at)
        yield _signed(value)


def _signed(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value
