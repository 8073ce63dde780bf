"""Requests of exports with impossible values: refused when they are sent, never a failure of the server."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ecumene.core.errors import LimitExceeded, RequestError
from ecumene.core.image import Band, Image
from ecumene.core.pixel_type import PixelType
from ecumene.tasks.exports import image, tfrecords, tiles

PATCH = {"width": 64, "height": 64}


@pytest.mark.parametrize("depth", ["x", [1], 0, -3, 10**9], ids=str)
def test_impossible_depths_of_tensors(depth: Any) -> None:
    with pytest.raises(RequestError, match="'a'"):
        tfrecords.options({"tileDimensions": PATCH, "tensorDepths": {"a": depth}})


@pytest.mark.parametrize(("depth", "fits"), [(1000, True), (100_000, False)])
def test_patches_fit_into_memory(depth: int, fits: bool) -> None:
    node = SimpleNamespace(type=PixelType("double", dimensions=1))
    given = tfrecords.options({"tileDimensions": PATCH, "tensorDepths": {"a": depth}})
    with nullcontext() if fits else pytest.raises(LimitExceeded, match="too large"):
        tfrecords._check_depths(Image(bands=(Band("a", node),)), given)


@pytest.mark.parametrize(
    ("scale", "zoom"),
    [(200_000.0, 0), (156_543.04, 0), (156_543.03, 1), (30.0, 13), ("Infinity", 0), (1e-320, 30)],
)
def test_the_scale_of_a_map_chooses_its_last_zoom(scale: Any, zoom: int) -> None:
    body = {
        "expression": {},
        "tileOptions": {"scale": scale},
        "tileExportOptions": {"driveDestination": {"filenamePrefix": "m"}},
    }
    assert tiles.accepted(body)["end"] == zoom


@pytest.mark.parametrize("value", ["NaN", "Infinity", 0.5, 256], ids=str)
def test_no_data_that_the_type_cannot_hold(value: Any) -> None:
    with pytest.raises(RequestError, match="cannot be represented in the type Byte"):
        image._nodata(image.geotiff_options({"noData": value}), np.dtype("uint8"))
