"""Distances to features and estimates between them, against the sphere's formulas and NumPy's solutions."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from ecumene.algorithms import load
from ecumene.core.collection import Collection
from ecumene.core.context import Context
from ecumene.core.element import Feature
from ecumene.core.errors import EvaluationError
from ecumene.core.geometry import Geometry
from ecumene.core.projection import Grid, Window
from ecumene.numerics import arcs
from ecumene.plan.node import is_empty

REGISTRY = load()
RADIUS = 6_371_010.0
GRID = Grid("EPSG:4326", (0.1, 0.0, 10.0, 0.0, -0.1, 46.0))
WINDOW = Window(0, 0, 20, 15)


def call(name, **arguments):
    return REGISTRY.get(name).function(context=Context(), **arguments)


def features(*shapes, geodesic=True, values=None):
    values = range(len(shapes)) if values is None else values
    return Collection.of(
        [Feature({"v": v}, geometry=Geometry(s, geodesic=geodesic)) for s, v in zip(shapes, values, strict=True)], "Feature"
    )  # fmt: skip


def pixels(image, window=WINDOW):
    (band,) = image.bands
    found = band.node.evaluate(GRID, window, Context())
    return np.where(found.valid(), found.values, np.nan)


def centres(window=WINDOW):
    lon = 10 + 0.1 * (np.arange(window.width) + window.col + 0.5)
    lat = 46 - 0.1 * (np.arange(window.height) + window.row + 0.5)
    return np.meshgrid(lon, lat)


def haversine(lon, lat, x, y):
    a, b, c, d = (np.radians(v) for v in (lon, lat, x, y))
    h = np.sin((d - b) / 2) ** 2 + np.cos(b) * np.cos(d) * np.sin((c - a) / 2) ** 2
    return RADIUS * 2 * np.arcsin(np.sqrt(h))


def test_distance_to_points():
    spots = [(10.2, 45.9), (11.7, 44.6), (15.0, 45.0)]
    found = pixels(call("Collection.distance", features=features(*map(shapely.Point, spots))))
    lon, lat = centres()
    expected = np.min([haversine(lon, lat, *spot) for spot in spots], axis=0)
    np.testing.assert_allclose(
        found, np.where(expected <= 100_000, expected, np.nan), rtol=1e-9, atol=1e-6
    )


def along(shape, step=1e-4):
    """Points close to each other on great circles between vertices."""
    points = shapely.get_coordinates(shape)
    radians = np.radians(points)
    ends = np.column_stack(
        [
            np.cos(radians[:, 1]) * np.cos(radians[:, 0]),
            np.cos(radians[:, 1]) * np.sin(radians[:, 0]),
            np.sin(radians[:, 1]),
        ]
    )
    out = []
    for a, b in zip(ends[:-1], ends[1:], strict=True):
        share = np.arange(0, 1, step)[:, None]
        held = a + (b - a) * share
        held /= np.linalg.norm(held, axis=1)[:, None]
        out.append(
            np.degrees(np.column_stack([np.arctan2(held[:, 1], held[:, 0]), np.arcsin(held[:, 2])]))
        )
    return np.concatenate(out)


def test_distance_to_boundaries_inside_too():
    square = shapely.box(10.5, 44.8, 11.5, 45.6)
    found = pixels(call("Collection.distance", features=features(square), search_radius=30_000))
    edge = along(square.exterior)
    lon, lat = centres()
    expected = haversine(lon[..., None], lat[..., None], edge[:, 0], edge[:, 1]).min(axis=2)
    near = expected <= 30_000
    np.testing.assert_allclose(found[near], expected[near], atol=15)
    assert np.isnan(found[expected > 30_015]).all()
    assert near[5, 9]
    assert 0 < found[5, 9] < 30_000


def test_planar_edges_follow_their_parallel():
    line = shapely.LineString([(0, 45.05), (20, 45.05)])
    planar = features(line, geodesic=False)
    lat = centres()[1]
    found = pixels(call("Collection.distance", features=planar, search_radius=2e5, max_error=1.0))
    np.testing.assert_allclose(found, np.radians(np.abs(lat - 45.05)) * RADIUS, atol=12)
    bent = pixels(call("Collection.distance", features=features(line), search_radius=1e6))
    assert bent[9, 5] > 10_000
    with pytest.raises(EvaluationError, match="non-zero error margin"):
        call("Collection.distance", features=planar, max_error=0.0)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.sampled_from([0.001, 0.3, 4.0]))
def test_blocks_leave_out_no_arc(seed, count, most):
    rng = np.random.default_rng(seed)

    def unit(*shape):
        held = rng.normal(size=(*shape, 3)) + np.array([3.0, 0, 0])
        return held / np.linalg.norm(held, axis=-1)[..., None]

    first = unit(count)
    last = first + rng.normal(0, 0.05, (count, 3))
    last /= np.linalg.norm(last, axis=1)[:, None]
    last[0] = first[0]
    places = unit(40, 35)
    places[3, 4] = np.nan
    expected = arcs.angles(places.reshape(-1, 3), first, last).min(axis=1).reshape(40, 35)
    expected[~(expected <= most)] = np.inf
    np.testing.assert_allclose(
        arcs.nearest(places, first, last, most, lambda: None), expected, atol=1e-12
    )


def test_nothing_is_near():
    image = call("Collection.distance", features=features(shapely.Point(100, 0)))
    assert is_empty(image.bands[0].node.evaluate(GRID, WINDOW, Context()))
    assert np.isnan(pixels(call("Collection.distance", features=features()))).all()


SPOTS = np.array([(10.3, 45.8), (11.2, 45.1), (10.9, 44.7), (11.8, 45.7), (10.1, 44.9)])
HEIGHTS = [3.0, -1.0, 4.5, 2.0, 8.0]
RISES = {
    "exponential": lambda x: 1 - np.exp(-3 * x), "gaussian": lambda x: 1 - np.exp(-3 * x * x),
    "spherical": lambda x: np.where(x < 1, 1.5 * x - 0.5 * x**3, 1.0),
}  # fmt: skip


def by_covariances(spots, heights, lon, lat, rise, reach, sill, nugget, most):
    """Simple kriging of the residuals from the generalized least squares mean: the same as ordinary kriging."""
    away = haversine(lon, lat, *spots.T)
    near = away <= most
    if not near.any():
        return np.nan
    spots, heights, away = spots[near], np.array(heights)[near], away[near]

    def covariance(h):
        return np.where(h > 0, (sill - nugget) * (1 - rise(h / reach)), sill)

    own = covariance(haversine(spots[:, :1], spots[:, 1:], *spots.T))
    inverse = np.linalg.inv(own)
    ones = np.ones(len(spots))
    mean = ones @ inverse @ heights / (ones @ inverse @ ones)
    return mean + covariance(away) @ inverse @ (heights - mean)


@pytest.mark.parametrize("shape", sorted(RISES))
@pytest.mark.parametrize("most", [None, 90_000.0], ids=["range", "nearer"])
def test_kriging_by_generalized_least_squares(shape, most):
    collection = features(*shapely.points(SPOTS), values=HEIGHTS)
    image = call(
        "FeatureCollection.kriging", collection=collection, property_name="v", shape=shape, range=150_000.0, sill=9.0,
        nugget=0.5, max_distance=most,
    )  # fmt: skip
    found = pixels(image)
    lon, lat = centres()
    expected = [
        by_covariances(SPOTS, HEIGHTS, x, y, RISES[shape], 150_000.0, 9.0, 0.5, most or 150_000.0)
        for x, y in zip(lon.ravel(), lat.ravel(), strict=True)
    ]
    np.testing.assert_allclose(found.ravel(), expected, rtol=1e-6, atol=1e-6)


def test_estimates_at_points_are_their_values():
    lon, lat = centres()
    spots = [(lon[2, 3], lat[2, 3]), (lon[9, 12], lat[9, 12]), (lon[9, 12], lat[9, 12])]
    collection = features(*map(shapely.Point, spots), values=[5, 1, 4])
    shared = {"collection": collection, "property_name": "v"}
    for image in (
        call(
            "FeatureCollection.kriging",
            shape="spherical",
            range=2e5,
            sill=2.0,
            nugget=0.1,
            **shared,
        ),
        call("FeatureCollection.inverseDistance", range=2e5, mean=3.0, std_dev=1.0, **shared),
    ):
        found = pixels(image)
        assert found[2, 3] == pytest.approx(5, abs=1e-6)
        assert found[9, 12] == pytest.approx(2.5, abs=1e-6)
    largest = call(
        "FeatureCollection.inverseDistance", range=2e5, mean=3.0, std_dev=1.0, reducer=REGISTRY.get("Reducer.max").function(),
        **shared,
    )  # fmt: skip
    assert pixels(largest)[9, 12] == pytest.approx(4, abs=1e-6)


def test_inverse_distances_fade_to_the_mean():
    collection = features(*shapely.points(SPOTS), values=HEIGHTS)
    arguments = {
        "collection": collection,
        "property_name": "v",
        "range": 80_000.0,
        "mean": 3.3,
        "std_dev": 2.0,
    }
    lon, lat = centres()
    away = np.array([haversine(lon, lat, *spot) for spot in SPOTS])
    weights = np.maximum(80_000 / away - 1, 0)
    inside = weights.sum(axis=0) > 0
    with np.errstate(invalid="ignore"):
        local = (weights * (np.array(HEIGHTS)[:, None, None] - 3.3)).sum(axis=0) / weights.sum(
            axis=0
        )
    for gamma in (0.0, 0.5, 2.0):
        fade = np.maximum(1 - away.min(axis=0) / 80_000, 0) ** gamma
        found = pixels(call("FeatureCollection.inverseDistance", gamma=gamma, **arguments))
        np.testing.assert_allclose(found[inside], (3.3 + local * fade)[inside], rtol=1e-9)
        assert np.isnan(found[~inside]).all()
        assert (~inside).any()


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("kriging", {"shape": "linear", "range": 1.0, "sill": 1.0, "nugget": 0.0}),
        ("kriging", {"shape": "gaussian", "range": 0.0, "sill": 1.0, "nugget": 0.0}),
        ("kriging", {"shape": "gaussian", "range": 1.0, "sill": 1.0, "nugget": 2.0}),
        ("inverseDistance", {"range": 1.0, "mean": 0.0, "std_dev": 0.0}),
    ],
    ids=["shape", "range", "nugget", "deviation"],
)
def test_what_is_refused(name, arguments):
    with pytest.raises(EvaluationError, match=f"FeatureCollection.{name}: "):
        call(f"FeatureCollection.{name}", collection=features(), property_name="v", **arguments)


def test_features_from_columns():
    make = REGISTRY.get("Collection.fromColumns").function
    found = list(make(columns=[[1, None], ["a", "b"]], property_names=["n", "s"]))
    assert [f.properties for f in found] == [
        {"n": 1, "s": "a", "system:index": "0"},
        {"s": "b", "system:index": "1"},
    ]
    for columns in ([[1]], [[1], [1, 2]]):
        with pytest.raises(EvaluationError):
            make(columns=columns, property_names=["n", "s"])


def test_arrays_of_properties():
    make = REGISTRY.get("FeatureCollection.makeArray").function
    rows = Collection.of(
        [
            Feature(p)
            for p in (
                {"a": 1, "b": 2.5},
                {"a": 1},
                {"a": 1, "b": "x"},
                {"a": 3, "b": 4},
                {"a": 2**70, "b": 1},
            )
        ]
    )
    found = [
        f.get("both").values.tolist()
        for f in make(collection=rows, properties=["a", "b"], name="both")
    ]
    assert found == [[1, 2.5], [3, 4], [2.0**70, 1]]
