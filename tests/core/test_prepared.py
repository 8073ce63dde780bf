"""Prepared shapes bear many threads."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import shapely

from ecumene.core.prepared import prepare

THREADS = """
import threading
import numpy as np, shapely
from ecumene.core.prepared import prepare
angle = np.linspace(0, 2 * np.pi, 100_000)
radius = 1 + np.random.default_rng(1).random(angle.size)
for _ in range(3):
    shapes = np.array([shapely.Polygon(np.c_[radius * np.cos(angle), radius * np.sin(angle)])], object)
    prepare(shapes)
    start = threading.Barrier(4)
    def test():
        start.wait()
        for name in ("intersects", "contains_properly", "covers"):
            getattr(shapely, name)(shapes, shapely.box(0.2, 0.2, 0.3, 5))
    threads = [threading.Thread(target=test) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""


def test_threads_that_test_a_shape_at_once():
    """In a process of its own: without the indexes it dies."""
    done = subprocess.run([sys.executable, "-c", THREADS], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "shapes",
    [
        shapely.Point(1, 2),
        shapely.box(0, 0, 1, 1),
        shapely.Polygon(),
        None,
        [None, shapely.LineString([(0, 0), (1, 1)]), shapely.GeometryCollection([shapely.Point(0, 0)])],
        [],
    ],
    ids=["point", "box", "empty", "missing", "several", "none"],
)  # fmt: skip
def test_anything_can_be_prepared(shapes):
    given = np.array(shapes, object) if isinstance(shapes, list) else shapes
    prepare(given)
    several = np.atleast_1d(np.asarray(given, object))
    full = ~(shapely.is_missing(several) | shapely.is_empty(several))
    assert shapely.is_prepared(several[full]).all()
