"""The notebooks' jobs, step by step, through unmodified clients over real HTTP."""

from __future__ import annotations

import io
import json

import numpy as np
import pyproj
import pytest
import rasterio
import requests
from PIL import Image

from .conftest import HERE, PROJECT, Server

BANDS = ["B4", "B3", "B2"]
SCALE = 8.983152841195215e-05


def grid(width: int = 640, height: int = 640, shift: int = 0) -> dict:
    return {
        "dimensions": {"width": width, "height": height},
        "affineTransform": {
            "scaleX": SCALE,
            "shearX": 0,
            "translateX": HERE[0] + shift * SCALE,
            "shearY": 0,
            "scaleY": -SCALE,
            "translateY": HERE[1],
        },
        "crsCode": "EPSG:4326",
    }


@pytest.fixture
def scenes(ee):
    return (
        ee.ImageCollection("COPERNICUS/S2")
        .filterBounds(ee.Geometry.Point(HERE))
        .filterDate("2020-04-01", "2020-09-01")
    )


@pytest.fixture
def compute(web, server: Server, ee, scenes):
    """Posts to computePixels as the notebook does: a string body, no content type."""
    graph = ee.serializer.encode(scenes.median())

    def post(**changes) -> requests.Response:
        body = {
            "expression": graph,
            "fileFormat": "PNG",
            "bandIds": BANDS,
            "grid": grid(),
            "visualizationOptions": {"ranges": [{"min": 0, "max": 3000}]},
        }
        body.update(changes)
        body = {key: value for key, value in body.items() if value is not None}
        url = f"{server.base}/v1beta/projects/{PROJECT}/image:computePixels"
        return web.post(url, data=json.dumps(body))

    return post


def array(response: requests.Response) -> np.ndarray:
    assert response.status_code == 200, response.text
    return np.load(io.BytesIO(response.content))


def picture(response: requests.Response) -> Image.Image:
    assert response.status_code == 200, response.text
    return Image.open(io.BytesIO(response.content))


def message(response: requests.Response) -> str:
    assert response.status_code == 400, response.text
    error = response.json()["error"]
    assert (error["code"], error["status"]) == (400, "INVALID_ARGUMENT")
    return error["message"]


# -- A1, A2 -------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["v1", "v1beta", "v1alpha"])
def test_an_asset_reads_the_same_in_every_version(web, server, version):
    answer = web.get(f"{server.base}/{version}/projects/earthengine-public/assets/LANDSAT")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/json")
    asset = answer.json()
    assert asset["name"] == "projects/earthengine-public/assets/LANDSAT"
    assert (asset["type"], asset["id"]) == ("FOLDER", "LANDSAT")


def test_unknown_asset_is_404(web, server):
    answer = web.get(f"{server.base}/v1beta/projects/earthengine-public/assets/NO/SUCH/THING")
    assert answer.status_code == 404
    assert answer.json()["error"]["status"] == "NOT_FOUND"


def test_a_key_signed_by_another_private_key_is_refused(server, tmp_path):
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    from google.auth.exceptions import RefreshError
    from google.auth.transport.requests import AuthorizedSession
    from google.oauth2 import service_account

    key = json.loads(server.key.read_text())
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    key["private_key"] = other.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    credentials = service_account.Credentials.from_service_account_info(key, scopes=["x"])
    with pytest.raises(RefreshError, match="invalid_grant"):
        AuthorizedSession(credentials).get(
            f"{server.base}/v1/projects/earthengine-public/assets/LANDSAT"
        )


def test_missing_and_unknown_tokens_are_401(server):
    url = f"{server.base}/v1/projects/earthengine-public/assets/LANDSAT"
    for headers in ({}, {"Authorization": "Bearer nonsense"}):
        answer = requests.get(url, headers=headers, timeout=10)
        assert answer.status_code == 401
        assert answer.json()["error"]["status"] == "UNAUTHENTICATED"


