"""Blocks that are decoded no further than the request's last row."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecumene.core.errors import Unavailable
from ecumene.storage.blocks import STEP, BlockStore
from ecumene.storage.gate import Gate
from tests.storage.test_blocks import HEIGHT, TILED, WIDTH, values, write

PARTLY = {
    "integers": ("uint16", 1, {"compress": "deflate", "predictor": 2}),
    "no predictor": ("uint8", 1, {"compress": "deflate"}),
    "floats": ("float32", 1, {"compress": "deflate", "predictor": 3}),
    "big endian": ("uint16", 1, {"compress": "deflate", "predictor": 2, "ENDIANNESS": "BIG"}),
    "by pixel": ("int16", 3, {"compress": "deflate", "predictor": 2, "interleave": "pixel"}),
    "in planes": ("uint16", 2, {"compress": "deflate", "interleave": "band"}),
}
WHOLE = {
    "zstandard": ("uint16", 1, {"compress": "zstd", "predictor": 2}),
    "lzw": ("uint16", 1, {"compress": "lzw"}),
    "stored": ("uint16", 1, {}),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("partly")
    made = {}
    for number, (name, (dtype, count, options)) in enumerate((PARTLY | WHOLE).items()):
        data = values(dtype, count)
        write(folder / f"{number}.tif", data, **TILED, **options)
        made[name] = str(folder / f"{number}.tif"), data
    return folder, made


def open_store(folder) -> BlockStore:
    return BlockStore(2**26, Gate([folder]))


@pytest.mark.parametrize("kind", [*PARTLY, *WHOLE])
@given(data=st.data())
def test_any_window_is_right_whatever_was_announced(files, kind, data):
    folder, made = files
    path, expected = made[kind]
    store = open_store(folder)
    for _ in range(2):  # the second request finds what the first one left
        request = store.reading()
        real = request.header(path).path
        request.reaching({(real, 0): data.draw(st.integers(1, HEIGHT))})
        for _ in range(2):
            row = data.draw(st.integers(0, HEIGHT - 1))
            height = data.draw(st.integers(1, HEIGHT - row))
            col = data.draw(st.integers(0, WIDTH - 1))
            width = data.draw(st.integers(1, WIDTH - col))
            for band in range(1, expected.shape[0] + 1):
                found = request.window(path, band, 0, col, row, width, height)
                wanted = expected[band - 1, row : row + height, col : col + width]
                np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("kind", PARTLY)
def test_no_further_than_announced(files, kind):
    folder, made = files
    path, expected = made[kind]
    store = open_store(folder)
    request = store.reading()
    end = 40
    request.reaching({(request.header(path).path, 0): end})
    request.window(path, 1, 0, 0, 0, 64, end)
    bands = expected.shape[0] if kind == "by pixel" else 1
    assert store.stats.bytes == -(-end // STEP) * STEP * 64 * bands * expected.dtype.itemsize
    request.window(path, 1, 0, 0, 0, 64, end)
    assert (store.stats.misses, store.stats.hits) == (1, 1)
    store.window(path, 1, 0, 0, 0, 64, end)  # another request, which announced nothing
    assert store.stats.misses == 2
    request.window(path, 1, 0, 0, 0, 64, end)
    assert (store.stats.misses, store.stats.hits) == (2, 2)


@pytest.mark.parametrize("kind", WHOLE)
def test_other_formats_are_decoded_whole(files, kind):
    folder, made = files
    path, _ = made[kind]
    store = open_store(folder)
    request = store.reading()
    request.reaching({(request.header(path).path, 0): 10})
    request.window(path, 1, 0, 0, 0, 64, 10)
    store.window(path, 1, 0, 0, 0, 64, 10)
    assert store.stats.misses == 1


def forged(path, content: bytes):
    """A file whose first tile holds some other bytes, not longer than its own."""
    data = bytearray(path.read_bytes())
    import tifffile

    with tifffile.TiffFile(path) as tiff:
        offset, count = tiff.pages[0].dataoffsets[0], tiff.pages[0].databytecounts[0]
    assert len(content) <= count
    data[offset : offset + count] = content.ljust(count, b"\0")
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        pytest.param(zlib.compress(bytes(2**24)), 128, id="inflates to more than a tile"),
        pytest.param(zlib.compress(bytes(1000)), 128, id="inflates to less than a tile"),
        pytest.param(zlib.compress(bytes(1000)), 32, id="inflates to less than the wanted rows"),
        pytest.param(
            zlib.compress(bytes(64 * 128 * 2))[:-4] + b"\1\2\3\4", 128, id="wrong checksum"
        ),
        pytest.param(b"no zlib", 32, id="no stream"),
    ],
)
def test_damage_is_an_error(tmp_path, content, rows):
    path = tmp_path / "a.tif"
    noise = np.random.default_rng(1).integers(0, 60000, (1, HEIGHT, WIDTH), dtype="uint16")
    write(path, noise, **TILED, compress="deflate")
    forged(path, content)
    request = open_store(tmp_path).reading()
    request.reaching({(request.header(str(path)).path, 0): rows})
    with pytest.raises(Unavailable, match="damaged"):
        request.window(str(path), 1, 0, 0, 0, 64, rows)
