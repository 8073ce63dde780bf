"""Training sets of the samples: sampled, trained, explained, applied, all through the client, beside scikit-learn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import ensemble, metrics

from tests.samples.pixels import Files, fetched

CROPS, LAND = (
    "projects/sample/assets/training_crops_mato_grosso",
    "projects/sample/assets/training_lulc_slovenia",
)
BANDS = ["B2", "B3", "B4", "B8", "B11", "B12"]


@pytest.fixture(scope="module")
def crops(client: Any) -> tuple[Any, list[str], Any]:
    """Labelled points with vegetation through a year (23 dates), features and rows."""
    ee = client
    image = (
        ee.ImageCollection("MODIS/006/MOD13Q1")
        .select("NDVI")
        .filterDate("2011-09-01", "2012-09-01")
        .toBands()
    )
    names = image.bandNames().getInfo()
    samples = image.sampleRegions(ee.FeatureCollection(CROPS), ["class"], 231.65).randomColumn(
        "part", 7
    )
    told = (
        samples.reduceColumns(ee.Reducer.toList(len(names) + 2), [*names, "class", "part"])
        .get("list")
        .getInfo()
    )
    return samples, names, np.array(told)


def test_crops_are_told_as_well_as_by_the_library(client, crops) -> None:
    ee = client
    samples, names, rows = crops
    train, test = rows[:, -1] < 0.6, rows[:, -1] >= 0.6
    assert train.sum() > 200
    model = ee.Classifier.smileRandomForest(50, seed=4).train(
        samples.filter("part < 0.6"), "class", names
    )
    told = samples.filter("part >= 0.6").classify(model)
    matrix = told.errorMatrix("class", "classification")
    theirs = ensemble.RandomForestClassifier(
        50, max_features=int(np.sqrt(len(names))), max_samples=0.5, random_state=4
    )
    theirs.fit(rows[train, :-2], rows[train, -2].astype(int))
    expected = theirs.predict(rows[test, :-2])
    assert told.aggregate_array("classification").getInfo() == expected.tolist()
    actual = rows[test, -2].astype(int)
    assert matrix.accuracy().getInfo() == pytest.approx(metrics.accuracy_score(actual, expected))
    assert matrix.kappa().getInfo() == pytest.approx(metrics.cohen_kappa_score(actual, expected))
    assert matrix.accuracy().getInfo() > 0.75
    shares = (
        told.classify(model.setOutputMode("MULTIPROBABILITY"), "shares")
        .aggregate_array("shares")
        .getInfo()
    )
    np.testing.assert_allclose(shares, theirs.predict_proba(rows[test, :-2]), rtol=1e-6)


@pytest.mark.parametrize(
    "name",
    [
        "smileCart",
        "smileKNN",
        "minimumDistance",
        "libsvm",
        "smileNaiveBayes",
        "smileGradientTreeBoost",
    ],
)
def test_every_kind_learns_the_crops(client, crops, name: str) -> None:
    ee = client
    samples, names, rows = crops
    given = {
        "libsvm": {"kernelType": "RBF", "gamma": 1e-7, "cost": 10},
        "smileKNN": {"k": 3},
        "smileGradientTreeBoost": {"numberOfTrees": 10, "shrinkage": 0.1, "maxNodes": 8},
    }
    model = getattr(ee.Classifier, name)(**given.get(name, {})).train(
        samples.filter("part < 0.6"), "class", names
    )
    told = samples.filter("part >= 0.6").classify(model).errorMatrix("class", "classification")
    assert told.accuracy().getInfo() > (
        0.35 if name in ("smileNaiveBayes", "minimumDistance") else 0.6
    )


def test_land_cover_of_a_scene_is_that_of_the_library(client, shared_data: Path) -> None:
    """Polygons sampled, the scene classified, every pixel; and the trees as text say the same."""
    ee, own = client, Files(shared_data / "s2-l1c-slovenia")
    scene = ee.ImageCollection("COPERNICUS/S2").sort("system:time_start").first().select(BANDS)
    samples = scene.sampleRegions(ee.FeatureCollection(LAND), ["LULC_ID"], 10)
    rows = np.array(
        samples.reduceColumns(ee.Reducer.toList(7), [*BANDS, "LULC_ID"]).get("list").getInfo()
    )
    assert len(rows) > 3000
    model = ee.Classifier.smileRandomForest(20, seed=1).train(samples, "LULC_ID", BANDS)
    theirs = ensemble.RandomForestClassifier(
        20, max_features=2, max_samples=0.5, random_state=1
    ).fit(rows[:, :-1], rows[:, -1].astype(int))
    numbers = {"B2": 2, "B3": 3, "B4": 4, "B8": 8, "B11": 12, "B12": 13}
    cube = np.stack([own.band(own.items[0], "data", numbers[b]) for b in BANDS], axis=-1)
    expected = theirs.predict(cube.reshape(-1, 6)).reshape(cube.shape[:2])
    found = fetched(ee, scene.classify(model), own.grid("data"))
    np.testing.assert_array_equal(found["classification"], expected)
    accuracy = model.confusionMatrix().accuracy().getInfo()
    assert accuracy == pytest.approx(theirs.score(rows[:, :-1], rows[:, -1].astype(int)))
    texts = model.explain().get("trees")
    again = scene.classify(
        ee.Classifier.decisionTreeEnsemble(ee.List(texts)).setOutputMode("MULTIPROBABILITY")
    )
    assert again.bandNames().getInfo() == ["classification"]


def test_clusters_of_a_scene_are_compact(client, shared_data: Path) -> None:
    """As compact as scikit-learn's best of ten starts, to a few hundredths."""
    from sklearn.cluster import KMeans

    ee, own = client, Files(shared_data / "s2-l1c-slovenia")
    scene = ee.ImageCollection("COPERNICUS/S2").sort("system:time_start").first().select(BANDS)
    samples = scene.sample(scene.geometry(), 10, numPixels=1000, seed=2)
    clusters = fetched(
        ee,
        scene.cluster(ee.Clusterer.wekaKMeans(4, init=1, seed=3).train(samples)),
        own.grid("data"),
    )
    numbers = {"B2": 2, "B3": 3, "B4": 4, "B8": 8, "B11": 12, "B12": 13}
    cube = np.stack(
        [own.band(own.items[0], "data", numbers[b]).reshape(-1) for b in BANDS], axis=-1
    )
    scaled = (cube - cube.min(axis=0)) / np.ptp(cube, axis=0)
    label = clusters["cluster"].reshape(-1)
    assert sorted(set(label)) == [0, 1, 2, 3]
    spread = sum(
        ((scaled[label == k] - scaled[label == k].mean(axis=0)) ** 2).sum() for k in range(4)
    )
    assert spread < 1.15 * KMeans(4, n_init=10, random_state=0).fit(scaled).inertia_
