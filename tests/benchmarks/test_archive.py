"""The benchmark's archive: files as cloud optimized GeoTIFFs, and nothing half-written under its name."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio

from benchmarks import archive

SIZE = 1056


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    (folder / "items").mkdir()
    archive._scene(1, folder, SIZE)
    return folder


def test_files_of_a_scene(scene: Path) -> None:
    (item,) = (scene / "items").glob("*.json")
    assets = json.loads(item.read_text())["assets"]
    assert sorted(assets) == ["B02", "B03", "B04", "B08", "QA60", "SCL"]
    for name, asset in assets.items():
        with rasterio.open(item.parent / asset["href"]) as source:
            structure = source.tags(ns="IMAGE_STRUCTURE")
            assert (structure["LAYOUT"], structure["COMPRESSION"]) == ("COG", "DEFLATE")
            assert (structure.get("PREDICTOR"), source.block_shapes) == ("2", [(512, 512)])
            assert [source.height, source.width] == asset["proj:shape"]
            assert list(source.transform)[:6] == asset["proj:transform"]
            assert source.dtypes == (asset["raster:bands"][0]["data_type"],)
            assert source.overviews(1) == ([2, 4] if name.startswith("B") else source.overviews(1))


def test_masks_of_a_scene_agree(scene: Path) -> None:
    def read(name: str) -> np.ndarray:
        (path,) = scene.glob(f"data/*/{name}.tif")
        with rasterio.open(path) as source:
            return source.read(1)

    red, classes, flags = read("B04"), read("SCL"), read("QA60")
    outside = red == 0
    assert 0 < outside.mean() < 0.5  # date 1 loses a wedge
    assert np.array_equal(outside[::2, ::2], classes == 0)
    cloud = classes == 9
    assert np.array_equal(flags > 0, cloud[::3, ::3][: flags.shape[0], : flags.shape[1]])
    opaque = red[::2, ::2][cloud]
    assert cloud.any() and opaque.min() > red[::2, ::2][classes == 4].mean()


def test_an_interrupted_archive_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(root: Path, size: int, dates: int) -> None:
        (root / "bench").mkdir(parents=True)
        (root / "catalog.json").touch()
        raise KeyboardInterrupt

    def whole(root: Path, size: int, dates: int) -> None:
        (root / "bench").mkdir(parents=True)
        (root / "whole").touch()

    monkeypatch.setattr(archive, "_make", interrupted)
    with pytest.raises(KeyboardInterrupt):
        archive.ensure(tmp_path)
    assert not (tmp_path / "archive").exists()
    monkeypatch.setattr(archive, "_make", whole)
    assert (archive.ensure(tmp_path).parent / "whole").exists()
    monkeypatch.setattr(archive, "_make", interrupted)
    assert archive.ensure(tmp_path) == tmp_path / "archive" / "bench"
