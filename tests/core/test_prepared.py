"""Prepared shapes bear many threads."""

from __future__ import annotations

import subprocess
import sys

import pytest

THREADS = """
import sys, threading
import numpy as np, shapely
from ecumene.core.prepared import asked
test = getattr(shapely, sys.argv[1])
alone = sys.argv[2] == "asked"
angle = np.linspace(0, 2 * np.pi, 4000)
radius = 1 + 0.2 * np.sin(40 * angle)
shape = shapely.Polygon(np.c_[radius * np.cos(angle), radius * np.sin(angle)])
shapely.prepare(shape)
corner = np.random.default_rng(1).uniform(-1.3, 1.3, (4000, 2))
boxes = shapely.box(*corner.T, *(corner + 0.05).T)
expected = test(shapely.from_wkb(shapely.to_wkb(shape)), boxes)
right = []
def work():
    for _ in range(4):
        found = asked(test, shape, boxes) if alone else test(shape, boxes)
        right.append(np.array_equal(found, expected))
threads = [threading.Thread(target=work) for _ in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert len(right) == 24 and all(right)
"""


@pytest.mark.parametrize("name", ["intersects", "covers", "contains_properly"])
def test_threads_that_ask_one_shape(name):
    """In a process of its own: without the turns it dies."""
    command = [sys.executable, "-c", THREADS, name, "asked"]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
