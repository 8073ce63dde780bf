"""What the benchmarks call inside this process works and is right; nothing is timed here."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pytest
from benchmarks.peers import (
    ecumene_focal,
    ecumene_forest,
    ecumene_overhead,
    ecumene_shapes,
    rasterio_polygons,
    skimage_surfaces,
    sklearn_forest,
)
from benchmarks.server import registered
from benchmarks.tasks import TASKS
from benchmarks.worker import colours
from scipy import ndimage

from benchmarks import archive, exact
from benchmarks import workloads as w
from ecumene import app

SIZE = 1056


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> w.Ask:
    root = tmp_path_factory.mktemp("root") / "archive"
    folder = root / "bench"
    (folder / "items").mkdir(parents=True)
    archive._scene(1, folder, SIZE)
    (folder / "size.json").write_text(json.dumps(SIZE))
    archive.catalogue(root)
    return w.Ask(folder, "overhead", 0, 1, tmp_path_factory.mktemp("answers"))


@pytest.fixture
def services(ask: w.Ask, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    application = app.build(registered(ask.archive), authentication=False)
    monkeypatch.setitem(ecumene_overhead._HERE, "services", application.services)
    yield
    application.services.engine.pixels.close()


@pytest.mark.usefixtures("services")
def test_a_tile_in_process_is_the_exact_one(ask: w.Ask) -> None:
    given = ecumene_overhead._prepared(ask)
    ecumene_overhead._plan(ask, given)
    found = colours(ecumene_overhead._render(ask, given))
    zoom = w.ZOOMS["native"]
    expected = exact.tile(ask.archive, 0, zoom, *w.tile(ask.archive, 0, zoom))
    assert expected.std() > 1
    assert np.abs(found.astype(int) - expected.astype(int)).max() <= 1


@pytest.mark.parametrize("operation", ["mean", "median"])
def test_focal_statistics_of_held_pixels(
    operation: str, ask: w.Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(w, "FOCAL_SIDE", 200)
    place = w.Ask(ask.archive, f"w5_{operation}_circle", 0, 1, ask.folder)
    found = ecumene_focal._focal(place, ecumene_focal._given(place, True))
    values, valid = w.focal_input(ask.archive, 0)
    cells = w.footprint("circle")
    inside = ndimage.binary_erosion(valid, cells)
    statistic = {"mean": np.mean, "median": np.median}[operation]
    expected = ndimage.generic_filter(values.astype("float64"), statistic, footprint=cells)
    assert inside.any()
    assert found.dtype == np.float32  # what SciPy answers for such values
    assert np.allclose(found[inside], expected[inside].astype("float32"), rtol=2e-7, atol=0)


def test_forests_say_the_same(ask: w.Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(w, "FOREST_SIDE", 60)
    monkeypatch.setattr(w, "FOREST_SAMPLES", 300)
    found, expected = (
        contestant.run(ask, contestant.before(ask))
        for module in (ecumene_forest, sklearn_forest)
        for contestant in module.TASKS["w6"].values()
    )
    assert len(np.unique(expected)) == 8
    assert np.array_equal(found, expected)


def test_polygons_costs_and_fillings_say_the_same(
    ask: w.Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("skimage")
    monkeypatch.setattr(w, "FIELDS_SIDE", 150)
    monkeypatch.setattr(w, "SURFACE_SIDE", 60)
    for task, modules in {
        "w7": (ecumene_shapes, rasterio_polygons), "w8_cost": (ecumene_shapes, skimage_surfaces),
        "w8_fill": (ecumene_shapes, skimage_surfaces),
    }.items():  # fmt: skip
        place = w.Ask(ask.archive, task, 0, 1, ask.folder)
        answers = {}
        for module in modules:
            ((name, contestant),) = module.TASKS[task].items()
            answers[name] = ask.folder / f"{task}-{len(answers)}.npy"
            np.save(answers[name], contestant.run(place, contestant.before(place)))
        for name in answers:
            assert TASKS[task].check(place, name, answers) < 1e-9
