"""Ingestion of images: manifests, mosaics, masks, pyramids, and what is wrong with files."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.testing import assert_array_equal
from rasterio.transform import Affine, from_origin

from ecumene.app import services
from ecumene.core.errors import EcumeneError
from ecumene.tasks.context import TaskContext
from ecumene.tasks.exports.records import example, framed
from ecumene.tasks.ingest import manifests, places
from ecumene.tasks.kinds import KINDS
from ecumene.tasks.operation import Operation
from ecumene.tasks.scratch import Scratch

A = "projects/open/assets"
WEST, NORTH, STEP = 500_000.0, 4_200_000.0, 10.0


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, module_database: str) -> Any:
    data = tmp_path_factory.mktemp("ingest")
    (data / "exports.toml").write_text('[buckets]\nmine = "bucket"\nhers = {path = "hers", accounts = ["her"]}\n')  # fmt: skip
    (data / "bucket").mkdir()
    (data / "hers").mkdir()
    return services(data)


def tif(
    path: Path, values: np.ndarray, *, west: float = WEST, north: float = NORTH, crs: Any = "EPSG:32610", **options: Any
) -> Path:  # fmt: skip
    values = values if values.ndim == 3 else values[None]
    count, height, width = values.shape
    where = options.pop("transform", from_origin(west, north, STEP, STEP))
    with rasterio.open(
        path, "w", driver="GTiff", width=width, height=height, count=count, dtype=values.dtype, crs=crs,
        transform=where, **options,
    ) as out:  # fmt: skip
        out.write(values)
    return path


def bucket(made: Any) -> Path:
    return Path(made.operations.around.data) / "bucket"


def ingest(made: Any, manifest: dict[str, Any], kind: str = "image:import", name: str = "imageManifest", **more: Any) -> Any:  # fmt: skip
    """Runs an import to its end in this thread, as a worker does; the record."""
    read = manifests.image if kind == "image:import" else manifests.table
    payload = read({name: {"name": f"{A}/x", **manifest}, **more})
    around = made.operations.around
    operation = Operation(id=f"op{next(NUMBERS)}", project="projects/open", account="me", kind=kind, type=KINDS[kind].type)  # fmt: skip
    scratch = Scratch(around.data / "scratch" / operation.id)
    try:
        task = TaskContext(operation, payload, scratch, around)
        found = KINDS[kind].run(task)
        first = KINDS[kind].publish(task, found)
        assert KINDS[kind].publish(task, found) == first
    finally:
        scratch.remove()
    return made.catalog.get(payload["asset"])


NUMBERS = iter(range(10_000))


def one(uri: str, **more: Any) -> dict[str, Any]:
    return {"tilesets": [{"sources": [{"uris": [uri]}], **more}]}


def pixels(made: Any, name: str, scale: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Values and masks of the bands of an asset at its own scale, or so many times coarser."""
    from ecumene.core.projection import Window
    from ecumene.engine.pictures import compute

    context = made.context("me")
    image = context.catalog.load_image(name)
    grid = image.bands[0].projection.scaled(scale, scale)
    width, height = (-(-s // scale) for s in image.bands[0].dimensions)
    arrays, masks = compute(image, grid, Window(0, 0, width, height), context)
    whole = [np.ones(a.shape, bool) if m is None else m > 0 for a, m in zip(arrays, masks, strict=True)]  # fmt: skip
    return np.stack(arrays), np.stack(whole)


def random(shape: tuple[int, ...], dtype: str = "uint16", seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(1, 200, shape).astype(dtype)


def test_files_are_laid_side_by_side_as_bands(made: Any):
    values = random((2, 300, 290))
    folder = bucket(made)
    tif(folder / "a.tif", values[:, :, :150])
    tif(folder / "b.tif", values[:, :, 150:], west=WEST + 150 * STEP)
    other = random((150, 145), "float32", 2)
    tif(folder / "c.tif", other, transform=Affine(2 * STEP, 0, WEST, 0, -2 * STEP, NORTH))
    record = ingest(
        made,
        {
            "name": f"{A}/bands",
            "uri_prefix": "gs://mine/",
            "tilesets": [
                {"id": "ab", "sources": [{"uris": ["a.tif"]}, {"uris": ["b.tif"]}]},
                {"id": "c", "sources": [{"uris": ["c.tif"]}]},
            ],
            "bands": [
                {"id": "coarse", "tileset_id": "c"},
                {"id": "second", "tilesetId": "ab", "tilesetBandIndex": 1, "pyramidingPolicy": "MODE"},
            ],
            "startTime": "2020-01-01T00:00:00Z",
            "end_time": {"seconds": 1577836801},
            "properties": {"n": 1, "t": "x"},
        },
    )  # fmt: skip
    assert (record.start, record.end, record.properties) == (1577836800000, 1577836801000, {"n": 1, "t": "x"})  # fmt: skip
    assert [(b["id"], b.get("policy", "MEAN"), b["size"]) for b in record.bands] == [
        ("coarse", "MEAN", [145, 150]), ("second", "MODE", [290, 300]),
    ]  # fmt: skip
    assert_array_equal(pixels(made, f"{A}/bands")[0][0], other)
    with rasterio.open(record.bands[1]["path"]) as stored:
        assert_array_equal(stored.read(1), values[1])
        assert stored.overviews(1) == [2]


@pytest.mark.parametrize("policy", ["MEAN", "MODE", "SAMPLE", "MIN", "MAX", "MEDIAN"])
def test_pyramids_follow_the_policy(made: Any, policy: str):
    """Each 2 × 2 pixels reduced by NumPy, which knows nothing of ours."""
    values = np.random.default_rng(4).integers(1, 4, (300, 300)).astype("uint8")
    values[0, 0] = values[1, 1] = 0
    tif(bucket(made) / "p.tif", values, nodata=0)
    name = f"{A}/p{policy}"
    ingest(made, {"name": name, "pyramidingPolicy": policy, **one("gs://mine/p.tif")})
    found, shown = pixels(made, name, 2)
    cells = values.reshape(150, 2, 150, 2).swapaxes(1, 2).reshape(150, 150, 4).astype("float64")
    known = np.where(cells == 0, np.nan, cells)
    expected = {
        "MEAN": lambda: np.rint(np.nanmean(known, axis=2)),
        "MIN": lambda: np.nanmin(known, axis=2),
        "MAX": lambda: np.nanmax(known, axis=2),
        "MEDIAN": lambda: np.rint(np.nanmedian(known, axis=2)),
        "SAMPLE": lambda: np.nan_to_num(known[..., 0]),
        "MODE": lambda: np.argmax([(cells == k).sum(axis=2) for k in (1, 2, 3)], axis=0) + 1,
    }[policy]()
    assert_array_equal(found[0], expected)
    assert shown[0, 0, 0] == (policy != "SAMPLE")
    assert shown[0, 1:].all()


def test_missing_values_masks_and_types(made: Any):
    values = random((3, 40, 50), "uint8")
    values[2] = np.where(np.arange(50) % 2, 255, 0)
    values[0, 0, :] = 7
    folder = bucket(made)
    tif(folder / "m.tif", values)
    shade = np.ones((40, 50), "uint8")
    shade[10:20] = 0
    tif(folder / "shade.tif", shade)
    record = ingest(
        made,
        {
            "name": f"{A}/masked",
            "tilesets": [
                {"id": "d", "sources": [{"uris": ["gs://mine/m.tif"]}], "dataType": "INT16"},
                {"id": "s", "sources": [{"uris": ["s3://mine/shade.tif"]}]},
            ],
            "bands": [
                {"id": "a", "tilesetId": "d", "missingData": {"values": [7]}},
                {"id": "b", "tilesetId": "d"},
            ],
            "maskBands": [{"tilesetId": "d"}, {"tilesetId": "s", "bandIds": ["b"]}],
        },
    )  # fmt: skip
    found, shown = pixels(made, f"{A}/masked")
    odd = np.broadcast_to(values[2] > 0, (40, 50))
    assert record.bands[0]["type"] == ["int", -32768, 32767]
    assert_array_equal(shown[0], odd & (values[0] != 7))
    assert_array_equal(shown[1], odd & (shade > 0))
    assert_array_equal(found[1][shown[1]], values[1][shown[1]])


def test_the_last_band_as_mask_in_the_form_of_the_command_line(made: Any):
    values = random((2, 20, 20), "uint8")
    values[1, :5] = 0
    tif(bucket(made) / "alpha.tif", values)
    tileset = {"id": "ts", "sources": [{"uris": ["gs://mine/alpha.tif"]}]}
    record = ingest(made, {"name": f"{A}/alpha", "tilesets": [tileset], "maskBands": {"tilesetId": "ts"}})  # fmt: skip
    assert [band["id"] for band in record.bands] == ["b1"]
    assert_array_equal(pixels(made, f"{A}/alpha")[1][0], values[1] > 0)


def test_georeferences_come_from_the_manifest_where_the_file_has_none(made: Any):
    tif(bucket(made) / "bare.tif", random((8, 8)), crs=None, transform=Affine.identity())
    place = {"scaleX": 2.0, "scaleY": -2.0, "translateX": WEST, "translateY": NORTH}
    source = {"uris": ["gs://mine/bare.tif"], "affineTransform": place}
    record = ingest(made, {"name": f"{A}/bare", "tilesets": [{"crs": "EPSG:32633", "sources": [source]}]})  # fmt: skip
    assert (record.bands[0]["crs"], record.bands[0]["transform"]) == ("EPSG:32633", [2, 0, WEST, 0, -2, NORTH])  # fmt: skip


def test_what_is_replaced_must_be_asked_for_and_its_files_go(made: Any):
    tif(bucket(made) / "r.tif", random((8, 8)))
    first = ingest(made, {"name": f"{A}/r", **one("gs://mine/r.tif")})
    with pytest.raises(EcumeneError, match="Cannot overwrite asset"):
        ingest(made, {"name": f"{A}/r", **one("gs://mine/r.tif")})
    second = ingest(made, {"name": f"{A}/r", **one("gs://mine/r.tif")}, overwrite=True)
    assert not Path(first.bands[0]["path"]).exists()
    assert Path(second.bands[0]["path"]).exists()


def test_a_footprint_in_pixels(made: Any):
    import pyproj

    tif(bucket(made) / "fp.tif", random((20, 20)))
    ring = [(1.5, 1.5), (1.5, 9.5), (12.5, 9.5), (12.5, 1.5), (1.5, 1.5)]
    points = [{"x": x, "y": y} for x, y in ring]
    record = ingest(made, {"name": f"{A}/fp", **one("gs://mine/fp.tif"), "footprint": {"points": points, "bandId": "b1"}})  # fmt: skip
    to = pyproj.Transformer.from_crs("EPSG:32610", "EPSG:4326", always_xy=True)
    expected = [to.transform(WEST + STEP * x, NORTH - STEP * y) for x, y in ring]
    assert record.footprint is not None and record.bounds is not None
    np.testing.assert_allclose(record.footprint["coordinates"][0], expected, atol=1e-8)
    np.testing.assert_allclose(record.bounds[::2], (min(p[0] for p in expected), max(p[0] for p in expected)), atol=1e-8)  # fmt: skip
    for broken, words in (
        ({"points": points[:3]}, "ring of at least four points"),
        ({"points": points, "bandId": "no"}, "none of the image's"),
        ({"points": [points[k] for k in (0, 2, 1, 3, 0)]}, "no simple polygon"),
    ):
        with pytest.raises(EcumeneError, match=words):
            ingest(made, {"name": f"{A}/fp2", **one("gs://mine/fp.tif"), "footprint": broken})


def records(values: dict[str, np.ndarray], side: int) -> list[bytes]:
    """The patches of bands, by rows, as framed examples."""
    height, width = next(iter(values.values())).shape
    return [
        framed(example({name: band[row : row + side, col : col + side].ravel() for name, band in values.items()}))
        for row in range(0, height, side)
        for col in range(0, width, side)
    ]  # fmt: skip


def mixed(
    folder: Path, patches: list[bytes], across: int, side: int, **changed: Any
) -> dict[str, Any]:
    """Two files of patches and their mixer; the manifest."""
    (folder / "p0.tfrecord").write_bytes(b"".join(patches[:3]))
    (folder / "p1.tfrecord").write_bytes(b"".join(patches[3:]))
    about = {
        "projection": {"crs": "EPSG:32610", "affine": {"doubleMatrix": [STEP, 0, WEST, 0, -STEP, NORTH]}},
        "patchDimensions": [side, side], "patchesPerRow": across, "totalPatches": len(patches),
    }  # fmt: skip
    (folder / "mixer.json").write_text(json.dumps(about | changed))
    uris = [f"gs://mine/{name}" for name in ("p0.tfrecord", "p1.tfrecord", "mixer.json")]
    return {"name": f"{A}/{next(NUMBERS)}mixed", "tilesets": [{"sources": [{"uris": uris}]}]}


def test_patches_of_predictions_become_an_image(made: Any):
    bands = {"water": random((32, 48), "float32"), "bare": random((32, 48), "float32", 2)}
    manifest = mixed(bucket(made), records(bands, 16), 3, 16)
    record = ingest(made, manifest)
    assert [band["id"] for band in record.bands] == ["bare", "water"]
    assert (record.bands[0]["crs"], record.bands[0]["transform"][2]) == ("EPSG:32610", WEST)
    assert_array_equal(pixels(made, record.id)[0], np.stack([bands["bare"], bands["water"]]))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"totalPatches": 7}, "do not hold the 7 patches"),
        ({"totalPatches": 5}, "do not hold the 5 patches"),
        ({"patchDimensions": [8, 8]}, "does not have the 8×8 numbers"),
        ({"projection": {}}, "no mixer file"),
        ({"totalPatches": 10**9, "patchesPerRow": 10**5}, "describes more than"),
        ({"totalPatches": float("inf")}, "no mixer file"),
        (
            {"projection": {"crs": "no such", "affine": {"doubleMatrix": [1, 0, 0, 0, 1, 0]}}},
            "no mixer file",
        ),
        (
            {
                "projection": {
                    "crs": "EPSG:32610",
                    "affine": {"doubleMatrix": [float("nan"), 0, 0, 0, 1, 0]},
                }
            },
            "no mixer file",
        ),
    ],
)
def test_patches_that_do_not_fit_their_mixer(made: Any, changed: dict[str, Any], words: str):
    manifest = mixed(bucket(made), records({"a": random((32, 48), "float32")}, 16), 3, 16, **changed)  # fmt: skip
    with pytest.raises(EcumeneError, match=words):
        ingest(made, manifest)


