"""``classifier:export``: a trained classifier of trees as an asset."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ecumene.catalog.ids import name_of
from ecumene.catalog.records import CLASSIFIER, AssetRecord
from ecumene.core.errors import RequestError
from ecumene.learning.classifier import Classifier
from ecumene.learning.stored import dumped
from ecumene.tasks.context import TaskContext
from ecumene.tasks.exports import assets, requests
from ecumene.tasks.exports.destinations import put

FILE = "classifier.npz"


def accepted(body: Mapping[str, Any]) -> requests.Payload:
    """The payload of an ``ExportClassifierRequest``."""
    return requests.common(body) | requests.asset(requests.member(body, "assetExportOptions"))


def run(task: TaskContext) -> Any:
    """Trains the classifier and writes its file."""
    assets.check(task, CLASSIFIER)
    engine, context = task.around.engine, task.evaluation()
    found = engine.evaluate(task.payload["expression"], context)
    if not isinstance(found, Classifier) or not found.trained:
        raise RequestError("The expression does not evaluate to a trained classifier.")
    data = dumped(found, found.grown(context.cancel.check))
    (task.scratch.path / FILE).write_bytes(data)
    return {"file": FILE}


def publish(task: TaskContext, made: Mapping[str, Any]) -> list[str]:
    """Moves the file to the assets' and registers the classifier."""
    path = assets.folder_of(task) / made["file"]
    put(task.scratch.path / made["file"], path, task.operation.id)
    asset_id = task.payload["asset"]
    record = AssetRecord(asset_id, CLASSIFIER, table={"path": str(path)}, size=path.stat().st_size)
    assets.register(task, record)
    return [name_of(asset_id)]