def test_the_client_starts_with_and_without_project(server):
    import ee

    for options in ({}, {"project": PROJECT}):
        ee.Reset()
        credentials = ee.ServiceAccountCredentials("ignored@example.com", str(server.key))
        ee.Initialize(credentials, url=server.base, **options)
        assert ee.Number(1).add(41).getInfo() == 42


# -- A3, A4 -------------------------------------------------------------------------------------


def test_metadata_of_the_composite(ee, scenes):
    assert scenes.size().getInfo() > 20
    composite = scenes.median()
    first = scenes.first().bandNames().getInfo()
    assert composite.bandNames().getInfo() == first == [
        "B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B9", "B10", "B11", "B12", "QA60",
    ]  # fmt: skip
    projection = composite.projection().getInfo()
    assert projection == {"type": "Projection", "crs": "EPSG:4326", "transform": [1, 0, 0, 0, 1, 0]}
    assert composite.projection().nominalScale().getInfo() == 111319.49079327357
    assert "dimensions" not in composite.getInfo()["bands"][0]


@pytest.mark.parametrize(
    ("metres", "degrees"),
    [
        (10, 8.983152841195215e-05),
        (30, 0.00026949458523585647),
        (100, 0.0008983152841195215),
        (250, 0.002245788210298804),
        (1000, 0.008983152841195215),
    ],
)
def test_degrees_of_a_scale(ee, metres, degrees):
    found = ee.Projection("EPSG:4326").atScale(metres).getInfo()
    assert (found["type"], found["crs"]) == ("Projection", "EPSG:4326")
    assert found["transform"] == [degrees, 0, 0, 0, degrees, 0]


# -- A5, A6 -------------------------------------------------------------------------------------


def stack(server: Server, ids: list[str], band: str) -> np.ndarray:
    """Every scene at every pixel of the notebook's grid: exact transform, nearest, 0 = no data."""
    x, y = np.meshgrid(
        HERE[0] + SCALE * (np.arange(640) + 0.5), HERE[1] - SCALE * (np.arange(640) + 0.5)
    )
    east, north = pyproj.Transformer.from_crs(4326, 32610, always_xy=True).transform(x, y)
    layers = []
    for index in ids:
        with rasterio.open(server.archive / "s2" / "data" / index / f"{band}.tif") as source:
            col, row = ~source.transform * (east, north)
            col, row = np.floor(col).astype(int), np.floor(row).astype(int)
            c0, r0, c1, r1 = col.min(), row.min(), col.max() + 1, row.max() + 1
            window = rasterio.windows.Window(c0, r0, c1 - c0, r1 - r0)
            data = source.read(1, window=window, boundless=True, fill_value=0)
            layers.append(data[row - r0, col - c0])
    return np.stack(layers)


def test_every_pixel_is_the_median_of_the_valid_scenes(compute, scenes, server):
    got = array(compute(fileFormat="NPY", visualizationOptions=None))
    assert got.shape == (640, 640)
    assert got.dtype.names == tuple(BANDS)
    ids = scenes.aggregate_array("system:index").getInfo()
    for band in BANDS:
        layers = stack(server, ids, band).astype("float64")
        layers[layers == 0] = np.nan
        expected = np.nanmedian(layers, axis=0)
        assert not np.isnan(expected).any()
        np.testing.assert_array_equal(got[band].astype("float64"), expected)


def test_png_follows_the_numbers(compute):
    response = compute()
    assert response.headers["content-type"] == "image/png"
    assert response.content[:8] == b"\x89PNG\r\n\x1a\n"
    image = picture(response)
    assert image.size == (640, 640)
    assert image.mode in ("RGB", "RGBA")
    values = array(compute(fileFormat="NPY", visualizationOptions=None))
    shown = np.asarray(image.convert("RGB")).astype(float)
    for number, band in enumerate(BANDS):
        expected = np.clip(values[band] / 3000, 0, 1) * 255
        assert np.abs(shown[..., number] - expected).max() <= 1


