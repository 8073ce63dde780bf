"""The plain TIFF, read directly: tiles fetched with ``pread`` and decoded without the GIL.

Plain means tiled, uncompressed or deflate, Zstandard or LZW, predictor 1, 2 or 3, whole bytes per
sample, one sample type, bands interleaved by pixel or in planes. Everything else is left to
``storage.rasters``. Layout: TIFF 6.0; Technical Note 3 (floating point predictor).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import imagecodecs
import numpy as np
import tifffile
from isal import isal_zlib
from numpy.typing import NDArray

from ecumene.core.errors import Unavailable
from ecumene.core.profile import block_read
from ecumene.storage.header import Header, Level, Signature

_MAX_TILE_BYTES = 2**28
_PHOTOMETRIC = {0, 1, 2, 4}  # min-is-white, min-is-black, RGB, transparency mask
_KINDS = {1: "u", 2: "i", 3: "f"}


_ERROR: Any = isal_zlib.error

Decoder = Callable[[bytes, int, int], Any]
"""``(stored, wanted, whole)``: a buffer with the first ``wanted`` bytes of the ``whole`` that a tile has."""


def _stored(data: bytes, wanted: int, whole: int) -> Any:
    return data


def _deflate(data: bytes, wanted: int, whole: int) -> Any:
    """Inflated no further than needed; a whole tile must end where it should, and fit its checksum."""
    stream = isal_zlib.decompressobj()
    try:
        found = stream.decompress(data, wanted if wanted < whole else whole + 1)
    except _ERROR as error:
        raise ValueError(str(error)) from error
    if wanted < whole:
        return found
    if len(found) != whole or not stream.eof:
        raise ValueError("a tile of another size")
    return found


def _zstd(data: bytes, wanted: int, whole: int) -> Any:
    return imagecodecs.zstd_decode(data, out=whole)


def _lzw(data: bytes, wanted: int, whole: int) -> Any:
    return imagecodecs.lzw_decode(data, out=whole)


_DEFLATE = (8, 32946)
_CODECS: dict[int, Decoder] = {1: _stored, 5: _lzw, 50000: _zstd} | dict.fromkeys(
    _DEFLATE, _deflate
)


@dataclass(frozen=True, slots=True, eq=False)
class TiledLevel:
    """Where the tiles of one resolution are. ``offsets`` and ``counts``: one entry per tile."""

    offsets: NDArray[np.int64]
    counts: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class PlainTiff:
    """How to decode a tile. ``stored`` is the sample type in the file's byte order."""

    tiles: tuple[TiledLevel, ...]
    stored: np.dtype[Any]
    compression: int
    predictor: int
    samples: int
    interleaved: bool
    fill: float


def _int(page: Any, name: str, default: int) -> int:
    tag = page.tags.get(name)
    value = default if tag is None else tag.value
    if isinstance(value, tuple):
        return int(value[0]) if len(set(value)) == 1 else -1
    return int(value)


def _kind(page: Any) -> tuple[int, ...] | None:
    """What all levels must share, or None if the page is not plain."""
    bits, sample_format = _int(page, "BitsPerSample", 1), _int(page, "SampleFormat", 1)
    predictor, compression = _int(page, "Predictor", 1), _int(page, "Compression", 1)
    planar = _int(page, "PlanarConfiguration", 1)
    plain = (
        page.is_tiled
        and compression in _CODECS
        and bits in (8, 16, 32, 64)
        and sample_format in _KINDS
        and (bits, sample_format) != (8, 3)
        and (bits, sample_format) != (16, 3)
        and (predictor == 1 or (predictor, sample_format == 3) in ((2, False), (3, True)))
        and planar in (1, 2)
        and _int(page, "FillOrder", 1) == 1
        and _int(page, "ImageDepth", 1) == 1
        and _int(page, "PhotometricInterpretation", 1) in _PHOTOMETRIC
        and page.tilewidth * page.tilelength * page.samplesperpixel * bits // 8 <= _MAX_TILE_BYTES
    )
    if not plain:
        return None
    return bits, sample_format, predictor, compression, planar, int(page.samplesperpixel)


def _level(page: Any) -> Level:
    return Level(
        int(page.imagewidth), int(page.imagelength), int(page.tilewidth), int(page.tilelength)
    )


def _tiles(page: Any, planes: int) -> TiledLevel | None:
    offsets = np.asarray(page.dataoffsets, np.int64)
    counts = np.asarray(page.databytecounts, np.int64)
    level = _level(page)
    wanted = level.across * level.down * planes
    if offsets.size != wanted or counts.size != wanted:
        return None
    return TiledLevel(offsets, counts)


def _reduced(pages: Any, first: Any, kind: tuple[int, ...]) -> list[Any]:
    """The overviews among the other pages, largest first: reduced images, but no masks."""
    found = []
    for page in pages:
        subfile = _int(page, "NewSubfileType", 0)
        if subfile & 1 and not subfile & 4 and _kind(page) == kind:
            found.append(page)
    found.sort(key=lambda page: -int(page.imagewidth))
    return [page for page in found if page.imagewidth < first.imagewidth or page.imagelength == 1]


