"""Images exported by the unmodified client; the files are read by other programs."""

from __future__ import annotations

import gzip
import json
import struct
import zlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import rasterio
import tifffile

from tests.e2e.exporting import HEIGHT, NORTH, PROJECT, STEP, WEST, WIDTH, Exporting, values


def read(path: Path) -> tuple[np.ndarray, Any]:
    with rasterio.open(path) as file:
        about = {"descriptions": file.descriptions, "block_shapes": file.block_shapes}
        return file.read(), SimpleNamespace(**file.profile, **about, dtypes=file.dtypes)


def test_a_geotiff_has_the_pixels_of_the_image(exporting: Exporting) -> None:
    task = exporting.ee.batch.Export.image.toDrive(
        exporting.scene(), "plain", folder="a/b", fileNamePrefix="scene"
    )
    assert exporting.completed(task) == ["drive://a_b/scene.tif"]
    found, file = read(exporting.drive / "a_b" / "scene.tif")
    assert (found == values()).all()
    assert file.crs.to_epsg() == 32610 and file.nodata is None
    assert tuple(file.transform)[:6] == (STEP, 0, WEST, 0, -STEP, NORTH)
    assert file.descriptions == ("red", "nir") and file.block_shapes == [(256, 256)] * 2
    assert file.dtypes == ("uint16", "uint16")


def test_masked_floats_are_nan_and_no_data_is_what_was_asked(exporting: Exporting) -> None:
    image = exporting.scene().divide(2).float()
    export = exporting.ee.batch.Export.image.toDrive
    exporting.completed(export(image, "floats"))
    exporting.completed(export(image, "marked", formatOptions={"noData": -9}))
    expected = np.where(values() == 0, np.nan, values() / np.float32(2))
    found, file = read(exporting.drive / "floats.tif")
    np.testing.assert_array_equal(found, expected)
    assert np.isnan(file.nodata) and file.dtypes[0] == "float32"
    found, file = read(exporting.drive / "marked.tif")
    np.testing.assert_array_equal(found, np.nan_to_num(expected, nan=-9))
    assert file.nodata == -9


def test_properties_are_written_where_they_are_asked_for(exporting: Exporting) -> None:
    image = exporting.scene().set({"season": "spring", "cloud": 12.5, "other": 1})
    options = {"metadataKeys": ["season", "cloud", "missing"]}
    exporting.completed(
        exporting.ee.batch.Export.image.toDrive(image, "about", formatOptions=options)
    )
    with rasterio.open(exporting.drive / "about.tif") as file:
        found = {k: v for k, v in file.tags().items() if k != "AREA_OR_POINT"}
    assert found == {"season": "spring", "cloud": "12.5"}


def test_a_region_and_scale_select_the_pixels(exporting: Exporting) -> None:
    ee = exporting.ee
    box = [WEST + 1000, NORTH - 3000, WEST + 3000, NORTH - 1000]
    region = ee.Geometry.Rectangle(box, "EPSG:32610", False)
    task = ee.batch.Export.image.toCloudStorage(
        exporting.scene(), "part", "results", "deep/part", region=region, scale=10, crs="EPSG:32610"
    )
    assert exporting.completed(task) == ["gs://results/deep/part.tif"]
    found, _ = read(exporting.bucket / "deep" / "part.tif")
    assert (found == values()[:, 100:300, 100:300]).all()


def test_many_files_are_named_by_where_they_begin(exporting: Exporting) -> None:
    image = exporting.scene().updateMask(
        exporting.ee.Image.pixelCoordinates("EPSG:32610").select("x").lt(WEST + 5120)
    )
    task = exporting.ee.batch.Export.image.toDrive(
        image, "many", fileDimensions=[512, 256], skipEmptyTiles=True
    )
    names = [f"many-{row:010d}-0000000000.tif" for row in (0, 256, 512)]
    assert exporting.completed(task) == [f"drive://{name}" for name in names]
    parts = [read(exporting.drive / name)[0] for name in names]
    assert (np.concatenate(parts, axis=1) == values()[:, :, :512]).all()