def test_identical_requests_give_identical_bytes(compute):
    assert compute().content == compute().content


def test_shifted_window_and_band_order(compute):
    whole = array(compute(fileFormat="NPY", visualizationOptions=None))
    part = array(compute(fileFormat="NPY", visualizationOptions=None, grid=grid(630, 640, 10)))
    different = sum((whole[b][:, 10:] != part[b]).sum() for b in BANDS)
    assert different <= 0.0001 * part.size * 3
    small = array(compute(fileFormat="NPY", visualizationOptions=None, grid=grid(64, 32)))
    assert small.shape == (32, 64)
    np.testing.assert_array_equal(small["B4"], whole["B4"][:32, :64])
    turned = array(
        compute(fileFormat="NPY", visualizationOptions=None, bandIds=BANDS[::-1], grid=grid(8, 8))
    )
    assert turned.dtype.names == tuple(BANDS[::-1])


def test_too_large_a_request(demo_data, server, ee, scenes):
    from tests.servers import ecumene, serving

    with serving(demo_data, "--limits", "gee") as base:
        key = demo_data / "key-gee.json"
        key.unlink(missing_ok=True)
        ecumene(
            "keys", "create", str(key), "--account", "gee", "--url", base, "--data", str(demo_data)
        )
        ee.Reset()
        ee.Initialize(ee.ServiceAccountCredentials("", str(key)), url=base)
        image = ee.Image("COPERNICUS/S2/" + scenes.first().get("system:index").getInfo())
        with pytest.raises(
            ee.EEException,
            match=r"Total request size \(225000000 bytes\) must be less than or equal to 50331648 bytes\.",
        ):
            ee.data.computePixels(
                {
                    "expression": image,
                    "fileFormat": "NPY",
                    "bandIds": BANDS,
                    "grid": grid(5000, 5000),
                }
            )


# -- A7 -----------------------------------------------------------------------------------------


def test_ranges_per_band(compute):
    ranges = [{"min": 0, "max": 3000}, {"min": 0, "max": 6000}, {"min": 0, "max": 3000}]
    one = np.asarray(picture(compute(grid=grid(16, 16))).convert("RGB")).astype(int)
    per_band = np.asarray(
        picture(compute(grid=grid(16, 16), visualizationOptions={"ranges": ranges})).convert("RGB")
    ).astype(int)
    np.testing.assert_array_equal(one[..., 0], per_band[..., 0])
    assert np.abs(per_band[..., 1] - one[..., 1] / 2).max() <= 1


def test_palette_interpolates(compute):
    options = {"ranges": [{"min": 0, "max": 3000}], "paletteColors": ["000000", "00ff00", "ff0000"]}
    shown = np.asarray(
        picture(compute(grid=grid(32, 32), bandIds=["B4"], visualizationOptions=options)).convert(
            "RGB"
        )
    )
    values = array(compute(grid=grid(32, 32), fileFormat="NPY", visualizationOptions=None))["B4"]
    t = np.clip(values / 3000, 0, 1) * 2
    red = np.clip(t - 1, 0, 1) * 255
    green = np.where(t <= 1, t, 2 - t) * 255
    assert np.abs(shown[..., 0] - red).max() <= 2
    assert np.abs(shown[..., 1] - green).max() <= 2


def test_palette_needs_one_band(compute):
    options = {"ranges": [{"min": 0, "max": 3000}], "paletteColors": ["000000", "ffffff"]}
    message(compute(grid=grid(8, 8), visualizationOptions=options))


