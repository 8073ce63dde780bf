"""Clients of other makers, unmodified: xee, GDAL's drivers, the JavaScript client."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import rasterio
from pyogrio import raw
from rasterio.windows import Window

from tests.e2e.exporting import HEIGHT, NORTH, PROJECT, STEP, WEST, WIDTH, Exporting, values

ASSETS = f"projects/{PROJECT}/assets"
SERIES = f"{ASSETS}/series"
CLOUDS = (0, 10, 20)


@pytest.fixture(scope="module")
def series(exporting_server: Any) -> str:
    """A collection of three images of a month each, with a number and a text."""
    import ee as client

    key = str(exporting_server.key)
    client.Reset()
    client.Initialize(
        client.ServiceAccountCredentials("x", key), url=exporting_server.base, project=PROJECT
    )
    client.data.createAsset({"type": "IMAGE_COLLECTION"}, SERIES)
    for k, cloud in enumerate(CLOUDS):
        name = f"{SERIES}/s{k}"
        client.data.copyAsset(f"{ASSETS}/scene", name)
        fields = {
            "properties": {"cloud": cloud, "word": f"w{k}"},
            "start_time": f"2020-0{k + 1}-01T00:00:00Z",
            "end_time": f"2020-0{k + 1}-02T00:00:00Z",
        }
        mask = ["start_time", "end_time", "properties.cloud", "properties.word"]
        client.data.updateAsset(name, fields, mask)
    client.Reset()
    return SERIES


def token_of(exporting: Exporting) -> str:
    """A token as google-auth gets one from the key."""
    session = exporting.session()
    session.get(f"{exporting.base}/v1/projects/{PROJECT}/operations")
    return str(session.credentials.token)


# -- GDAL ----------------------------------------------------------------------------------------


@pytest.fixture
def gdal_options(exporting: Exporting) -> dict[str, Any]:
    """Where GDAL's drivers find the server, and the key that they log in with."""
    return {
        "EEDA_URL": f"{exporting.base}/v1alpha/",
        "GOOGLE_APPLICATION_CREDENTIALS": str(exporting.server.key),
        "GO2A_AUD": f"{exporting.base}/token",
    }


@pytest.fixture
def eedai(gdal_options: dict[str, Any]) -> Iterator[None]:
    with rasterio.Env(**gdal_options) as environment:
        if "EEDAI" not in environment.drivers():
            pytest.skip("this GDAL has no EEDAI driver")
        yield


@pytest.fixture
def eeda(gdal_options: dict[str, Any]) -> Iterator[None]:
    if "EEDA" not in pyogrio.list_drivers():
        pytest.skip("this GDAL has no EEDA driver")
    pyogrio.set_gdal_config_options(gdal_options)
    yield
    pyogrio.set_gdal_config_options(dict.fromkeys(gdal_options))


def test_gdal_reads_an_image(eedai: None) -> None:
    with rasterio.open(f"EEDAI:{ASSETS}/scene") as image:
        assert (image.driver, image.width, image.height) == ("EEDAI", WIDTH, HEIGHT)
        assert image.crs.to_epsg() == 32610
        assert image.transform.to_gdal() == (WEST, STEP, 0, NORTH, 0, -STEP)
        assert image.descriptions == ("red", "nir")
        assert image.dtypes == ("uint16", "uint16")
        np.testing.assert_array_equal(image.read(), values())
        window = Window(200, 250, 300, 120)
        np.testing.assert_array_equal(image.read(2, window=window), values()[1, 250:370, 200:500])
        assert image.read(1, out_shape=(HEIGHT // 2, WIDTH // 2)).shape == (300, 350)


def test_gdal_reads_one_band(eedai: None, series: str) -> None:
    with rasterio.open(f"EEDAI:{series}/s1:nir") as image:
        assert image.descriptions == ("nir",)
        assert image.tags() == {"cloud": "10", "word": "w1"}
        np.testing.assert_array_equal(image.read(), values()[1:])


def test_gdal_with_a_token(eedai: None, exporting: Exporting) -> None:
    token = token_of(exporting)
    options = {"EEDA_URL": f"{exporting.base}/v1alpha/", "EEDA_BEARER": token}
    with rasterio.Env(**options), rasterio.open(f"EEDAI:{ASSETS}/scene:red") as image:
        np.testing.assert_array_equal(image.read(1), values()[0])


def test_gdal_says_what_is_wrong(eedai: None) -> None:
    with pytest.raises(rasterio.errors.RasterioIOError, match="does not exist"):
        rasterio.open(f"EEDAI:{ASSETS}/nothing")


def found_by(series: str, **options: Any) -> list[str]:
    meta, _, _, columns = raw.read(f"EEDA:{series}", **options)
    names = dict(zip(meta["fields"], columns, strict=True))["name"]
    return [name.rpartition("/")[2] for name in names]


def test_gdal_lists_a_collection(eeda: None, series: str) -> None:
    meta, _, shapes, columns = raw.read(f"EEDA:{series}")
    table = dict(zip(meta["fields"], columns, strict=True))
    assert table["gdal_dataset"].tolist() == [f"EEDAI:{series}/s{k}" for k in range(3)]
    assert table["cloud"].tolist() == list(CLOUDS)
    assert table["word"].tolist() == ["w0", "w1", "w2"]
    assert [str(t)[:10] for t in table["startTime"]] == ["2020-01-01", "2020-02-01", "2020-03-01"]
    assert table["band_count"].tolist() == [2, 2, 2]
    assert table["band_max_width"].tolist() == [WIDTH] * 3
    assert table["band_crs"].tolist() == ["EPSG:32610"] * 3
    assert meta["geometry_type"] == "MultiPolygon"
    assert all(shapes)


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("cloud >= 10", [1, 2]),
        ("word = 'w1'", [1]),
        ("cloud IN (0, 20)", [0, 2]),
        ("cloud IN (0, 20) AND word <> 'w0'", [2]),
        ("NOT (cloud = 0)", [1, 2]),
        ("(cloud = 0 OR word = 'w1') AND cloud < 15", [0, 1]),
        ("startTime >= '2020/02/01 00:00:00'", [1, 2]),
        ("endTime <= '2020/02/10 00:00:00' AND cloud <> 0", [1]),
        ("EEDA:cloud > 10", [2]),
        ("cloud > 100", []),
    ],
)
def test_gdal_filters_a_collection(
    eeda: None, series: str, where: str, expected: list[int]
) -> None:
    assert found_by(series, where=where) == [f"s{k}" for k in expected]


