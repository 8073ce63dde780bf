"""Arrays of Zarr, version 2: what ``.zarray`` says of them, and their chunks.

The last two dimensions are y and x; every position along the others is a band, in the order of C. A chunk that
does not exist holds the fill value. Formats: Zarr storage specification version 2; codecs of numcodecs.
"""

from __future__ import annotations

import gzip
import io
import json
import math
import os
import zlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from ecumene.core.errors import RequestError, Unavailable
from ecumene.storage.header import Header, Level, Signature

FILE = ".zarray"
MOST_CHUNK_BYTES = 2**28
MOST_BANDS = 10_000_000
MOST_METADATA_BYTES = 2**26

CODECS = ("blosc", "gzip", "lz4", "zlib", "zstd")


@dataclass(frozen=True, eq=False)
class Chunks:
    """The layout of an array: shapes, type, codec, fill value, and how chunks are named."""

    folder: str
    shape: tuple[int, ...]
    chunk: tuple[int, ...]
    dtype: np.dtype[Any]
    codec: str | None
    order: str
    separator: str
    fill: float | None

    @cached_property
    def outer(self) -> tuple[int, ...]:
        """Lengths of the dimensions before y and x."""
        return self.shape[:-2]

    @property
    def bands(self) -> int:
        """Positions along the dimensions before y and x."""
        return math.prod(self.outer)

    @property
    def chunk_bytes(self) -> int:
        """Of a decoded chunk."""
        return math.prod(self.chunk) * self.dtype.itemsize

    def place(self, band: int) -> tuple[tuple[int, ...], int]:
        """The chunk (its numbers before y and x) that holds a band, counted from 0, and the band's place in it."""
        if not self.outer:
            return (), 0
        position = np.unravel_index(band, self.outer)
        inside = [int(p) % c for p, c in zip(position, self.chunk, strict=False)]
        numbers = tuple(int(p) // c for p, c in zip(position, self.chunk, strict=False))
        return numbers, int(np.ravel_multi_index(inside, self.chunk[:-2]))


def _fail(folder: str, what: str) -> RequestError:
    return RequestError(f"The Zarr array '{os.path.basename(folder)}' {what}.")


def _fill(value: Any) -> float | None:
    """The fill value as a number: JSON has words for those that are not finite."""
    if value is None or isinstance(value, bool | int | float):
        return None if value is None else float(value)
    return {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}.get(str(value))


def _document(path: str) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            found = json.loads(file.read(MOST_METADATA_BYTES))
    except (OSError, ValueError) as error:
        raise Unavailable(f"The file '{os.path.basename(path)}' cannot be read.") from error
    if not isinstance(found, dict):
        raise Unavailable(f"The file '{os.path.basename(path)}' holds no object.")
    return found


def chunks_of(path: str) -> Chunks:
    """What ``.zarray`` says. Raises RequestError for what this reader does not know, Unavailable without a file."""
    given, folder = _document(path), os.path.dirname(path)
    if given.get("zarr_format") != 2:
        raise _fail(folder, "is not of version 2")
    if given.get("filters"):
        raise _fail(folder, "has filters, which are not read")
    compressor = given.get("compressor")
    codec = None if compressor is None else str(compressor.get("id"))
    if codec is not None and codec not in CODECS:
        raise _fail(folder, f"has the codec '{codec[:20]}'; known are: {', '.join(CODECS)}")
    try:
        shape, chunk = (tuple(int(n) for n in given[key]) for key in ("shape", "chunks"))
        dtype = np.dtype(given["dtype"])
    except (KeyError, TypeError, ValueError):
        raise _fail(folder, "has no proper shape, chunks and type") from None
    if (
        dtype.kind not in "biuf"
        or dtype == np.float16
        or len(shape) < 2
        or len(shape) != len(chunk)
    ):
        raise _fail(folder, "has no numbers in at least two dimensions")
    found = Chunks(
        folder, shape, chunk, dtype, codec, str(given.get("order", "C")), str(given.get("dimension_separator", ".")),
        _fill(given.get("fill_value")),
    )  # fmt: skip
    if min(*shape, *chunk) < 1 or found.bands > MOST_BANDS or found.chunk_bytes > MOST_CHUNK_BYTES:
        raise _fail(folder, f"is empty, or has chunks of more than {MOST_CHUNK_BYTES >> 20} MB")
    if found.order not in "CF" or found.separator not in "./":
        raise _fail(folder, "has an unknown order or separator")
    return found


def attributes(path: str) -> dict[str, Any]:
    """The attributes of an array, from the ``.zmetadata`` beside its folder. Unavailable without."""
    folder = os.path.dirname(path)
    found = _document(os.path.join(os.path.dirname(folder), ".zmetadata")).get("metadata")
    held = found.get(f"{os.path.basename(folder)}/.zattrs") if isinstance(found, dict) else None
    return held if isinstance(held, dict) else {}


def parse(path: str, signature: Signature) -> Header:
    """The header of an array; see ``chunks_of``."""
    found = chunks_of(path)
    height, width = found.shape[-2:]
    level = Level(width, height, min(found.chunk[-1], width), min(found.chunk[-2], height))
    native = np.dtype(np.uint8) if found.dtype.kind == "b" else found.dtype.newbyteorder("=")
    return Header(
        path, signature, (level,), (native,) * found.bands, (found.fill,) * found.bands, "Zarr", chunks=found
    )  # fmt: skip


def read_chunk(header: Header, numbers: tuple[int, ...], bx: int, by: int) -> NDArray[Any]:
    """The bands of one chunk ``(bands, height, width)``, cut off at the edges of the array."""
    found: Chunks = header.chunks
    name = found.separator.join(map(str, (*numbers, by, bx)))
    path = os.path.realpath(os.path.join(found.folder, name))
    if not path.startswith(found.folder + os.path.sep):
        raise Unavailable(f"The chunk '{name}' lies elsewhere.")
    down, across = header.levels[0].block_shape(bx, by)
    try:
        with open(path, "rb") as file:
            packed = file.read(found.chunk_bytes + found.chunk_bytes // 4 + 2**16)
    except FileNotFoundError:
        shape = (math.prod(found.chunk[:-2]), down, across)
        return np.full(shape, 0 if found.fill is None else found.fill, header.dtypes[0])
    except OSError as error:
        raise Unavailable(f"The chunk '{name}' cannot be read.") from error
    values = _unpacked(found, packed, name).reshape(-1, *found.chunk[-2:])
    return np.ascontiguousarray(values[:, :down, :across], header.dtypes[0])


def _unpacked(found: Chunks, packed: bytes, name: str) -> NDArray[Any]:
    """The numbers of a chunk in its shape. Unavailable where they are not as many as they should be."""
    try:
        plain = _decoded(found.codec, packed, found.chunk_bytes)
    except (ValueError, RuntimeError, EOFError, OSError, zlib.error) as error:
        raise Unavailable(f"The chunk '{name}' is damaged.") from error
    if len(plain) != found.chunk_bytes:
        raise Unavailable(f"The chunk '{name}' is damaged.")
    return np.frombuffer(plain, found.dtype).reshape(found.chunk, order=found.order)  # type: ignore[call-overload,no-any-return]


def _decoded(codec: str | None, packed: bytes, size: int) -> bytes:
    """The bytes of a chunk, never more than a few beyond ``size``."""
    match codec:
        case None:
            return packed
        case "zlib":
            return zlib.decompressobj().decompress(packed, size + 1)
        case "gzip":
            with gzip.GzipFile(fileobj=io.BytesIO(packed)) as file:
                return file.read(size + 1)
        case "zstd":
            return bytes(imagecodecs.zstd_decode(packed, out=size))
        case "lz4":
            if int.from_bytes(packed[:4], "little") != size:
                raise ValueError("another size")
            return bytes(imagecodecs.lz4_decode(packed[4:], out=size))
    if int.from_bytes(packed[4:8], "little") != size:
        raise ValueError("another size")
    return bytes(imagecodecs.blosc_decode(packed, out=size, numthreads=1))
