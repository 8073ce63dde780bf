"""The main job through the unmodified clients: log in, build, ask for the scale, get the PNG."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = (-121.58626826832939, 38.059141484827485)
SCOPES = ["https://www.googleapis.com/auth/cloud-platform"]


def run(
    base: str, key_file: Path, picture: Path, say: Callable[[str], None] = print
) -> dict[str, float]:
    """Does what the image-computation notebook does; returns seconds of each step.

    Needs the extra ``clients`` (google-auth, earthengine-api, requests).
    """
    import ee
    from google.auth.transport.requests import AuthorizedSession
    from google.oauth2 import service_account

    seconds: dict[str, float] = {}

    def timed(step: str, start: float) -> None:
        seconds[step] = time.perf_counter() - start
        say(f"  {step:<44}{seconds[step]:6.2f} s")

    start = time.perf_counter()
    credentials: Any = service_account.Credentials.from_service_account_file(  # type: ignore[no-untyped-call]
        str(key_file)
    )
    web: Any = AuthorizedSession(credentials.with_scopes(SCOPES))  # type: ignore[no-untyped-call]
    asset = web.get(f"{base}/v1beta/projects/earthengine-public/assets/LANDSAT")
    asset.raise_for_status()
    timed("log in, read an asset", start)

    start = time.perf_counter()
    ee.Reset()
    ee.Initialize(ee.ServiceAccountCredentials(None, str(key_file)), url=base)
    timed("ee.Initialize", start)

    start = time.perf_counter()
    scenes = (
        ee.ImageCollection("COPERNICUS/S2")
        .filterBounds(ee.Geometry.Point(HERE))
        .filterDate("2020-04-01", "2020-09-01")
    )
    graph = ee.serializer.encode(scenes.median())
    count = scenes.size().getInfo()
    timed(f"build the graph; {count} scenes meet the point", start)

    start = time.perf_counter()
    grid: Any = ee.Projection("EPSG:4326").atScale(10).getInfo()
    scale_x, scale_y = grid["transform"][0], -grid["transform"][4]
    timed("ask for the scale", start)

    body = {
        "expression": graph,
        "fileFormat": "PNG",
        "bandIds": ["B4", "B3", "B2"],
        "grid": {
            "dimensions": {"width": 640, "height": 640},
            "affineTransform": {
                "scaleX": scale_x,
                "shearX": 0,
                "translateX": HERE[0],
                "shearY": 0,
                "scaleY": scale_y,
                "translateY": HERE[1],
            },
            "crsCode": "EPSG:4326",
        },
        "visualizationOptions": {"ranges": [{"min": 0, "max": 3000}]},
    }
    for attempt in ("first", "second"):
        start = time.perf_counter()
        answer = web.post(
            f"{base}/v1beta/projects/ecumene-demo/image:computePixels", data=json.dumps(body)
        )
        if answer.status_code != 200:
            raise SystemExit(f"computePixels answered {answer.status_code}: {answer.text[:2000]}")
        timed(f"computePixels 640 x 640, {attempt} time", start)
    picture.parent.mkdir(parents=True, exist_ok=True)
    picture.write_bytes(answer.content)
    return seconds
