from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.enums import Resampling
from rasterio.transform import from_origin
from rasterio.windows import Window

from ecumene.core.errors import PermissionDenied, Unavailable
from ecumene.storage import blocks, tiff
from ecumene.storage.blocks import BlockStore
from ecumene.storage.gate import Gate

WIDTH, HEIGHT = 300, 211


def values(dtype: str, count: int = 1) -> np.ndarray:
    rng = np.random.default_rng(7)
    base = rng.integers(0, 200, (count, HEIGHT, WIDTH)).cumsum(axis=2) % 251
    return base.astype(dtype) if np.dtype(dtype).kind != "f" else (base / 7).astype(dtype)


def write(path: Path, data: np.ndarray, *, overviews: tuple[int, ...] = (), **options) -> None:
    profile = {
        "driver": "GTiff",
        "count": data.shape[0],
        "height": data.shape[1],
        "width": data.shape[2],
        "dtype": data.dtype,
        "crs": "EPSG:32633",
        "transform": from_origin(500000, 5000000, 10, 10),
        **options,
    }
    with rasterio.open(path, "w", **profile) as target:
        target.write(data)
        if overviews:
            target.build_overviews(overviews, Resampling.average)


@pytest.fixture
def store(tmp_path: Path) -> BlockStore:
    return BlockStore(2**26, Gate([tmp_path]))


TILED = {"tiled": True, "blockxsize": 64, "blockysize": 128}
PLAIN = [
    pytest.param("uint16", 1, {"compress": c, "predictor": p}, id=f"{c}-p{p}")
    for c in ("deflate", "zstd", "lzw")
    for p in (1, 2)
] + [
    pytest.param("uint8", 1, {}, id="uncompressed"),
    pytest.param("int16", 1, {"compress": "deflate", "predictor": 2}, id="int16"),
    pytest.param("uint32", 1, {"compress": "deflate", "predictor": 2}, id="uint32"),
    pytest.param("int32", 1, {"compress": "zstd"}, id="int32"),
    pytest.param("float32", 1, {"compress": "deflate", "predictor": 3}, id="float32-p3"),
    pytest.param("float64", 1, {"compress": "zstd", "predictor": 3}, id="float64-p3"),
    pytest.param("float32", 2, {"compress": "zstd", "predictor": 3}, id="float32-p3-two-bands"),
    pytest.param("uint16", 1, {"ENDIANNESS": "BIG"}, id="big-endian"),
    pytest.param(
        "uint16", 1, {"ENDIANNESS": "BIG", "compress": "deflate", "predictor": 2}, id="big-p2"
    ),
    pytest.param(
        "float32", 1, {"ENDIANNESS": "BIG", "compress": "deflate", "predictor": 3}, id="big-p3"
    ),
    pytest.param(
        "uint16",
        5,
        {"compress": "deflate", "predictor": 2, "interleave": "pixel"},
        id="five-bands-by-pixel",
    ),
    pytest.param(
        "uint16",
        5,
        {"compress": "lzw", "predictor": 2, "interleave": "band"},
        id="five-bands-in-planes",
    ),
    pytest.param("uint16", 1, {"BIGTIFF": "YES", "compress": "zstd"}, id="bigtiff"),
]


@pytest.mark.parametrize(("dtype", "count", "options"), PLAIN)
def test_plain_tiff_equals_gdal(tmp_path, store, dtype, count, options):
    path = tmp_path / "a.tif"
    write(path, values(dtype, count), overviews=(2, 4), **TILED, **options)
    assert store.header(str(path)).layout is not None, "the fast path should take this file"
    equal_to_gdal(store, path)


def equal_to_gdal(store: BlockStore, path: Path) -> None:
    header = store.header(str(path))
    with rasterio.open(path) as source:
        reduced = len(source.overviews(1))
    assert len(header.levels) == 1 + reduced
    for level, size in enumerate(header.levels):
        options = {} if level == 0 else {"overview_level": level - 1}
        with rasterio.open(path, **options) as source:
            assert (size.width, size.height) == (source.width, source.height)
            whole = source.read()
        for band in range(1, header.count + 1):
            got = store.window(str(path), band, level, 0, 0, size.width, size.height)
            assert got.dtype == whole.dtype
            np.testing.assert_array_equal(got, whole[band - 1])