def test_gamma_in_both_forms(compute):
    def shown(gamma):
        options = {"ranges": [{"min": 0, "max": 3000}], "gamma": gamma}
        return np.asarray(
            picture(compute(grid=grid(16, 16), visualizationOptions=options)).convert("RGB")
        )

    plain = np.asarray(picture(compute(grid=grid(16, 16))).convert("RGB")).astype(float)
    np.testing.assert_array_equal(shown(2), shown({"value": 2}))
    assert np.abs(shown(2) - np.sqrt(plain / 255) * 255).max() <= 4


def test_opacity_is_alpha(compute):
    options = {"ranges": [{"min": 0, "max": 3000}], "opacity": 0.5}
    image = picture(compute(grid=grid(8, 8), visualizationOptions=options))
    assert image.mode == "RGBA"
    assert set(np.unique(np.asarray(image)[..., 3])) <= {127, 128}


def test_no_visualization_clamps_to_bytes(compute):
    shown = np.asarray(
        picture(compute(grid=grid(16, 16), visualizationOptions=None)).convert("RGB")
    )
    values = array(compute(grid=grid(16, 16), fileFormat="NPY", visualizationOptions=None))
    np.testing.assert_array_equal(shown[..., 0], np.clip(values["B4"], 0, 255).astype("uint8"))


@pytest.mark.parametrize("bands", [["B4", "B3"], ["B4", "B3", "B2", "B8"]])
def test_png_needs_one_or_three_bands(compute, bands):
    text = message(compute(grid=grid(8, 8), bandIds=bands, visualizationOptions=None))
    assert "1" in text
    assert "3" in text


def test_jpeg_and_auto(compute):
    jpeg = compute(fileFormat="JPEG")
    assert jpeg.headers["content-type"] == "image/jpeg"
    assert jpeg.content[:3] == b"\xff\xd8\xff"
    assert picture(jpeg).size == (640, 640)
    assert compute(fileFormat="AUTO_JPEG_PNG", grid=grid(64, 64)).content[:3] == b"\xff\xd8\xff"
    far = grid(64, 64)
    far["affineTransform"]["translateX"] += 1
    assert compute(fileFormat="AUTO_JPEG_PNG", grid=far).content[:4] == b"\x89PNG"


def test_geotiff(compute):
    response = compute(fileFormat="GEO_TIFF", visualizationOptions=None, grid=grid(64, 32))
    values = array(compute(fileFormat="NPY", visualizationOptions=None, grid=grid(64, 32)))
    with rasterio.MemoryFile(response.content) as memory, memory.open() as source:
        assert (source.width, source.height, source.count) == (64, 32, 3)
        assert source.crs.to_epsg() == 4326
        assert source.descriptions == tuple(BANDS)
        assert source.transform.a == SCALE
        assert source.transform.e == -SCALE
        assert (source.transform.c, source.transform.f) == HERE
        np.testing.assert_array_equal(source.read(1), values["B4"])


def test_masked_pixels(compute):
    far = grid(32, 32)
    far["affineTransform"]["translateX"] += 1
    assert (array(compute(fileFormat="NPY", visualizationOptions=None, grid=far))["B4"] == 0).all()
    image = picture(compute(grid=far))
    assert image.mode == "RGBA"
    assert (np.asarray(image)[..., 3] == 0).all()


