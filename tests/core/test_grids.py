"""Projections, transforms, windows against pyproj and arithmetic."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecumene.core import crs
from ecumene.core.errors import EcumeneError
from ecumene.core.projection import Projection, Window, apply, compose, invert

NUMBER = st.floats(-1e3, 1e3).map(lambda v: round(v, 3))
AFFINES = st.tuples(NUMBER, NUMBER, NUMBER, NUMBER, NUMBER, NUMBER).filter(
    lambda t: abs(t[0] * t[4] - t[1] * t[3]) > 1
)


@given(AFFINES, NUMBER, NUMBER)
def test_inverse_and_composition(t, x, y):
    there = apply(t, x, y)
    assert apply(invert(t), *there) == pytest.approx((x, y), abs=1e-6)
    assert apply(compose(invert(t), t), x, y) == pytest.approx((x, y), abs=1e-6)


@pytest.mark.parametrize(
    ("metres", "degrees"),
    [(10, 8.983152841195215e-05), (30, 0.00026949458523585647), (1000, 0.008983152841195215)],
)
def test_degrees_of_a_scale(metres, degrees):
    assert Projection().at_scale(metres).transform == (degrees, 0, 0, 0, degrees, 0)


@pytest.mark.parametrize(
    ("projection", "scale"),
    [
        (Projection(), 111319.49079327357),
        (Projection("EPSG:32633", (10, 0, 5e5, 0, -10, 5e6)), 10),
        (Projection("EPSG:32633", (3, 4, 0, 4, -3, 0)), 5),
        (Projection("EPSG:3857", (2, 0, 0, 0, -8, 0)), 4),
        (Projection("EPSG:2263", (1, 0, 0, 0, -1, 0)), 0.3048006096012192),
    ],
    ids=["degrees", "metres", "turned", "oblong", "survey feet"],
)
def test_nominal_scale(projection, scale):
    assert projection.nominal_scale == pytest.approx(scale, rel=1e-12)


def test_scaling_and_translation_are_in_pixels():
    grid = Projection("EPSG:32633", (10, 0, 500, 0, -10, 900))
    assert grid.scaled(2, 3).transform == (20, 0, 500, 0, -30, 900)
    assert grid.translated(2, 3).transform == (10, 0, 520, 0, -10, 870)


def test_windows():
    window = Window(-2, 3, 4, 5)
    assert window.shape == (5, 4)
    assert window.grown(1, 2, 3, 4) == Window(-3, 1, 8, 11)
    x, y = window.centres(Projection("EPSG:32633", (10, 0, 500, 0, -10, 900)))
    assert x.shape == y.shape == (5, 4)
    assert (x[0, 0], y[0, 0]) == (485.0, 865.0)
    np.testing.assert_array_equal(x[0], [485, 495, 505, 515])


@pytest.mark.parametrize(
    ("given_", "expected"),
    [("EPSG:4326", "EPSG:4326"), ("epsg:32633", "EPSG:32633"), ("SR-ORG:6974", "SR-ORG:6974"), ("EPSG:900913", "EPSG:3857")],
)  # fmt: skip
def test_names_of_systems(given_, expected):
    assert crs.canonical(given_) in (expected, given_)
    assert crs.is_geographic(given_) == (expected == "EPSG:4326")


@pytest.mark.parametrize(
    "text", ["EPSG:0", "EPSG:99999999", "nonsense", "", "EPSG:4326; rm -rf", "/etc/passwd"]
)
def test_unknown_systems_are_the_users_mistake(text):
    with pytest.raises(EcumeneError):
        crs.parse(text)


@given(lon=st.floats(9, 21), lat=st.floats(-79, 79))
def test_transforms_are_pyprojs(lon, lat):
    expected = pyproj.Transformer.from_crs(4326, 32633, always_xy=True).transform(lon, lat)
    assert crs.transform("EPSG:4326", "EPSG:32633", lon, lat) == pytest.approx(expected)


def test_the_sinusoidal_grid_is_a_sphere():
    x, y = crs.transform("EPSG:4326", "SR-ORG:6974", 10.0, 45.0)
    radius = 6371007.181
    assert x == pytest.approx(np.radians(10) * radius * np.cos(np.radians(45)), rel=1e-9)
    assert y == pytest.approx(np.radians(45) * radius, rel=1e-9)