OTHER = [
    pytest.param("GTiff", "uint16", {"compress": "deflate"}, id="strips"),
    pytest.param("GTiff", "uint8", {**TILED, "compress": "jpeg"}, id="jpeg-in-tiff"),
    pytest.param("GTiff", "uint8", {**TILED, "NBITS": 4}, id="four-bits"),
    pytest.param("GTiff", "float32", {**TILED, "compress": "lerc"}, id="lerc"),
    pytest.param("JP2OpenJPEG", "uint16", {"QUALITY": "100", "REVERSIBLE": "YES"}, id="jpeg2000"),
    pytest.param("PNG", "uint8", {}, id="png"),
    pytest.param("JPEG", "uint8", {}, id="jpeg"),
]


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize(("driver", "dtype", "options"), OTHER)
def test_other_layouts_equal_gdal(tmp_path, store, driver, dtype, options):
    path = tmp_path / "a.raster"
    data = values(dtype)
    if options.get("NBITS"):
        data = data % 16
    write(path, data, driver=driver, **options)
    assert store.header(str(path)).layout is None
    equal_to_gdal(store, path)


def test_windows_equal_slices(tmp_path, store):
    path = tmp_path / "a.tif"
    data = values("uint16", 3)
    write(path, data, **TILED, compress="deflate")
    rng = np.random.default_rng(1)
    for _ in range(60):
        col, row = int(rng.integers(0, WIDTH)), int(rng.integers(0, HEIGHT))
        width = int(rng.integers(0, WIDTH - col + 1))
        height = int(rng.integers(0, HEIGHT - row + 1))
        got = store.window(str(path), 2, 0, col, row, width, height)
        np.testing.assert_array_equal(got, data[1, row : row + height, col : col + width])


def test_edge_blocks_are_cut_and_read_only(tmp_path, store):
    path = tmp_path / "a.tif"
    data = values("uint16")
    write(path, data, **TILED, compress="deflate")
    block = store.block(str(path), 1, 0, 4, 1)
    assert block.shape == (211 - 128, 300 - 256)
    np.testing.assert_array_equal(block, data[0, 128:, 256:])
    with pytest.raises(ValueError, match="read-only"):
        block[0, 0] = 1


@pytest.mark.parametrize("nodata", [None, 7], ids=["zero", "nodata"])
def test_sparse_tiles(tmp_path, store, nodata):
    path = tmp_path / "a.tif"
    profile = {"driver": "GTiff", "count": 1, "height": 256, "width": 256, "dtype": "uint16"}
    transform = from_origin(500000, 5000000, 10, 10)
    with rasterio.open(
        path, "w", **profile, transform=transform, nodata=nodata, tiled=True,
        blockxsize=128, blockysize=128, SPARSE_OK="TRUE", crs="EPSG:32633",
    ) as target:  # fmt: skip
        target.write(np.ones((128, 128), "uint16"), 1, window=Window(0, 0, 128, 128))
    assert store.header(str(path)).layout is not None
    equal_to_gdal(store, path)


def test_internal_masks_are_not_levels(tmp_path, store):
    path = tmp_path / "a.tif"
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        write(path, values("uint8"), **TILED, compress="deflate")
        with rasterio.open(path, "r+") as target:
            target.write_mask(values("uint8")[0] > 100)
            target.build_overviews((2,), Resampling.nearest)
    header = store.header(str(path))
    assert len(header.levels) == 2
    equal_to_gdal(store, path)
    for level, options in enumerate(({}, {"overview_level": 0})):
        with rasterio.open(path, **options) as source:
            expected = source.dataset_mask()
        size = header.levels[level]
        got = store.window(str(path), 0, level, 0, 0, size.width, size.height)
        assert got.dtype == np.uint8
        np.testing.assert_array_equal(got, expected)
        assert {0, 255} == set(np.unique(got))


def test_strips_are_gathered(tmp_path, store):
    path = tmp_path / "a.tif"
    write(path, values("uint16"), blockysize=1)
    assert store.header(str(path)).levels[0] == (WIDTH, HEIGHT, WIDTH, HEIGHT)


