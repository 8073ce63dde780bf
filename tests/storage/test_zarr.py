"""Chunks of Zarr beside what GDAL wrote into them."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import imagecodecs
import numpy as np
import pytest

from ecumene.core.errors import EcumeneError, RequestError, Unavailable
from ecumene.storage import zarr
from ecumene.storage.blocks import BlockStore
from ecumene.storage.gate import Gate
from tests.storage.zarrs import VALUES, written


def band(path: Path, number: int) -> np.ndarray:
    store = BlockStore(2**24, Gate([path.parents[2]]))
    try:
        return np.array(store.window(str(path), number, 0, 0, 0, 50, 37))
    finally:
        store.close()


def chunks(path: Path) -> list[Path]:
    return [file for file in path.parent.iterdir() if file.name[0].isdigit()]


@pytest.mark.parametrize("codec", ["NONE", "ZLIB", "GZIP", "ZSTD", "BLOSC"])
def test_bands_are_those_that_gdal_wrote(tmp_path: Path, codec: str) -> None:
    path = written(tmp_path, codec=codec)
    for k in range(5):
        np.testing.assert_array_equal(band(path, k + 1), VALUES[k])


@pytest.mark.parametrize("kind", ["uint8", "int32", "float32", "float64"])
def test_types(tmp_path: Path, kind: str) -> None:
    found = band(written(tmp_path, VALUES.astype(kind)), 4)
    assert found.dtype == kind
    np.testing.assert_array_equal(found, VALUES[3].astype(kind))


def test_big_ends_columns_first_and_nested_names(tmp_path: Path) -> None:
    path = written(tmp_path, codec="NONE", dtype=">i2", order="F", dimension_separator="/")
    for chunk in chunks(path):
        values = np.frombuffer(chunk.read_bytes(), "<i2").reshape(2, 16, 20)
        place = path.parent.joinpath(*chunk.name.split("."))
        chunk.unlink()
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(values.astype(">i2").tobytes(order="F"))
    np.testing.assert_array_equal(band(path, 5), VALUES[4])


def test_lz4_as_numcodecs_writes_it(tmp_path: Path) -> None:
    path = written(tmp_path, codec="NONE", compressor={"id": "lz4", "acceleration": 1})
    for chunk in chunks(path):
        plain = chunk.read_bytes()
        chunk.write_bytes(len(plain).to_bytes(4, "little") + imagecodecs.lz4_encode(plain))
    np.testing.assert_array_equal(band(path, 2), VALUES[1])


def test_chunks_that_do_not_exist_hold_the_fill_value(tmp_path: Path) -> None:
    path = written(tmp_path, fill_value=-7)
    (path.parent / "0.1.1").unlink()
    expected = VALUES[1].copy()
    expected[16:32, 20:40] = -7
    np.testing.assert_array_equal(band(path, 2), expected)


def test_damaged_and_strange_chunks_are_not_read(tmp_path: Path) -> None:
    path = written(tmp_path)
    good = (path.parent / "0.0.0").read_bytes()
    for bad in (b"", good[:-20], b"x" * 100, good[:2] + bytes(50)):
        (path.parent / "0.0.0").write_bytes(bad)
        with pytest.raises(Unavailable, match="is damaged"):
            band(path, 1)
    outside = tmp_path / "secret"
    outside.write_bytes(good)
    (path.parent / "0.0.0").unlink()
    (path.parent / "0.0.0").symlink_to(outside)
    with pytest.raises(Unavailable, match="lies elsewhere"):
        band(path, 1)


@pytest.mark.parametrize("codec", ["zlib", "gzip", "zstd", "lz4", "blosc"])
def test_chunks_that_unpack_to_more_are_refused_early(codec: str) -> None:
    huge = np.zeros(2**26, "uint8").tobytes()
    packed = {
        "zlib": imagecodecs.zlib_encode, "gzip": imagecodecs.gzip_encode, "zstd": imagecodecs.zstd_encode, "blosc": imagecodecs.blosc_encode,
        "lz4": lambda b: len(b).to_bytes(4, "little") + imagecodecs.lz4_encode(b),
    }[codec](huge)  # fmt: skip
    with contextlib.suppress(ValueError, RuntimeError):
        assert len(zarr._decoded(codec, bytes(packed), 1000)) <= 1001


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"zarr_format": 3}, "not of version 2"), ({"filters": [{"id": "delta"}]}, "has filters"), ({"compressor": {"id": "lzma"}}, "the codec 'lzma'"),
        ({"dtype": "<U8"}, "has no numbers"), ({"dtype": "what"}, "no proper shape"), ({"shape": [5]}, "has no numbers"), ({"chunks": [1, 2**20, 2**20]}, "is empty, or has chunks"),
        ({"chunks": [0, 1, 1]}, "is empty"), ({"shape": [10**9, 37, 50]}, "is empty"), ({"order": "K"}, "unknown order"),
    ],
)  # fmt: skip
def test_arrays_that_are_not_read(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        band(written(tmp_path, **changes), 1)


def test_files_that_are_no_arrays(tmp_path: Path) -> None:
    path = written(tmp_path)
    for text in ("", "[]", "{"):
        path.write_text(text)
        with pytest.raises(EcumeneError):
            zarr.chunks_of(str(path))
    (tmp_path / "t.zarr" / ".zmetadata").write_text(json.dumps({"metadata": []}))
    assert zarr.attributes(str(path)) == {}
