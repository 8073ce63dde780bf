"""MP4 files of JPEG frames (Motion JPEG, ISO/IEC 14496-12 and -14): no encoder is needed to write them."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from pathlib import Path

SCALE = 1000
"""Ticks of a frame."""

_IDENTITY = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_JPEG = 0x6C
"""The object type of Motion JPEG in an elementary stream's description."""


def write(path: Path, frames: Iterable[bytes], size: tuple[int, int], rate: float) -> None:
    """Writes JPEG frames of one size (width, height), so many a second."""
    sizes: list[int] = []
    with path.open("wb") as out:
        out.write(_box(b"ftyp", b"isom", struct.pack(">I", 0x200), b"isomiso2mp41"))
        start = out.tell()
        out.write(struct.pack(">I4sQ", 1, b"mdat", 0))
        for frame in frames:
            out.write(frame)
            sizes.append(len(frame))
        end = out.tell()
        out.write(_movie(sizes, size, rate, start + 16))
        out.seek(start + 8)
        out.write(struct.pack(">Q", end - start))


def _box(kind: bytes, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return struct.pack(">I4s", 8 + len(content), kind) + content


def _full(kind: bytes, *parts: bytes, flags: int = 0) -> bytes:
    return _box(kind, struct.pack(">I", flags), *parts)


def _movie(sizes: list[int], size: tuple[int, int], rate: float, data_at: int) -> bytes:
    ticks = max(round(rate * SCALE), 1)
    duration = len(sizes) * SCALE
    width, height = size
    movie = _full(
        b"mvhd", struct.pack(">4I", 0, 0, ticks, duration), struct.pack(">IHH", 0x10000, 0x100, 0),
        bytes(8), _IDENTITY, bytes(24), struct.pack(">I", 2),
    )  # fmt: skip
    track = _full(
        b"tkhd", struct.pack(">5I", 0, 0, 1, 0, duration), bytes(8), bytes(8), _IDENTITY,
        struct.pack(">II", width << 16, height << 16), flags=3,
    )  # fmt: skip
    media = _box(
        b"mdia",
        _full(b"mdhd", struct.pack(">4IHH", 0, 0, ticks, duration, 0x55C4, 0)),
        _full(b"hdlr", struct.pack(">I4s12x", 0, b"vide"), b"video\0"),
        _box(b"minf", _full(b"vmhd", bytes(8), flags=1), _local(), _samples(sizes, size, data_at)),
    )
    return _box(b"moov", movie, _box(b"trak", track, media))


def _local() -> bytes:
    """The data are in this file."""
    entry = _full(b"url ", flags=1)
    return _box(b"dinf", _full(b"dref", struct.pack(">I", 1), entry))


def _samples(sizes: list[int], size: tuple[int, int], data_at: int) -> bytes:
    count = len(sizes)
    return _box(
        b"stbl",
        _full(b"stsd", struct.pack(">I", 1), _described(size)),
        _full(b"stts", struct.pack(">3I", 1, count, SCALE)),
        _full(b"stsc", struct.pack(">4I", 1, 1, count, 1)),
        _full(b"stsz", struct.pack(f">II{count}I", 0, count, *sizes)),
        _full(b"co64", struct.pack(">IQ", 1, data_at)),
    )


def _described(size: tuple[int, int]) -> bytes:
    decoder = _tagged(4, struct.pack(">BBBHII", _JPEG, 0x11, 0, 0, 0, 0))
    stream = _tagged(3, struct.pack(">HB", 1, 0) + decoder + _tagged(6, b"\x02"))
    return _box(
        b"mp4v", bytes(6), struct.pack(">H", 1), bytes(16), struct.pack(">HH", *size),
        struct.pack(">IIIH", 0x480000, 0x480000, 0, 1), bytes(32), struct.pack(">Hh", 24, -1),
        _full(b"esds", stream),
    )  # fmt: skip


def _tagged(tag: int, content: bytes) -> bytes:
    return bytes([tag, len(content)]) + content
