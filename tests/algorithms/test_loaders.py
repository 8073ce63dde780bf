"""Images of files in the operator's buckets, through an application's engine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from ecumene import app
from ecumene.core.errors import EcumeneError, LimitExceeded
from tests.engine.graphs import const, graph, invoke
from tests.storage.zarrs import VALUES, written

NODATA = -5


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    data = tmp_path_factory.mktemp("data")
    (data / "exports.toml").write_text(
        '[buckets]\nmine = "bucket"\nhers = {path = "hers", accounts = ["her"]}\n'
    )
    bucket = data / "bucket"
    (data / "hers").mkdir()
    bucket.mkdir()
    written(bucket, fill_value=7)
    values = VALUES[:2].copy()
    values[0, :3] = NODATA
    with rasterio.open(
        bucket / "tiled.tif", "w", driver="GTiff", width=50, height=37, count=2, dtype="int16", nodata=NODATA, crs="EPSG:32633",
        transform=from_origin(500_000, 5_000_000, 10, 10), tiled=True, blockxsize=16, blockysize=16,
    ) as file:  # fmt: skip
        file.write(values)
        file.set_band_description(2, "green")
    with rasterio.open(
        bucket / "striped.tif", "w", driver="GTiff", width=300, height=300, count=1, dtype="int16"
    ) as file:
        file.write(np.ones((1, 300, 300), "int16"))
    (data / "secret.tif").write_bytes((bucket / "tiled.tif").read_bytes())
    services = app.services(data)
    yield services.engine
    services.engine.pixels.close()


def value(engine: Any, name: str, account: str = "me", **given: Any) -> Any:
    context = engine.context(account)
    return engine.evaluate(graph(invoke(name, **{k: const(v) for k, v in given.items()})), context)


def info(engine: Any, found: Any) -> Any:
    return engine.to_json(found, engine.context("me"))


def pixels(engine: Any, image: Any) -> list[tuple[np.ndarray, np.ndarray]]:
    """Values and validity of every band on its own grid."""
    from ecumene.core.projection import Window

    first = image.bands[0]
    window = Window(0, 0, *first.dimensions)
    read = engine.pixels.read(
        [b.node for b in image.bands], first.projection, window, engine.context("me")
    )
    return [(part.values, part.valid()) for part in read]


def test_a_tiled_geotiff(engine) -> None:
    image = value(engine, "Image.loadGeoTIFF", uri="gs://mine/tiled.tif")
    told = info(engine, image)
    assert told["id"] == "gs://mine/tiled.tif"
    assert [(b["id"], b["crs"], b["dimensions"]) for b in told["bands"]] == [
        ("B0", "EPSG:32633", [50, 37]),
        ("green", "EPSG:32633", [50, 37]),
    ]
    (first, seen), (second, every) = pixels(engine, image)
    np.testing.assert_array_equal(first[3:], VALUES[0, 3:])
    np.testing.assert_array_equal(second, VALUES[1])
    assert every.all() and seen[3:].all() and not seen[:3].any()


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("gs://mine/none.tif", "does not exist"), ("gs://other/tiled.tif", "other"), ("gs://hers/tiled.tif", "hers"), ("gs://mine/../secret.tif", "not in a bucket that you may read"),
        ("https://example.com/a.tif", "Invalid URI"), ("/etc/passwd", "Invalid URI"), ("file:///etc/passwd", "not in a bucket"), ("gs://mine/striped.tif", "not a tiled GeoTIFF"),
        ("gs://mine/t.zarr/t/.zarray", "cannot be read as a raster"),
    ],
)  # fmt: skip
def test_files_that_may_not_be_read(engine, uri: str, message: str) -> None:
    with pytest.raises(EcumeneError, match=message) as found:
        value(engine, "Image.loadGeoTIFF", uri=uri)
    assert "Image.loadGeoTIFF: " in str(found.value)


def test_servers_without_buckets_say_so() -> None:
    from tests.calls import call

    with pytest.raises(EcumeneError, match="has no buckets"):
        call("Image.loadGeoTIFF", "gs://mine/tiled.tif")


GRID = {"type": "Projection", "crs": "EPSG:4326", "transform": [0.5, 0, 10, 0, -0.5, 50]}
ARRAY = {"uri": "gs://mine/t.zarr/t/.zarray"}


def zarr(engine: Any, name: str, **given: Any) -> Any:
    nodes = {k: const(v) for k, v in (ARRAY | given).items()}
    proj = invoke("Projection", crs=const("EPSG:4326"), transform=const(GRID["transform"]))
    return engine.evaluate(graph(invoke(name, proj=proj, **nodes)), engine.context("me"))


def test_an_array_as_an_image(engine) -> None:
    image = zarr(engine, "Image.loadZarrV2Array")
    assert image.band_names == [f"t_{k}" for k in range(5)]
    for k, (values, seen) in enumerate(pixels(engine, image)):
        np.testing.assert_array_equal(values[seen], VALUES[k][seen])
        np.testing.assert_array_equal(seen, VALUES[k] != 7)
    band = info(engine, image)["bands"][0]
    assert (band["crs_transform"], band["data_type"]["precision"]) == (GRID["transform"], "int")


@pytest.mark.parametrize(
    ("starts", "ends", "names"),
    [
        ([1], [3], ["t_1", "t_2"]),
        ([-1], None, ["t"]),
        (None, [-3], ["t_0", "t_1"]),
        ([None], [1], ["t"]),
    ],
)
def test_some_indices(engine, starts, ends, names: list[str]) -> None:
    given = {k: v for k, v in (("starts", starts), ("ends", ends)) if v is not None}
    image = zarr(engine, "Image.loadZarrV2Array", **given)
    assert image.band_names == names
    first = range(5)[slice(*(starts or [None]), None)][0]
    np.testing.assert_array_equal(pixels(engine, image)[0][0], VALUES[first])


def test_an_array_as_a_collection(engine) -> None:
    found = zarr(engine, "ImageCollection.loadZarrV2Array", starts=[2])
    images = list(found)
    assert [image.index for image in images] == ["2", "3", "4"]
    assert {tuple(image.band_names) for image in images} == {("t",)}
    np.testing.assert_array_equal(pixels(engine, images[1])[0][0], VALUES[3])
    assert found.size() == 3


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("Image.loadZarrV2Array", {"starts": [1, 2]}, "'starts' must have 1 elements"), ("Image.loadZarrV2Array", {"starts": [3], "ends": [3]}, "has no index from 3 to 3"),
        ("Image.loadZarrV2Array", {"starts": [9]}, "Index 9 is outside of 5"), ("ImageCollection.loadZarrV2Array", {"axis": 1}, r"must be in the range \[0, 0\]"),
        ("Image.loadZarrV2Array", {"uri": "gs://mine/tiled.tif"}, "is not a .zarray file"), ("Image.loadZarrV2Array", {"starts": [0.5]}, "must be integers"),
        *(("Image.loadZarrV2Array", {"starts": [v]}, "must be integers") for v in (float("nan"), float("inf"), "1")),
    ],
)  # fmt: skip
def test_indices_that_do_not_exist(engine, name: str, given: dict[str, Any], message: str) -> None:
    with pytest.raises(EcumeneError, match=message):
        zarr(engine, name, **given)


def test_arrays_without_names_of_dimensions(engine, tmp_path: Path) -> None:
    bucket = Path(engine.context("me").file("gs://mine/tiled.tif")).parent / "bare"
    bucket.mkdir()
    path = written(bucket)
    beside = path.parents[1] / ".zmetadata"
    beside.write_text(json.dumps({"metadata": {}}))
    with pytest.raises(EcumeneError, match="_ARRAY_DIMENSIONS"):
        zarr(engine, "Image.loadZarrV2Array", uri="gs://mine/bare/t.zarr/t/.zarray")
    beside.unlink()
    with pytest.raises(EcumeneError, match=r"'.zmetadata' cannot be read"):
        zarr(engine, "Image.loadZarrV2Array", uri="gs://mine/bare/t.zarr/t/.zarray")


def test_thousands_of_bands_are_too_many(engine) -> None:
    bucket = Path(engine.context("me").file("gs://mine/tiled.tif")).parent / "long"
    bucket.mkdir()
    written(bucket, shape=[9000, 37, 50])
    with pytest.raises(LimitExceeded, match="More than 5000 bands"):
        zarr(engine, "Image.loadZarrV2Array", uri="gs://mine/long/t.zarr/t/.zarray")
    found = zarr(engine, "ImageCollection.loadZarrV2Array", uri="gs://mine/long/t.zarr/t/.zarray")
    assert found.size() == 9000
