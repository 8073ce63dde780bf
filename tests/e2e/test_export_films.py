"""Map tiles, videos, animated and strip thumbnails, computed images, by the unmodified client."""

from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from PIL import Image

from tests.boxes import frames_of
from tests.e2e.exporting import HEIGHT, NORTH, PROJECT, STEP, WEST, WIDTH, Exporting, values

BOX = [WEST, NORTH - STEP * HEIGHT, WEST + STEP * WIDTH, NORTH]


def picture(exporting: Exporting) -> Any:
    return exporting.scene().select("nir").visualize(min=0, max=5000)


def film(exporting: Exporting) -> Any:
    ee = exporting.ee
    frames = [exporting.scene().select("nir").visualize(min=0, max=m) for m in (2500, 5000, 9000)]
    return ee.ImageCollection(frames)


def region(exporting: Exporting) -> Any:
    return exporting.ee.Geometry.Rectangle(BOX, "EPSG:32610", False)


def test_map_tiles_are_those_of_the_map(exporting: Exporting) -> None:
    image = picture(exporting)
    task = exporting.ee.batch.Export.map.toCloudStorage(
        image,
        "tiles",
        "results",
        "png",
        path="maps/scene",
        minZoom=9,
        maxZoom=11,
        skipEmptyTiles=True,
    )
    assert exporting.completed(task) == ["gs://results/maps/scene/"]
    root = exporting.bucket / "maps" / "scene"
    found = sorted(str(p.relative_to(root)) for p in root.rglob("*") if p.is_file())
    assert {name.split("/")[0] for name in found} == {"9", "10", "11"}
    fetcher = exporting.ee.data.getMapId({"image": image, "format": "png"})["tile_fetcher"]
    for name in (found[0], found[-1]):
        zoom, x, y = (int(part) for part in name.split("/"))
        live = np.asarray(Image.open(io.BytesIO(fetcher.fetch_tile(x, y, zoom))).convert("RGBA"))
        kept = np.asarray(Image.open(root / name).convert("RGBA"))
        assert (kept == live).all() and kept[..., 3].any()


def test_a_video_holds_its_frames(exporting: Exporting) -> None:
    if shutil.which("ffmpeg"):
        pytest.skip("ffmpeg encodes it here: the next test plays that")
    task = exporting.ee.batch.Export.video.toDrive(
        film(exporting),
        "film",
        region=region(exporting),
        dimensions="140x120",
        framesPerSecond=4,
        crs="EPSG:32610",
    )
    assert exporting.completed(task) == ["drive://film.mp4"]
    data = (exporting.drive / "film.mp4").read_bytes()
    duration, pictures = frames_of(data)
    assert (duration, len(pictures)) == (3 / 4, 3)
    frames = [np.asarray(Image.open(io.BytesIO(one)), float) for one in pictures]
    grey = values()[1].astype(float)
    blocks = np.clip(grey[2::5, 2::5] / 5000 * 255, 0, 255)
    assert frames[1].shape == (120, 140, 3)
    assert np.abs(frames[1].mean(axis=2) - blocks).mean() < 30
    assert frames[0].mean() > frames[1].mean() > frames[2].mean()


def test_players_read_the_video(exporting: Exporting, tmp_path: Path) -> None:
    program = shutil.which("ffmpeg")
    if program is None:
        pytest.skip("there is no ffmpeg on this machine: the test before this one reads the frames")
    task = exporting.ee.batch.Export.video.toDrive(
        film(exporting), "played", region=region(exporting), dimensions=100, crs="EPSG:32610"
    )
    exporting.completed(task)
    made = [program, "-i", str(exporting.drive / "played.mp4"), str(tmp_path / "%d.png")]
    subprocess.run(made, check=True, capture_output=True)
    assert len(list(tmp_path.iterdir())) == 3


def test_a_video_in_the_default_projection(exporting: Exporting) -> None:
    task = exporting.ee.batch.Export.video.toCloudStorage(
        film(exporting), "web", "results", region=region(exporting), dimensions=64, maxFrames=2
    )
    assert exporting.completed(task) == ["gs://results/web.mp4"]


def test_an_animated_thumbnail(exporting: Exporting) -> None:
    url = film(exporting).getVideoThumbURL(
        {"region": region(exporting), "dimensions": 70, "crs": "EPSG:32610", "framesPerSecond": 5}
    )
    answer = requests.get(url, timeout=60)
    assert answer.headers["content-type"] == "image/gif"
    with Image.open(io.BytesIO(answer.content)) as gif:
        assert gif.n_frames == 3 and gif.size == (70, 60) and gif.info["duration"] == 200


def test_a_film_strip(exporting: Exporting) -> None:
    options = {"region": region(exporting), "dimensions": 70, "crs": "EPSG:32610", "format": "png"}
    answer = requests.get(film(exporting).getFilmstripThumbURL(options), timeout=60)
    strip = np.asarray(Image.open(io.BytesIO(answer.content)))
    assert strip.shape == (180, 70, 3)
    one = requests.get(picture(exporting).getThumbURL(options), timeout=60).content
    assert (strip[60:120] == np.asarray(Image.open(io.BytesIO(one)).convert("RGB"))).mean() > 0.97


def test_computed_images_are_described_as_assets(exporting: Exporting) -> None:
    ee = exporting.ee
    images = [exporting.scene().set("n", k, "system:time_start", 1000 * k) for k in range(5)]
    found: list[Any] = []
    token = None
    while True:
        page = {"expression": ee.ImageCollection(images), "pageSize": 2}
        answer = ee.data.computeImages(page | ({"pageToken": token} if token else {}))
        found += answer["images"]
        token = answer.get("nextPageToken")
        if token is None:
            break
    assert [one["properties"]["n"] for one in found] == list(range(5))
    stored = ee.data.getAsset(f"projects/{PROJECT}/assets/scene")
    assert found[2]["startTime"] == "1970-01-01T00:00:02Z"
    assert [b["id"] for b in found[0]["bands"]] == [b["id"] for b in stored["bands"]]
    assert found[0]["bands"][0]["grid"] == stored["bands"][0]["grid"]
    assert found[0]["bands"][0]["dataType"] == stored["bands"][0]["dataType"]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"minZoom": 5, "maxZoom": 3}, "zoom levels 5 to 3"),
        ({"fileFormat": "geotiff"}, "Invalid or unsupported fileFormat"),
    ],
)
def test_impossible_maps_are_refused(exporting: Exporting, options: Any, text: str) -> None:
    options = {"fileFormat": "png", **options}
    task = exporting.ee.batch.Export.map.toCloudStorage(
        picture(exporting), "bad", "results", **options
    )
    with pytest.raises(exporting.ee.EEException, match=text):
        task.start()
