"""All kinds of tasks, by the name that operations are stored under."""

from __future__ import annotations

from collections.abc import Mapping

from ecumene.tasks.context import Kind
from ecumene.tasks.exports import classifier, files, image, table, tiles, video
from ecumene.tasks.ingest import image as image_import
from ecumene.tasks.ingest import table as table_import

KINDS: Mapping[str, Kind] = {
    "image:export": Kind("EXPORT_IMAGE", image.run, image.publish),
    "image:import": Kind("INGEST_IMAGE", image_import.run, image_import.publish),
    "table:import": Kind("INGEST_TABLE", table_import.run, table_import.publish),
    "table:export": Kind("EXPORT_FEATURES", table.run, table.publish),
    "classifier:export": Kind("EXPORT_CLASSIFIER", classifier.run, classifier.publish),
    "map:export": Kind("EXPORT_TILES", tiles.run, files.publish),
    "video:export": Kind("EXPORT_VIDEO", video.run, files.publish),
}
