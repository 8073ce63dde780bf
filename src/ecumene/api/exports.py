"""Exports: requests become operations."""

from __future__ import annotations

from typing import Any

from ecumene.api.call import Call
from ecumene.api.operations import submit
from ecumene.api.services import Services
from ecumene.core.context import Context
from ecumene.tasks.exports import classifier as classifier_
from ecumene.tasks.exports import image as image_
from ecumene.tasks.exports import table as table_
from ecumene.tasks.exports import tiles, video

View = dict[str, Any]


def image(call: Call, services: Services, context: Context) -> View:
    """``image:export``."""
    return submit(call, services, "image:export", image_.accepted(call.body))


def table(call: Call, services: Services, context: Context) -> View:
    """``table:export``."""
    return submit(call, services, "table:export", table_.accepted(call.body))


def classifier(call: Call, services: Services, context: Context) -> View:
    """``classifier:export``."""
    return submit(call, services, "classifier:export", classifier_.accepted(call.body))


def map_tiles(call: Call, services: Services, context: Context) -> View:
    """``map:export``."""
    return submit(call, services, "map:export", tiles.accepted(call.body))


def film(call: Call, services: Services, context: Context) -> View:
    """``video:export``."""
    return submit(call, services, "video:export", video.accepted(call.body))
