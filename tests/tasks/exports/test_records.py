"""TFRecord against bytes that TensorFlow's documents and protobuf's prescribe."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from ecumene.tasks.exports.records import example, framed, sequence_example


def test_checksums_are_masked_as_documented() -> None:
    """CRC-32C of ``123456789`` is E3069283; a mask rotates it by 15 bits and adds A282EAD8."""
    data = framed(b"123456789")
    crc = 0xE3069283
    masked = ((crc >> 15 | crc << 17) + 0xA282EAD8) % 2**32
    assert data[:8] == struct.pack("<Q", 9) and data[12:21] == b"123456789"
    assert data[21:] == struct.pack("<I", masked)


@pytest.mark.parametrize(
    ("made", "wanted"),
    [
        (example({"a": 1.5}), b"\n\x0f\n\r\n\x01a\x12\x08\x12\x06\n\x04" + struct.pack("<f", 1.5)),
        (example({"b": b"xy"}), b"\n\r\n\x0b\n\x01b\x12\x06\n\x04\n\x02xy"),
        (
            sequence_example({"a": 1}, {"s": [[2, 3]]}),
            b"\n\x0f\n\r\n\x01a\x12\x08\x12\x06\n\x04" + struct.pack("<f", 1)
            + b"\x12\x15\n\x13\n\x01s\x12\x0e\n\x0c\x12\n\n\x08" + struct.pack("<ff", 2, 3),
        ),
    ],
    ids=["floats", "bytes", "sequence"],
)  # fmt: skip
def test_messages(made: bytes, wanted: bytes) -> None:
    assert made == wanted


def test_long_values_have_long_lengths() -> None:
    floats = np.arange(1000, dtype="<f4")
    made = example({"x": floats})
    assert made.endswith(floats.tobytes()) and len(made) == 4000 + 3 + 3 + 3 + 3 + 3 + 3
