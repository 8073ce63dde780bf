"""Classifiers exported by the unmodified client, and loaded again."""

from __future__ import annotations

import pytest

from tests.e2e.exporting import PROJECT, Exporting


def test_a_forest_becomes_an_asset_and_classifies(exporting: Exporting) -> None:
    ee = exporting.ee
    name = f"projects/{PROJECT}/assets/forest"
    points = ee.FeatureCollection(
        [ee.Feature(None, {"red": k % 17, "nir": k, "land": k // 25}) for k in range(100)]
    )
    model = ee.Classifier.smileRandomForest(15, seed=2).train(points, "land", ["red", "nir"])
    export = ee.batch.Export.classifier.toAsset(model, "a forest", name)
    assert exporting.completed(export) == [name]
    asset = ee.data.getAsset(name)
    assert (asset["type"], int(asset["sizeBytes"]) > 500) == ("CLASSIFIER", True)
    held = ee.Classifier.load(name)
    assert held.schema().getInfo() == ["red", "nir"]
    before, after = (
        points.classify(one).aggregate_array("classification").getInfo() for one in (model, held)
    )
    assert before == after
    image = ee.Image([3, 60]).rename(["red", "nir"])
    found = image.classify(held).reduceRegion("first", ee.Geometry.Point(0, 0), 30).getInfo()
    assert found == {"classification": 2}
    assert name in [
        one["name"] for one in ee.data.listAssets(f"projects/{PROJECT}/assets")["assets"]
    ]
    again = exporting.ended(ee.batch.Export.classifier.toAsset(model, "again", name))
    assert "overwrite" in again["error_message"]
    ee.data.deleteAsset(name)
    with pytest.raises(ee.EEException, match=f"Classifier asset '{name}' not found"):
        held.schema().getInfo()


def test_what_is_no_classifier_of_trees_is_refused(exporting: Exporting) -> None:
    ee = exporting.ee
    name = f"projects/{PROJECT}/assets/neighbours"
    points = ee.FeatureCollection([ee.Feature(None, {"a": k, "c": k // 5}) for k in range(10)])
    for model, text in (
        (ee.Classifier.smileKNN(1).train(points, "c", ["a"]), "not smileKNN"), (ee.Classifier.smileCart(), "trained classifier"),
    ):  # fmt: skip
        status = exporting.ended(ee.batch.Export.classifier.toAsset(model, "no", name))
        assert status["state"] == "FAILED" and text in status["error_message"]