@pytest.mark.parametrize(
    "window", [(-1, 0, 5, 5), (0, -1, 5, 5), (296, 0, 5, 5), (0, 207, 5, 5)], ids=str
)
def test_outside_is_refused(tmp_path, store, window):
    path = tmp_path / "a.tif"
    write(path, values("uint16"), **TILED)
    with pytest.raises(ValueError, match="outside"):
        store.window(str(path), 1, 0, *window)


@pytest.mark.parametrize(
    ("key", "match"),
    [((-1, 0, 0, 0), "band"), ((2, 0, 0, 0), "band"), ((1, 0, 5, 0), "outside")],
    ids=["band -1", "band 2", "block"],
)
def test_wrong_keys_are_refused(tmp_path, store, key, match):
    path = tmp_path / "a.tif"
    write(path, values("uint16"), **TILED)
    with pytest.raises(ValueError, match=match):
        store.block(str(path), *key)


@pytest.mark.parametrize("options", [TILED, {}], ids=["plain", "through GDAL"])
def test_a_changed_file_is_read_again(tmp_path, store, options):
    path = tmp_path / "a.tif"
    data = values("uint16")
    write(path, data, **options)
    store.window(str(path), 1, 0, 0, 0, WIDTH, HEIGHT)
    other = tmp_path / "b.tif"
    write(other, data + 1, **options)
    os.replace(other, path)
    got = store.window(str(path), 1, 0, 0, 0, WIDTH, HEIGHT)
    np.testing.assert_array_equal(got, data[0] + 1)


def test_a_request_looks_once_at_every_file(tmp_path, store, monkeypatch):
    path = tmp_path / "a.tif"
    data = values("uint16")
    write(path, data, **TILED)
    looks = []
    inner = blocks._signature
    monkeypatch.setattr(blocks, "_signature", lambda real: looks.append(real) or inner(real))
    reading = store.reading()
    for _ in range(3):
        reading.window(str(path), 1, 0, 0, 0, WIDTH, HEIGHT)
        reading.header(str(path))
    assert len(looks) == 1


def test_the_next_request_sees_a_changed_file(tmp_path, store):
    path, other = tmp_path / "a.tif", tmp_path / "b.tif"
    data = values("uint16")
    write(path, data, **TILED)
    store.reading().window(str(path), 1, 0, 0, 0, WIDTH, HEIGHT)
    write(other, data + 1, **TILED)
    os.replace(other, path)
    got = store.reading().window(str(path), 1, 0, 0, 0, WIDTH, HEIGHT)
    np.testing.assert_array_equal(got, data[0] + 1)


def test_a_file_that_changes_under_a_request_is_an_error(tmp_path, store):
    """Never blocks of two states in one answer."""
    path, other = tmp_path / "a.tif", tmp_path / "b.tif"
    data = values("uint16")
    write(path, data, **TILED)
    reading = store.reading()
    reading.block(str(path), 1, 0, 0, 0)
    write(other, data + 1, **TILED)
    os.replace(other, path)
    with pytest.raises(Unavailable, match="changed while it was being read"):
        reading.block(str(path), 1, 0, 1, 0)


def test_a_file_that_vanished(tmp_path, store):
    path = tmp_path / "a.tif"
    write(path, values("uint16"), **TILED)
    store.header(str(path))
    path.unlink()
    with pytest.raises(Unavailable, match=r"a\.tif"):
        store.block(str(path), 1, 0, 0, 0)


def test_damaged_blocks_are_an_error(tmp_path, store):
    path = tmp_path / "a.tif"
    write(path, values("uint16"), **TILED, compress="deflate")
    header = store.header(str(path))
    offset = int(header.layout.tiles[0].offsets[0])
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(b"\xff" * 40)
    with pytest.raises(Unavailable, match="damaged"):
        store.block(str(path), 1, 0, 0, 0)


@pytest.mark.parametrize("content", [b"", b"II*\x00", b"not a raster", b"II*\x00\xff\xff\xff\x7f"])
def test_files_that_are_no_rasters(tmp_path, store, content):
    path = tmp_path / "a.tif"
    path.write_bytes(content)
    with pytest.raises(Unavailable):
        store.header(str(path))