def test_defaults(compute):
    assert compute(fileFormat=None, grid=grid(8, 8)).content[:4] == b"\x89PNG"
    every = array(
        compute(fileFormat="NPY", bandIds=None, visualizationOptions=None, grid=grid(4, 4))
    )
    assert len(every.dtype.names) == 14
    bare = grid(16, 16)
    del bare["crsCode"], bare["affineTransform"]["shearX"], bare["affineTransform"]["shearY"]
    got = array(compute(fileFormat="NPY", visualizationOptions=None, grid=bare))
    np.testing.assert_array_equal(
        got, array(compute(fileFormat="NPY", visualizationOptions=None, grid=grid(16, 16)))
    )
    whole = array(compute(fileFormat="NPY", visualizationOptions=None, grid=None))
    assert whole.size <= 16  # one-degree pixels over the union of the footprints


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        pytest.param({"bandIds": ["B4", "B99"]}, "B99", id="unknown band is named"),
        pytest.param({"grid": {**grid(8, 8), "crsCode": "EPSG:999999"}}, "EPSG:999999", id="crs"),
        pytest.param({"fileFormat": "BMP"}, "BMP", id="format"),
        pytest.param(
            {"expression": {"result": "0", "values": {"0": {"valueReference": "7"}}}},
            "7",
            id="dangling",
        ),
        pytest.param(
            {
                "expression": {
                    "result": "0",
                    "values": {
                        "0": {
                            "functionInvocationValue": {"functionName": "No.such", "arguments": {}}
                        }
                    },
                }
            },
            "No.such",
            id="unknown function",
        ),
    ],
)
def test_mistakes_are_400(compute, changes, part):
    assert part in message(compute(**changes))


# -- A8 -----------------------------------------------------------------------------------------


def test_through_the_library(ee, scenes, compute):
    composite = scenes.median()
    request = {
        "expression": composite,
        "fileFormat": "NUMPY_NDARRAY",
        "bandIds": BANDS,
        "grid": grid(64, 64),
    }
    np.testing.assert_array_equal(
        ee.data.computePixels(request),
        array(compute(fileFormat="NPY", visualizationOptions=None, grid=grid(64, 64))),
    )


def test_thumbnail_by_anonymous_get(ee, scenes):
    box = ee.Geometry.Rectangle([HERE[0], HERE[1] - 0.04, HERE[0] + 0.05, HERE[1]])
    url = scenes.median().getThumbURL(
        {"region": box, "dimensions": 256, "min": 0, "max": 3000, "bands": BANDS, "format": "png"}
    )
    answer = requests.get(url, timeout=60)
    assert answer.status_code == 200, answer.text
    assert max(Image.open(io.BytesIO(answer.content)).size) == 256


def test_map_tile_by_anonymous_get(ee, scenes, server):
    found = scenes.median().getMapId({"min": 0, "max": 3000, "bands": BANDS})
    template = found["tile_fetcher"].url_format
    assert template.startswith(f"{server.base}/v1/projects/")
    assert template.endswith("/tiles/{z}/{x}/{y}")
    n = 2**12
    x = int((HERE[0] + 0.02 + 180) / 360 * n)
    y = int((1 - np.arcsinh(np.tan(np.radians(HERE[1] - 0.02))) / np.pi) / 2 * n)
    answer = requests.get(template.format(z=12, x=x, y=y), timeout=60)
    assert answer.status_code == 200, answer.text
    image = Image.open(io.BytesIO(answer.content))
    assert image.size == (256, 256)
    assert np.asarray(image.convert("RGB")).std() > 5


# -- B: Quickstart ------------------------------------------------------------------------------


@pytest.fixture
def quick(web, server):
    parent = f"{server.base}/v1alpha/projects/earthengine-public/assets/COPERNICUS/S2"
    answer = web.get(
        f"{parent}:listImages",
        params={
            "startTime": "2017-04-01T00:00:00.000Z",
            "endTime": "2017-05-01T00:00:00.000Z",
            "region": '{"type":"Point", "coordinates":[-122.085, 37.422]}',
            "filter": "CLOUDY_PIXEL_PERCENTAGE < 10",
        },
    )
    assert answer.status_code == 200, answer.text
    return answer.json()["images"]


def test_list_images(quick):
    assert quick
    for image in quick:
        assert image["id"].startswith("COPERNICUS/S2/2017")
        assert image["properties"]["CLOUDY_PIXEL_PERCENTAGE"] < 10