def test_gdal_asks_by_place(eeda: None, series: str) -> None:
    assert len(found_by(series, bbox=(-123.5, 37, -122.5, 39))) == 3
    assert found_by(series, bbox=(0, 0, 10, 10)) == []


def test_gdal_reads_pages(eeda: None, series: str) -> None:
    pyogrio.set_gdal_config_options({"EEDA_PAGE_SIZE": "1"})
    try:
        assert found_by(series) == ["s0", "s1", "s2"]
    finally:
        pyogrio.set_gdal_config_options({"EEDA_PAGE_SIZE": None})


# -- xee -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["", "ee://", None], ids=["id", "address", "collection"])
def test_xee_opens_a_collection(exporting: Exporting, series: str, scheme: str | None) -> None:
    pytest.importorskip("xee", reason="xee is not installed (pip install xee)")
    import xarray

    target = exporting.ee.ImageCollection(series) if scheme is None else f"{scheme}{series}"
    transform = (STEP, 0, WEST, 0, -STEP, NORTH)
    opened = xarray.open_dataset(
        target, engine="ee", crs="EPSG:32610", crs_transform=transform, shape_2d=(WIDTH, HEIGHT)
    )
    assert dict(opened.sizes) == {"time": 3, "y": HEIGHT, "x": WIDTH}
    assert [str(t)[:10] for t in opened.time.values] == ["2020-01-01", "2020-02-01", "2020-03-01"]
    expected = np.where(values()[0] == 0, np.nan, values()[0].astype("float32"))
    red = opened["red"].isel(time=1).transpose("y", "x")
    np.testing.assert_array_equal(red.values, expected)
    window = opened["nir"].isel(time=0, x=slice(100, 200), y=slice(50, 120)).transpose("y", "x")
    np.testing.assert_array_equal(window.values, values()[1, 50:120, 100:200])
    np.testing.assert_allclose(opened.x.values, WEST + STEP * (np.arange(WIDTH) + 0.5))


# -- JavaScript ----------------------------------------------------------------------------------


def node(exporting: Exporting, script: Path, *arguments: str) -> dict[str, Any]:
    """What a script for Node prints as JSON, by name."""
    program = shutil.which("node")
    if program is None:
        pytest.skip("Node is not installed")
    resolve = [program, "-e", "require.resolve('@google/earthengine')"]
    if subprocess.run(resolve, capture_output=True, check=False, cwd=script.parent).returncode:
        pytest.skip("Node finds no @google/earthengine (npm install it, and set NODE_PATH)")
    done = subprocess.run(
        [program, str(script), exporting.base, PROJECT, *arguments],
        capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, "TOKEN": token_of(exporting)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return dict(json.loads(line) for line in done.stdout.splitlines())


def test_the_javascript_client(exporting: Exporting) -> None:
    said = node(exporting, Path(__file__).with_name("javascript.js"))
    assert said["sum"] == 3
    assert said["sumAtOnce"] == 21
    assert said["bands"] == ["red", "nir"]
    assert "projects/x/assets/none" in said["error"]
    assert said["asset"] == {"type": "Image", "id": f"{ASSETS}/scene"}
    assert said["folder"] == {"type": "Folder", "id": f"{ASSETS}/script"}
    assert f"{ASSETS}/scene" in said["list"]
    for name, kind in (("tile", "image/png"), ("thumbnail", "image/png"), ("download", "image/tiff"), ("table", "text/csv")):  # fmt: skip
        assert said[name]["status"] == 200, name
        assert said[name]["type"].startswith(kind)
        assert said[name]["bytes"] > 60
    assert said["states"] == ["COMPLETED", "COMPLETED"]
    assert sorted(said["operations"].values()) == ["SUCCEEDED", "SUCCEEDED"]
    for name in ("begun", "processed"):
        with rasterio.open(exporting.drive / f"{name}.tif") as written:
            np.testing.assert_array_equal(written.read(2), values()[1])
