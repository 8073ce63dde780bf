"""MP4 files of JPEG frames, read without a player."""

from __future__ import annotations

import struct


def boxes(data: bytes) -> dict[str, bytes]:
    """The boxes of an MP4 by their path."""
    found: dict[str, bytes] = {}

    def walk(part: bytes, above: str) -> None:
        at = 0
        while at + 8 <= len(part):
            size, kind = struct.unpack_from(">I4s", part, at)
            head = 8
            if size == 1:
                (size,) = struct.unpack_from(">Q", part, at + 8)
                head = 16
            name = f"{above}{kind.decode()}"
            found[name] = part[at + head : at + size]
            if kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl"):
                walk(found[name], f"{name}/")
            at += size

    walk(data, "")
    return found


def frames_of(data: bytes) -> tuple[float, list[bytes]]:
    """How many seconds it lasts, and its frames."""
    found = boxes(data)
    table = found["moov/trak/mdia/minf/stbl/stsz"]
    (count,) = struct.unpack_from(">I", table, 8)
    sizes = struct.unpack_from(f">{count}I", table, 12)
    (at,) = struct.unpack_from(">Q", found["moov/trak/mdia/minf/stbl/co64"], 8)
    ticks, duration = struct.unpack_from(">II", found["moov/mvhd"], 12)
    frames = []
    for size in sizes:
        frames.append(data[at : at + size])
        at += size
    return duration / ticks, frames
