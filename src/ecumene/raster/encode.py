"""Pixels as files: PNG, JPEG, NPY (GeoTIFF: ``raster.geotiff``)."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from ecumene.core.errors import RequestError

Array = NDArray[Any]
_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(pixels: Array) -> bytes:
    """8-bit gray, gray+alpha, RGB or RGBA, ``(h, w, channels)``.

    Every row is filtered by differences to the left neighbour and deflated by libdeflate at level 1:
    about 20 times faster than usual encoders, a tenth larger.
    """
    pixels = np.ascontiguousarray(pixels, "uint8")
    height, width, channels = pixels.shape
    rows = np.empty((height, 1 + width * channels), "uint8")
    rows[:, 0] = 1
    flat = pixels.reshape(height, -1)
    rows[:, 1 : 1 + channels] = flat[:, :channels]
    np.subtract(flat[:, channels:], flat[:, :-channels], out=rows[:, 1 + channels :])
    data = bytes(imagecodecs.deflate_encode(rows.tobytes(), level=1))
    header = struct.pack(">IIBBBBB", width, height, 8, _COLOUR_TYPES[channels], 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", data)
        + _chunk(b"IEND", b"")
    )


def jpeg(pixels: Array, quality: int = 90) -> bytes:
    """8-bit gray or RGB, ``(h, w, 1 or 3)``; transparency must have been laid on black before."""
    out = io.BytesIO()
    data = pixels[..., 0] if pixels.shape[2] == 1 else pixels
    PillowImage.fromarray(np.ascontiguousarray(data)).save(out, "JPEG", quality=quality)
    return out.getvalue()


def gif(frames: Sequence[Array], rate: float) -> bytes:
    """RGB frames ``(h, w, 3)`` as an animation that repeats, so many a second, of 256 colours each."""
    pictures = [PillowImage.fromarray(frame).quantize(256) for frame in frames]
    out = io.BytesIO()
    pictures[0].save(
        out, "GIF", save_all=True, append_images=pictures[1:], duration=max(round(1000 / rate), 20), loop=0
    )  # fmt: skip
    return out.getvalue()


def npy(names: Sequence[str], arrays: Sequence[Array]) -> bytes:
    """A structured array with one little-endian field per band, version 1.0, C order."""
    if len(set(names)) < len(names):
        raise RequestError("Bands of the same name cannot be told apart in NPY files.")
    shape = arrays[0].shape[:2]
    fields = [
        (n, a.dtype.newbyteorder("<"), a.shape[2:])
        if a.ndim > 2
        else (n, a.dtype.newbyteorder("<"))
        for n, a in zip(names, arrays, strict=True)
    ]
    record = np.zeros(shape, np.dtype(fields))
    for name, array in zip(names, arrays, strict=True):
        record[name] = array
    out = io.BytesIO()
    np.lib.format.write_array(
        out, record, version=(1, 0) if _short(record) else None, allow_pickle=False
    )
    return out.getvalue()


def _short(record: Array) -> bool:
    return len(repr(record.dtype.descr)) < 60_000