def test_a_cloud_optimized_file_has_its_overviews_in_front(exporting: Exporting) -> None:
    task = exporting.ee.batch.Export.image.toDrive(
        exporting.scene(), "cog", formatOptions={"cloudOptimized": True}
    )
    exporting.completed(task)
    path = exporting.drive / "cog.tif"
    with rasterio.open(path) as file:
        assert file.overviews(1) == [2, 4]
        assert (file.read() == values()).all()
        half = file.read(out_shape=(2, HEIGHT // 2, WIDTH // 2))
    wanted = values().astype(float)
    wanted[wanted == 0] = np.nan
    blocks = wanted.reshape(2, HEIGHT // 2, 2, WIDTH // 2, 2)
    count = np.isfinite(blocks).sum(axis=(2, 4))
    mean = np.rint(np.nansum(blocks, axis=(2, 4)) / np.maximum(count, 1))
    assert (half == mean).all()
    with tifffile.TiffFile(path) as tiff:
        pages = list(tiff.pages)
        offsets = [page.dataoffsets[0] for page in pages]
    assert [page.shape[:2] for page in pages] == [(600, 700), (300, 350), (150, 175)]
    assert max(page.offset for page in pages) < min(offsets)
    assert offsets == sorted(offsets, reverse=True)


def test_an_asset_is_an_image_like_any_other(exporting: Exporting) -> None:
    ee, name = exporting.ee, f"projects/{PROJECT}/assets/made"
    image = exporting.scene().addBands(exporting.scene().select("red").divide(3).rename("third"))
    image = image.set("purpose", "a test", "system:time_start", 1_500_000_000_000)
    export = ee.batch.Export.image.toAsset
    policies = {".default": "mean", "nir": "max"}
    folders = exporting.data / "assets"
    before = set(folders.iterdir()) if folders.exists() else set()
    assert exporting.completed(export(image, "asset", name, policies)) == [name]
    stored = ee.data.getAsset(name)
    assert [band["id"] for band in stored["bands"]] == ["red", "nir", "third"]
    assert [band["pyramidingPolicy"] for band in stored["bands"]] == ["MEAN", "MAX", "MEAN"]
    assert stored["properties"] == {"purpose": "a test"} and stored["startTime"].startswith("2017")
    grid = {
        "crsCode": "EPSG:32610", "dimensions": {"width": WIDTH, "height": HEIGHT},
        "affineTransform": {"scaleX": STEP, "scaleY": -STEP, "translateX": WEST, "translateY": NORTH},
    }  # fmt: skip

    def pixels(what: Any) -> np.ndarray:
        return ee.data.computePixels(
            {"expression": what, "fileFormat": "NUMPY_NDARRAY", "grid": grid}
        )

    for band in ("red", "nir", "third"):
        for one, other in (
            (image.select(band), ee.Image(name).select(band)),
            (image.select(band).mask(), ee.Image(name).select(band).mask()),
        ):
            assert (pixels(one)[band] == pixels(other)[band]).all()
    again = exporting.ended(export(image, "asset", name))
    assert again["state"] == "FAILED" and "overwrite" in again["error_message"]
    exporting.completed(export(image.select("nir"), "asset", name, overwrite=True))
    assert ee.Image(name).bandNames().getInfo() == ["nir"]
    assert len(set(folders.iterdir()) - before) == 1


def test_coarse_reads_of_an_asset_follow_its_policy(exporting: Exporting) -> None:
    ee, name = exporting.ee, f"projects/{PROJECT}/assets/coarse"
    exporting.completed(
        ee.batch.Export.image.toAsset(exporting.scene().select("nir"), "c", name, {"nir": "max"})
    )
    grid = {
        "crsCode": "EPSG:32610", "dimensions": {"width": WIDTH // 2, "height": HEIGHT // 2},
        "affineTransform": {"scaleX": 2 * STEP, "scaleY": -2 * STEP, "translateX": WEST, "translateY": NORTH},
    }  # fmt: skip
    found = ee.data.computePixels(
        {"expression": ee.Image(name), "fileFormat": "NUMPY_NDARRAY", "grid": grid}
    )
    blocks = values()[1].reshape(HEIGHT // 2, 2, WIDTH // 2, 2)
    assert (found["nir"] == blocks.max(axis=(1, 3))).all()


def records(path: Path) -> list[bytes]:
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    found, at = [], 0
    while at < len(data):
        (length,) = struct.unpack_from("<Q", data, at)
        found.append(data[at + 12 : at + 12 + length])
        at += 16 + length
    return found


def floats(record: bytes, name: str, count: int) -> np.ndarray:
    """The floats of a feature: they follow its name, tags and lengths."""
    at = record.index(b"\n" + bytes([len(name)]) + name.encode()) + 2 + len(name)
    size = 4 * count
    header = len(_varint(size)) + 1
    skip = (
        1
        + len(_varint(size + header + 1 + len(_varint(size + header))))
        + 1
        + len(_varint(size + header))
    )
    return np.frombuffer(record[at + skip + header : at + skip + header + size], "<f4")


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def test_tfrecord_patches_and_their_mixer(exporting: Exporting) -> None:
    task = exporting.ee.batch.Export.image.toDrive(
        exporting.scene(), "patches", fileFormat="TFRecord",
        formatOptions={"patchDimensions": [64, 32], "kernelSize": [8, 4], "compressed": True, "maxFileSize": 3_000_000},
    )  # fmt: skip
    uris = exporting.completed(task)
    assert (
        uris[-1] == "drive://patches-mixer.json" and uris[0] == "drive://patches-00000.tfrecord.gz"
    )
    mixer = json.loads((exporting.drive / "patches-mixer.json").read_text())
    assert mixer["patchDimensions"] == [64, 32] and mixer["patchesPerRow"] == 10
    assert mixer["totalPatches"] == 180
    assert mixer["projection"] == {
        "crs": "EPSG:32610", "affine": {"doubleMatrix": [STEP, 0, WEST, 0, -STEP, NORTH]},
    }  # fmt: skip
    found = [
        r for uri in uris[:-1] for r in records(exporting.drive / uri.removeprefix("drive://"))
    ]
    assert len(uris) > 2 and len(found) == 180
    padded = np.pad(values(), ((0, 0), (2, 2), (4, 4)))
    for number in (0, 13, 179):
        row, col = divmod(number, 10)
        wanted = padded[1, row * 32 : row * 32 + 36, col * 64 : col * 64 + 72]
        assert (floats(found[number], "nir", 72 * 36) == wanted.ravel()).all()


def test_zarr_is_ours(exporting: Exporting) -> None:
    image = exporting.scene().addBands(exporting.scene().select("red").divide(2).rename("half"))
    options = {
        "fileFormat": "ZARR", "zarrOptions": {"tileSize": 256},
        "cloudStorageDestination": {"bucket": "results", "filenamePrefix": "cube"},
    }  # fmt: skip
    made = exporting.rest("image:export", image, fileExportOptions=options)
    assert made == ["gs://results/cube.zarr/"]
    root = exporting.bucket / "cube.zarr"
    about = json.loads((root / ".zmetadata").read_text())["metadata"]
    assert about["nir/.zarray"]["shape"] == [HEIGHT, WIDTH]

    def array(name: str) -> np.ndarray:
        given = about[f"{name}/.zarray"]
        rows = []
        for row in range(3):
            chunks = [zlib.decompress((root / name / f"{row}.{c}").read_bytes()) for c in range(3)]
            rows.append(
                np.hstack([np.frombuffer(c, given["dtype"]).reshape(256, 256) for c in chunks])
            )
        return np.vstack(rows)[:HEIGHT, :WIDTH]

    assert (array("nir") == values()[1]).all()
    half = np.where(values()[0] == 0, np.nan, values()[0] / 2)
    np.testing.assert_array_equal(array("half"), half)
    x = np.frombuffer(zlib.decompress((root / "x" / "0").read_bytes()))
    assert (x == WEST + STEP * (np.arange(WIDTH) + 0.5)).all()
    ee = exporting.ee
    grid = ee.Projection("EPSG:32610", [STEP, 0, WEST, 0, -STEP, NORTH])
    again = ee.Image.loadZarrV2Array("gs://results/cube.zarr/nir/.zarray", grid)
    corners = [WEST, NORTH - STEP * HEIGHT, WEST + STEP * WIDTH, NORTH]
    region = ee.Geometry.Rectangle(corners, "EPSG:32610", False)
    assert again.reduceRegion("sum", region).getInfo() == {"nir": int(values()[1].sum())}
    assert "WGS 84 / UTM zone 10N" in about["spatial_ref/.zattrs"]["crs_wkt"]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"maxPixels": 1000}, "Export too large: specified 420000 pixels (max: 1000). Specify higher maxPixels value"),
        ({"formatOptions": {"noData": -1}}, "cannot be represented"),
    ],
)  # fmt: skip
def test_what_cannot_be_exported_fails(exporting: Exporting, options: Any, text: str) -> None:
    task = exporting.ee.batch.Export.image.toDrive(exporting.scene(), "failing", **options)
    status = exporting.ended(task)
    assert status["state"] == "FAILED" and text in status["error_message"]
    assert not (exporting.drive / "failing.tif").exists()


def test_bands_of_several_types_and_unbounded_images_fail(exporting: Exporting) -> None:
    ee = exporting.ee
    mixed = exporting.scene().addBands(exporting.scene().select("red").double().rename("x"))
    status = exporting.ended(ee.batch.Export.image.toDrive(mixed, "mixed"))
    assert "found inconsistent types: UInt16 and Float64." in status["error_message"]
    status = exporting.ended(ee.batch.Export.image.toDrive(ee.Image(1), "endless"))
    assert status["error_message"] == "Unable to export unbounded image."


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"bucket": "nowhere"}, "The specified bucket 'nowhere' does not exist."),
        ({"bucket": "foreign"}, "does not have storage.objects.create access"),
        ({"bucket": "results", "fileNamePrefix": "../x"}, "Invalid file name prefix"),
        ({"bucket": "results", "fileDimensions": 300}, "multiple of the shard size"),
        ({"bucket": "results", "fileFormat": "HDF"}, "Invalid or unsupported fileFormat 'HDF'"),
        ({"bucket": "results", "priority": 10_000}, "Priority must be between 0 and 9999"),
    ],
)
def test_impossible_requests_are_refused_at_once(
    exporting: Exporting, options: Any, text: str
) -> None:
    task = exporting.ee.batch.Export.image.toCloudStorage(exporting.scene(), "bad", **options)
    with pytest.raises(exporting.ee.EEException, match=text.replace("(", r"\(")):
        task.start()