# -- what is wrong with files --------------------------------------------------------------------


def bomb(path: Path, side: int, block: int) -> None:
    """A TIFF that claims to be large, and has one tile of zeros."""
    tile = zlib.compress(b"\0" * 256)
    count = (-(-side // block)) ** 2
    entries = [(256, 4, 1, side), (257, 4, 1, side), (258, 3, 1, 8), (259, 3, 1, 8), (262, 3, 1, 1), (277, 3, 1, 1), (322, 4, 1, block), (323, 4, 1, block)]  # fmt: skip
    start = 8 + 2 + 12 * (len(entries) + 2) + 4
    entries += [(324, 4, count, start), (325, 4, count, start + 4 * count)]
    if count == 1:
        entries[-2:] = [(324, 4, 1, start), (325, 4, 1, len(tile))]
    body = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    data = b"" if count == 1 else struct.pack(f"<{count}I", *[start + 8 * count] * count) + struct.pack(f"<{count}I", *[len(tile)] * count)  # fmt: skip
    path.write_bytes(b"II*\0" + struct.pack("<IH", 8, len(entries)) + body + b"\0\0\0\0" + data + tile)  # fmt: skip


def truncated(path: Path) -> None:
    whole = tif(path, random((3, 300, 300)), compress="deflate", tiled=True, blockxsize=128, blockysize=128).read_bytes()  # fmt: skip
    path.write_bytes(whole[: len(whole) // 2])


PLACED = {"crs": "EPSG:32610"}
BROKEN: dict[str, Any] = {
    "text": (lambda p: p.write_text("no raster"), {}, "damaged, or no GeoTIFF"),
    "empty": (lambda p: p.write_bytes(b""), {}, "damaged, or no GeoTIFF"),
    "truncated": (truncated, {}, "cannot be read|damaged"),
    "huge block": (lambda p: bomb(p, 60_000, 60_000), PLACED, "too much for a file of its size"),
    "huge image": (lambda p: bomb(p, 400_000, 4096), PLACED, "too much for a file of its size"),
    "no crs": (lambda p: tif(p, random((4, 4)), crs=None), {}, "no coordinate reference system"),
    "no place": (lambda p: tif(p, random((4, 4)), transform=Affine.identity()), {}, "no georeference"),
    "unknown crs": (lambda p: tif(p, random((4, 4))), {"crs": "EPSG:999999"}, "EPSG:999999"),
    "foreign crs": (lambda p: tif(p, random((4, 4))), {"crs": "EPSG:4326"}, "do not lie on Earth"),
    "vrt": (lambda p: p.write_text('<VRTDataset rasterXSize="1" rasterYSize="1"></VRTDataset>'), {}, "damaged, or no GeoTIFF"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_broken_files_fail_with_the_reason_and_leave_nothing(made: Any, case: str):
    write, tileset, words = BROKEN[case]
    write(bucket(made) / "broken.tif")
    before = {p for p in Path(made.operations.around.data).rglob("*") if "sqlite" not in p.name}
    with pytest.raises(EcumeneError, match=words):
        ingest(made, {"name": f"{A}/broken", **one("gs://mine/broken.tif", **tileset)})
    after = {p for p in Path(made.operations.around.data).rglob("*") if "sqlite" not in p.name}
    assert after == before
    assert made.catalog.get(f"{A}/broken") is None


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        ({"tilesets": []}, "at least one tileset"),
        ({"tilesets": [{"sources": []}]}, "1 to 10000 sources"),
        ({"tilesets": [{"sources": [{"uris": []}]}]}, "list of uris"),
        ({"tilesets": [{"id": "a", "sources": [{"uris": ["gs://mine/r.tif"]}]}] * 2}, "unique"),
        (one("gs://mine/r.tif", dataType="INT7"), "Invalid dataType"),
        (one("gs://mine/r.tif") | {"bands": [{"id": "a", "tilesetId": "no"}]}, "no tileset 'no'"),
        (one("gs://mine/r.tif") | {"bands": [{"id": "a"}, {"id": "a"}]}, "unique"),
        (one("gs://mine/r.tif") | {"bands": [{"id": "a", "tilesetBandIndex": 4}]}, "number 4"),
        (one("gs://mine/r.tif") | {"pyramidingPolicy": "BEST"}, "Invalid pyramiding policy"),
        (one("gs://mine/r.tif") | {"name": "COPERNICUS/X"}, "denied"),
        (one("gs://mine/r.tif") | {"maskBands": [{"bandIds": [{}]}]}, "must be a list of strings"),
        (one("gs://mine/nothing.tif"), "does not exist"),
        (one("gs://nobodys/r.tif"), "nobodys"),
        (one("gs://hers/r.tif"), "does not have storage"),
        (one("gs://mine/../exports.toml"), "not in a bucket that you may read"),
        (one("file:///etc/passwd"), "not in a bucket that you may read"),
        (one("http://x/y.tif"), "Invalid URI"),
        (one("/etc/passwd"), "Invalid URI"),
    ],
)  # fmt: skip
def test_manifests_that_are_refused(made: Any, manifest: dict[str, Any], words: str):
    tif(bucket(made) / "r.tif", random((8, 8)))
    with pytest.raises(EcumeneError, match=words):
        ingest(made, {"name": f"{A}/refused", **manifest})


def test_links_out_of_a_bucket_are_not_followed(made: Any, tmp_path: Path):
    secret = tif(tmp_path / "secret.tif", random((8, 8)))
    (bucket(made) / "link.tif").symlink_to(secret)
    with pytest.raises(EcumeneError, match="not in a bucket"):
        ingest(made, {"name": f"{A}/link", **one("gs://mine/link.tif")})


def test_files_are_named_by_path_and_generation_too(made: Any):
    data = made.operations.around.data
    file = tif(bucket(made) / "named.tif", random((8, 8)))
    assert places.source(data, "me", f"file://{file}") == file.resolve()
    assert places.source(data, "me", "gs://mine/named.tif#123456") == file.resolve()


def test_files_that_do_not_fit_together_are_refused(made: Any):
    folder = bucket(made)
    tif(folder / "r.tif", random((8, 8)))
    tif(folder / "f.tif", random((8, 8), "float32"))
    sources = [{"uris": ["gs://mine/r.tif"]}, {"uris": ["gs://mine/f.tif"]}]
    with pytest.raises(EcumeneError, match="'gs://mine/f.tif' differs from the first source"):
        ingest(made, {"name": f"{A}/unlike", "tilesets": [{"sources": sources}]})


# -- external ------------------------------------------------------------------------------------


def test_external_images_lie_over_their_files(made: Any):
    from ecumene.tasks.ingest import image

    values = random((2, 300, 300))
    path = tif(bucket(made) / "cog.tif", values, tiled=True, blockxsize=256, blockysize=256)
    with rasterio.open(path, "r+") as file:
        file.descriptions = ("red", "nir")
    around = made.operations.around
    payload = manifests.image({"imageManifest": {"name": f"{A}/ext", **one("gs://mine/cog.tif")}})
    record = image.external(made.catalog, around.data, "me", payload)
    assert [(band["id"], band["path"]) for band in record.bands] == [("red", str(path)), ("nir", str(path))]  # fmt: skip
    assert_array_equal(pixels(made, f"{A}/ext")[0], values)
    made.catalog.edited_by("me").delete(f"{A}/ext")
    assert path.exists()
    tif(path, values)
    with pytest.raises(EcumeneError, match="not a tiled GeoTIFF"):
        image.external(made.catalog, around.data, "me", payload)


# -- object stores -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A folder that is served by ranges, as object stores do, and its address."""
    folder = tmp_path_factory.mktemp("remote")
    server = Path(__file__).parents[1] / "storage" / "ranges.py"
    process = subprocess.Popen([sys.executable, str(server), str(folder)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    yield folder, f"http://127.0.0.1:{int(process.stdout.readline())}"
    process.terminate()
    process.wait()


def stored_far(made: Any, remote: Any) -> Any:
    folder, address = remote
    settings = f'[buckets]\nmine = "bucket"\nfar = "{address}"\nhers = {{path = "hers", accounts = ["her"]}}\n'  # fmt: skip
    (Path(made.operations.around.data) / "exports.toml").write_text(settings)
    return folder


def test_external_images_lie_in_object_stores(made: Any, remote: Any):
    from ecumene.tasks.ingest import image

    values = random((2, 300, 300))
    tif(stored_far(made, remote) / "far.tif", values, tiled=True, blockxsize=256, blockysize=256)
    payload = manifests.image({"imageManifest": {"name": f"{A}/far", **one("gs://far/far.tif")}})
    record = image.external(made.catalog, made.operations.around.data, "me", payload)
    assert record.bands[0]["path"] == f"{remote[1]}/far.tif"
    assert_array_equal(pixels(made, f"{A}/far")[0], values)


def test_objects_are_fetched_and_ingested(made: Any, remote: Any):
    pytest.importorskip("obstore", reason="the extra 'object-stores' is not installed")
    values = random((1, 30, 30))
    tif(stored_far(made, remote) / "fetched.tif", values)
    ingest(made, {"name": f"{A}/fetched", **one("gs://far/fetched.tif")})
    assert_array_equal(pixels(made, f"{A}/fetched")[0], values)
    with pytest.raises(EcumeneError, match="does not exist"):
        ingest(made, {"name": f"{A}/nothing", **one("gs://far/nothing.tif")})


@pytest.mark.parametrize("name", ["../x.tif", "a/../x.tif", "", "a//b", "x?y", "x#y", "x%2e"])
def test_names_of_objects_that_are_refused(made: Any, remote: Any, name: str):
    stored_far(made, remote)
    with pytest.raises(EcumeneError, match="Invalid URI"):
        places.address(made.operations.around.data, "me", f"gs://far/{name}")