def test_formats_that_refer_to_other_files_are_refused(tmp_path, store):
    inside = tmp_path / "a.tif"
    write(inside, values("uint16"), **TILED)
    vrt = tmp_path / "a.vrt"
    vrt.write_text(
        f'<VRTDataset rasterXSize="{WIDTH}" rasterYSize="{HEIGHT}"><VRTRasterBand '
        'dataType="UInt16" band="1"><SimpleSource><SourceFilename relativeToVRT="1">a.tif'
        "</SourceFilename><SourceBand>1</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>"
    )
    with pytest.raises(Unavailable):
        store.header(str(vrt))


def test_the_gate_is_asked(tmp_path):
    (tmp_path / "in").mkdir()
    path = tmp_path / "a.tif"
    write(path, values("uint16"), **TILED)
    store = BlockStore(2**20, Gate([tmp_path / "in"]))
    with pytest.raises(PermissionDenied):
        store.block(str(path), 1, 0, 0, 0)


def test_one_decode_in_flight(tmp_path, store, monkeypatch):
    path = tmp_path / "a.tif"
    write(path, values("uint16"), **TILED, compress="deflate")
    calls = []
    real = tiff.read_tile
    started = threading.Barrier(8)

    def slow(*arguments):
        calls.append(arguments[1:])
        time.sleep(0.05)
        return real(*arguments)

    monkeypatch.setattr(tiff, "read_tile", slow)

    def ask(_):
        started.wait()
        return store.block(str(path), 1, 0, 0, 0)

    with ThreadPoolExecutor(8) as pool:
        blocks = list(pool.map(ask, range(8)))
    assert len(calls) == 1
    assert all(np.shares_memory(block, blocks[0]) for block in blocks)
    stats = store.stats
    assert (stats.misses, stats.hits + stats.waits) == (1, 7)


def test_pixel_interleaved_bands_share_a_decode(tmp_path, store):
    path = tmp_path / "a.tif"
    write(path, values("uint16", 4), **TILED, interleave="pixel", compress="deflate")
    for band in (1, 2, 3, 4):
        store.block(str(path), band, 0, 0, 0)
    assert store.stats.misses == 1


def test_threads_share_no_gdal_handle(tmp_path, store):
    path = tmp_path / "a.jp2"
    data = values("uint16")
    write(path, data, driver="JP2OpenJPEG", QUALITY="100", REVERSIBLE="YES", BLOCKXSIZE=64)

    def read(bx):
        return store.block(str(path), 1, 0, bx, 0)

    with ThreadPoolExecutor(4) as pool:
        blocks = list(pool.map(read, range(store.header(str(path)).levels[0].across)))
    np.testing.assert_array_equal(np.concatenate(blocks, axis=1), data[0, : blocks[0].shape[0]])


def test_prefetch_fills_the_cache(tmp_path, store):
    path = tmp_path / "a.tif"
    write(path, values("uint16"), **TILED, compress="deflate")
    store.prefetch([(str(path), 1, 0, bx, 0) for bx in range(5)] + [("/nowhere", 1, 0, 0, 0)])
    while store.queued:
        time.sleep(0.01)
    assert store.stats.entries == 5
    store.block(str(path), 1, 0, 3, 0)
    assert store.stats.hits == 1


@pytest.fixture
def web(tmp_path):
    command = [sys.executable, str(Path(__file__).with_name("ranges.py")), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        process.terminate()


def test_files_on_the_network(tmp_path, web):
    path = tmp_path / "a.tif"
    data = values("uint16")
    write(path, data, overviews=(2,), **TILED, compress="deflate")
    store = BlockStore(2**26, Gate([f"{web}/open"]))
    url = f"{web}/open/a.tif"
    np.testing.assert_array_equal(store.window(url, 1, 0, 0, 0, WIDTH, HEIGHT), data[0])
    assert len(store.header(url).levels) == 2
    with pytest.raises(PermissionDenied):
        store.header(f"{web}/closed/a.tif")
    with pytest.raises(Unavailable):
        store.header(f"{web}/open/missing.tif")