def test_image_asset(web, server, quick):
    asset = web.get(f"{server.base}/v1alpha/{quick[0]['name']}").json()
    band = {b["id"]: b for b in asset["bands"]}["B2"]
    assert band["dataType"]["precision"] == "INT"
    assert band["grid"]["crsCode"] == "EPSG:32610"
    assert band["grid"]["dimensions"] == {"width": 10980, "height": 10980}
    assert band["grid"]["affineTransform"]["translateX"] == 499980
    assert asset["geometry"]["type"] == "Polygon"


def test_get_pixels_is_the_stored_window(web, server, quick):
    body = {
        "fileFormat": "NPY",
        "bandIds": ["B2", "B3", "B4", "B8"],
        "grid": {
            "affineTransform": {
                "scaleX": 10,
                "scaleY": -10,
                "translateX": 499980,
                "translateY": 4200000,
            },
            "dimensions": {"width": 256, "height": 256},
        },
    }
    got = array(web.post(f"{server.base}/v1alpha/{quick[0]['name']}:getPixels", json=body))
    assert got.shape == (256, 256)
    assert got.dtype.names == ("B2", "B3", "B4", "B8")
    index = quick[0]["id"].rsplit("/", 1)[1]
    for band in got.dtype.names:
        with rasterio.open(server.archive / "s2" / "data" / index / f"{band}.tif") as source:
            np.testing.assert_array_equal(got[band], source.read(1)[:256, :256])


def test_get_pixels_of_the_whole_footprint(web, server, quick):
    asset = web.get(f"{server.base}/v1alpha/{quick[0]['name']}").json()
    body = {
        "fileFormat": "PNG",
        "bandIds": BANDS,
        "region": asset["geometry"],
        "grid": {"dimensions": {"width": 256, "height": 256}},
        "visualizationOptions": {"ranges": [{"min": 0, "max": 3000}]},
    }
    image = picture(web.post(f"{server.base}/v1alpha/{quick[0]['name']}:getPixels", json=body))
    assert image.size == (256, 256)
    assert np.asarray(image.convert("RGB")).std() > 10


# -- C: tables ----------------------------------------------------------------------------------


def test_zonal_mean_through_a_table(ee, web, server):
    maine = ee.FeatureCollection("TIGER/2018/States").filter(ee.Filter.eq("NAME", "Maine"))
    ndvi = ee.ImageCollection("MODIS/006/MOD13Q1").select("NDVI").first()
    table = ndvi.reduceRegions(
        collection=maine,
        reducer=ee.Reducer.mean().setOutputs(["NDVI"]),
        scale=ndvi.projection().nominalScale(),
    )
    value = table.first().get("NDVI").getInfo()
    assert 0 < value < 10_000
    reply = web.post(
        f"{server.base}/v1beta/projects/{PROJECT}/table:computeFeatures",
        data=json.dumps({"expression": ee.serializer.encode(table)}),
    ).json()
    assert reply["type"] == "FeatureCollection"
    (feature,) = reply["features"]
    assert feature["geometry"]["type"] in ("Polygon", "MultiPolygon")
    assert feature["properties"]["NAME"] == "Maine"
    assert feature["properties"]["NDVI"] == pytest.approx(value, rel=1e-9)


def test_paging(ee, web, server):
    rows = ee.FeatureCollection(
        ee.List.sequence(1, 2500).map(lambda n: ee.Feature(ee.Geometry.Point([0, 0]), {"n": n}))
    )
    url = f"{server.base}/v1/projects/{PROJECT}/table:computeFeatures"
    body = {"expression": ee.serializer.encode(rows)}
    sizes, token, seen = [], None, []
    while True:
        page = web.post(
            url, data=json.dumps({**body, **({"pageToken": token} if token else {})})
        ).json()
        sizes.append(len(page["features"]))
        seen += [f["properties"]["n"] for f in page["features"]]
        token = page.get("nextPageToken")
        if not token:
            break
    assert sizes == [1000, 1000, 500]
    assert seen == list(range(1, 2501))
    assert len(web.post(url, data=json.dumps({**body, "pageSize": 10})).json()["features"]) == 10