def parse(path: str, signature: Signature) -> Header | None:
    """The header of a plain TIFF; None if the file is not one."""
    try:
        with tifffile.TiffFile(path) as tiff:
            return _parse(tiff, path, signature)
    except (tifffile.TiffFileError, ValueError, KeyError, IndexError, TypeError, struct.error):
        return None


def _parse(tiff: Any, path: str, signature: Signature) -> Header | None:
    first = tiff.pages[0]
    kind = _kind(first)
    if kind is None:
        return None
    bits, sample_format, predictor, compression, planar, samples = kind
    pages = [first, *_reduced(list(tiff.pages)[1:], first, kind)]
    planes = 1 if planar == 1 else samples
    tiles = [_tiles(page, planes) for page in pages]
    if any(part is None for part in tiles):
        return None
    stored = np.dtype(f"{tiff.byteorder}{_KINDS[sample_format]}{bits // 8}")
    nodata = _nodata(first)
    layout = PlainTiff(
        tuple(part for part in tiles if part is not None),
        stored,
        compression,
        predictor,
        samples,
        planar == 1,
        0.0 if nodata is None else nodata,
    )
    return Header(
        path,
        signature,
        tuple(_level(page) for page in pages),
        (stored.newbyteorder("="),) * samples,
        (nodata,) * samples,
        "GTiff",
        layout,
    )


def _nodata(page: Any) -> float | None:
    tag = page.tags.get(42113)
    if tag is None:
        return None
    try:
        return float(str(tag.value).strip("\x00 "))
    except ValueError:
        return None


def partly(layout: PlainTiff) -> bool:
    """Whether the first rows of a tile can be had for less than the whole."""
    return layout.compression in _DEFLATE


def read_tile(
    header: Header, plane: int, level: int, bx: int, by: int, rows: int | None = None
) -> NDArray[Any]:
    """The bands of one tile, ``(bands, height, width)`` in native byte order.

    An interleaved file gives all its bands; a planar one only band ``plane`` (from 0). ``rows``: only the
    first rows of it (see ``partly``). Raises Unavailable if the file has changed since the header was parsed,
    or is damaged.
    """
    layout: PlainTiff = header.layout
    size = header.levels[level]
    tiles = layout.tiles[level]
    number = by * size.across + bx
    if not layout.interleaved:
        number += plane * size.across * size.down
    depth = layout.samples if layout.interleaved else 1
    height, width = size.block_shape(bx, by)
    height = height if rows is None else min(rows, height)
    count = int(tiles.counts[number])
    native = layout.stored.newbyteorder("=")
    if count == 0:  # a sparse tile: nothing was ever written there
        fill = layout.fill if native.kind == "f" else int(layout.fill)
        return np.full((depth, height, width), fill, native)
    data = _fetch(header, int(tiles.offsets[number]), count)
    shape = (size.block_height, size.block_width, depth)
    try:
        block = _decode(data, layout, shape, size.block_height if rows is None else height)
    except (RuntimeError, ValueError, TypeError) as error:  # imagecodecs' errors are RuntimeErrors
        raise Unavailable(
            f"The file '{os.path.basename(header.path)}' is damaged: a block cannot be decoded."
        ) from error
    block_read(count, block.nbytes)
    return np.ascontiguousarray(np.moveaxis(block[:height, :width], 2, 0), dtype=native)


def _fetch(header: Header, offset: int, count: int) -> bytes:
    name = os.path.basename(header.path)
    try:
        handle = os.open(header.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise Unavailable(f"The file '{name}' cannot be read.") from error
    try:
        if signature_of(os.fstat(handle)) != header.signature:
            raise Unavailable(f"The file '{name}' changed while it was being read.")
        data = os.pread(handle, count, offset)
    finally:
        os.close(handle)
    if len(data) != count:
        raise Unavailable(f"The file '{name}' is cut off.")
    return data


def signature_of(stat: os.stat_result) -> Signature:
    """Modification time, size and inode."""
    return Signature(stat.st_mtime_ns, stat.st_size, stat.st_ino)


def _decode(data: bytes, layout: PlainTiff, shape: tuple[int, int, int], rows: int) -> NDArray[Any]:
    """The first rows of a tile of a shape."""
    height, width, depth = shape
    row = width * depth * layout.stored.itemsize
    raw = _CODECS[layout.compression](data, rows * row, height * row)
    block = np.frombuffer(raw, layout.stored, rows * width * depth).reshape(rows, width, depth)
    if layout.predictor == 2:
        return imagecodecs.delta_decode(block, axis=-2)
    if layout.predictor == 3:
        # the predictor stores the bytes of a row by significance, whatever the file's byte order
        return imagecodecs.floatpred_decode(block, axis=-2)
    return block
