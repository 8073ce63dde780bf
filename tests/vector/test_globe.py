"""Shapes over the poles and across the antimeridian against truths that know of neither.

Membership is decided by Google's S2 library (vectors on a sphere, so places near an edge are left out: a great circle
and a geodesic of the spheroid differ there) or by plain comparison of longitudes; areas by Shapely in polar planes.
"""

from __future__ import annotations

import math
import random

import numpy as np
import pyproj
import pytest
import shapely

from ecumene.core.errors import EvaluationError
from ecumene.core.geometry import Geometry
from ecumene.vector import geodesic
from tests.calls import call, call_json

SPHERE = pyproj.Geod(ellps="sphere")
PLACES = [
    (180, 0),
    (179, 65),
    (-179.5, -60),
    (0, 89),
    (40, -89.5),
    (0, 90),
    (180, -90),
    (0, 0),
    (100, 85),
]
SETS = {
    "union": lambda a, b: a or b,
    "intersection": lambda a, b: a and b,
    "difference": lambda a, b: a and not b,
    "symmetricDifference": lambda a, b: a != b,
}


def polygon(*rings: list, geodesic: bool = True) -> Geometry:
    return call("GeometryConstructors.Polygon", list(rings), geodesic=geodesic)


def point(lon: float, lat: float) -> Geometry:
    return call("GeometryConstructors.Point", [lon, lat])


def turn(degrees: float) -> float:
    return (degrees + 180) % 360 - 180


class Ring:
    """A star of geodesic edges; S2 says what is inside."""

    def __init__(self, source: random.Random, library) -> None:
        self.s2 = library
        lon, lat = source.choice(PLACES)
        metres, count = source.choice([2e5, 1e6, 2.5e6]), source.randint(3, 8)
        azimuths = [-360 * k / count + source.uniform(-10, 10) for k in range(count)]
        ends = [SPHERE.fwd(lon, lat, a, metres * source.uniform(0.6, 1.2)) for a in azimuths]
        self.geometry = polygon([[x, y] for x, y, _ in ends])
        self.vertices = [self._vector(x, y) for x, y, _ in ends]
        self.loop = library.S2Loop()
        self.loop.Init(self.vertices)
        self.loop.Normalize()
        self.body = library.S2Polygon(self.loop.Clone())

    def _vector(self, lon: float, lat: float):
        return self.s2.S2LatLng.FromDegrees(lat, lon).ToPoint()

    def holds(self, lon: float, lat: float) -> bool:
        return bool(self.body.Contains(self._vector(lon, lat)))

    def near(self, lon: float, lat: float) -> bool:
        place = self._vector(lon, lat)
        edge = self.s2.S2Polyline()
        edge.InitFromS2Points([*self.vertices, self.vertices[0]])
        foot = self.s2.S2LatLng(edge.Project(place)[0])
        return foot.GetDistance(self.s2.S2LatLng(place)).degrees() < 0.25


class Box:
    """A planar box; its west and east may lie beyond 180°."""

    def __init__(self, source: random.Random, _library) -> None:
        lon, lat = source.choice(PLACES)
        self.west, self.east = lon + source.uniform(-20, -1), lon + source.uniform(1, 20)
        self.south = max(-90, lat + source.uniform(-15, -1))
        self.north = min(90, lat + source.uniform(1, 15))
        w, s, e, n = self.west, self.south, self.east, self.north
        self.geometry = polygon([[w, s], [e, s], [e, n], [w, n]], geodesic=False)

    def holds(self, lon: float, lat: float) -> bool:
        return self.south <= lat <= self.north and (lon - self.west) % 360 <= self.east - self.west

    def near(self, lon: float, lat: float) -> bool:
        across = min(abs(turn(lon - self.west)), abs(turn(lon - self.east)))
        up = min(abs(lat - self.south), abs(lat - self.north))
        return up < 0.05 or across * math.cos(math.radians(lat)) < 0.05


@pytest.mark.parametrize("seed", [*range(24), 193])
def test_sets_hold_what_their_parts_say(seed: int) -> None:
    library = pytest.importorskip("s2geometry")
    source = random.Random(seed)
    a, b = (source.choice([Ring, Ring, Box])(source, library) for _ in range(2))
    places = [(0.0, 90.0), (0.0, -90.0)]
    for _ in range(20):
        lon, lat = source.choice(PLACES)
        lat = max(-90, min(90, lat + source.gauss(0, 6)))
        places.append(
            (turn(lon + source.gauss(0, 6) / max(0.02, math.cos(math.radians(lat)))), lat)
        )
    places = [p for p in places if not a.near(*p) and not b.near(*p)]
    assert places
    for shape in (a, b):
        found = [call("Geometry.contains", shape.geometry, point(*p)) for p in places]
        assert found == [shape.holds(*p) for p in places]
    for name, rule in SETS.items():
        made = call(f"Geometry.{name}", a.geometry, b.geometry, 1)
        found = [call("Geometry.contains", made, point(*p)) for p in places]
        assert found == [rule(a.holds(*p), b.holds(*p)) for p in places], name


def test_planar_edges_stay_where_they_are_beside_a_far_geodesic() -> None:
    """Both are too far apart for one plane; the parallel must not become a geodesic."""
    star = polygon([[102, 86], [76, 85], [90, 83], [124, 85]])
    box = polygon(
        [[-189.5, -65.25], [-162.6, -65.25], [-162.6, -50], [-189.5, -50]], geodesic=False
    )
    both = call("Geometry.union", star, box, 1)
    assert not call("Geometry.contains", both, point(-178, -65.6))
    assert geodesic.area(both) == pytest.approx(geodesic.area(star) + geodesic.area(box), rel=1e-6)


@pytest.mark.parametrize(("sign", "crs"), [(1, "north"), (-1, "south")])
def test_areas_over_a_pole_as_in_a_polar_plane(sign: int, crs: str) -> None:
    """Edges of an equal-area plane through the pole that are short: both readings of them agree."""
    plane = pyproj.Proj(proj="laea", lat_0=90 * sign, lon_0=0, ellps="WGS84")
    angles = np.linspace(0, 2 * np.pi, 2000, endpoint=False)
    rings = [
        shapely.Polygon(np.column_stack([x + r * np.cos(angles), r * np.sin(angles)]))
        for x, r in ((0, 4e5), (3e5, 5e5))
    ]
    shapes = [
        polygon(np.column_stack(plane(*ring.exterior.xy, inverse=True)).tolist()) for ring in rings
    ]
    for shape, ring in zip(shapes, rings, strict=True):
        assert geodesic.area(shape) == pytest.approx(ring.area, rel=1e-5)
    for name, operation in (
        ("union", shapely.union), ("intersection", shapely.intersection), ("difference", shapely.difference),
        ("symmetricDifference", shapely.symmetric_difference),
    ):  # fmt: skip
        found = geodesic.area(call(f"Geometry.{name}", *shapes, 0.01))
        assert found == pytest.approx(operation(*rings).area, rel=1e-5), name
    assert call("Geometry.distance", shapes[0], shapes[1]) == 0


@pytest.mark.parametrize(
    ("place", "metres"), [((0, 85), 5e4), ((180, 85), 3e5), ((180, 0), 5e4), ((-179.9, -60), 1e5), ((20, 90), 2e5), ((0, -89.9), 5e4)]
)  # fmt: skip
def test_circles_anywhere(place: tuple, metres: float) -> None:
    circle = call("Geometry.buffer", point(*place), metres, metres / 1e4)
    plane = pyproj.Proj(proj="aeqd", lon_0=place[0], lat_0=place[1], ellps="WGS84")
    x, y = plane(*shapely.get_coordinates(circle.shape).T)
    assert np.allclose(np.hypot(x, y), metres, rtol=2e-4)
    box = call("Geometry.bounds", circle)
    ring = shapely.get_coordinates(box.shape)
    assert call("Geometry.contains", box, circle) or np.ptp(ring[:, 0]) == 360
    angles = np.linspace(0, 360, 720, endpoint=False)
    geod = pyproj.Geod(ellps="WGS84")
    lon, lat, _ = geod.fwd(*(np.full(720, v) for v in place), angles, np.full(720, metres))
    over = abs(place[1]) + math.degrees(metres / 6.36e6) > 90
    north = 90 if over and place[1] > 0 else lat.max()
    south = -90 if over and place[1] < 0 else lat.min()
    assert ring[:, 1].max() == pytest.approx(north, abs=1e-3)
    assert ring[:, 1].min() == pytest.approx(south, abs=1e-3)
    width = 360 if over else np.ptp(turn(lon - place[0]))
    assert np.ptp(ring[:, 0]) == pytest.approx(width, rel=2e-3)


@pytest.mark.parametrize("offset", [0, 30, 180, -170])
def test_relations_are_the_same_across_the_antimeridian(offset: int) -> None:
    def box(w: float, s: float, e: float, n: float, edges: bool) -> Geometry:
        ring = [
            [turn(w + offset) if edges else w + offset, s],
            [turn(e + offset) if edges else e + offset, s],
        ]
        return polygon([*ring, [ring[1][0], n], [ring[0][0], n]], geodesic=edges)

    for edges in (True, False):
        a, b, far = box(-2, -1, 2, 1, edges), box(-1, -0.5, 1, 0.5, edges), box(4, -1, 5, 1, edges)
        assert call("Geometry.containedIn", b, a)
        assert not call("Geometry.containedIn", a, b)
        assert not call("Geometry.intersects", a, far)
        assert call("Geometry.disjoint", a, far)
        apart = pyproj.Geod(ellps="WGS84").inv(2, 1, 4, 1)[2]
        assert call("Geometry.distance", a, far) == pytest.approx(apart, rel=1e-6)
        assert call("Geometry.withinDistance", a, far, apart + 1)
        assert not call("Geometry.withinDistance", a, far, apart - 1)
        ring = geodesic.area(call("Geometry.symmetricDifference", a, b))
        assert ring == pytest.approx(geodesic.area(a) - geodesic.area(b), rel=1e-9)


def test_rings_that_share_edges_cancel_each_other() -> None:
    square = [[0, 0], [4, 0], [4, 4], [0, 4]]
    whole = geodesic.area(polygon(square, geodesic=False))
    lower = [[0, 0], [4, 0], [4, 2], [0, 2]]
    cases = [
        ([square], 0.0),
        ([lower], whole - geodesic.area(polygon(lower, geodesic=False))),
        ([[[1, 1], [2, 1], [2, 2], [1, 2]]] * 2, whole),
        ([[[5, 5], [6, 5], [6, 6], [5, 6]]], whole + geodesic.area(polygon([[5, 5], [6, 5], [6, 6], [5, 6]], geodesic=False))),
    ]  # fmt: skip
    for holes, expected in cases:
        assert geodesic.area(polygon(square, *holes, geodesic=False)) == pytest.approx(
            expected, rel=1e-9
        )


def test_duplicate_vertices_change_nothing() -> None:
    plain = polygon([[0, 0], [1, 0], [1, 1]])
    twice = polygon([[0, 0], [0, 0], [1, 0], [1, 0], [1, 0], [1, 1], [1, 1]])
    for name in ("area", "perimeter"):
        assert call(f"Geometry.{name}", twice) == pytest.approx(
            call(f"Geometry.{name}", plain), rel=1e-12
        )
    assert call("Geometry.area", call("Geometry.intersection", twice, plain)) == pytest.approx(
        geodesic.area(plain)
    )


@pytest.mark.parametrize("edges", [True, False])
def test_latitudes_beyond_a_pole_are_the_pole(edges: bool) -> None:
    beyond = polygon([[0, 80], [10, 80], [10, 95], [0, 95]], geodesic=edges)
    until = polygon([[0, 80], [10, 80], [10, 90], [0, 90]], geodesic=edges)
    assert call("Geometry.area", beyond) == pytest.approx(call("Geometry.area", until), rel=1e-9)
    assert call("Geometry.distance", point(0, 100), point(0, 89)) == pytest.approx(
        111_694, rel=1e-5
    )
    assert (
        call("Geometry.length", call("GeometryConstructors.LineString", [[0, 100], [10, 80]])) > 1e6
    )


def test_boxes_of_points_are_closed_rings_of_five() -> None:
    found = call_json("Geometry.bounds", point(3, 4))
    assert found == {"type": "Polygon", "coordinates": [[[3, 4]] * 5], "geodesic": False}


def test_grid_cells_across_the_antimeridian() -> None:
    box = polygon([[179.5, -0.9], [-179.5, -0.9], [-179.5, 0.9], [179.5, 0.9]])
    grid = call("Projection", "EPSG:4326", [1, 0, 0, 0, 1, 0])
    found = call_json("Geometry.coveringGrid", box, grid)["features"]
    assert {f["id"] for f in found} == {"-180,-1", "-180,0", "179,-1", "179,0"}


def scattered(geometry: Geometry, count: int = 4000, **settings) -> np.ndarray:
    found = call_json("FeatureCollection.randomPoints", geometry, count, **settings)["features"]
    assert [f["id"] for f in found[:3]] == ["0", "1", "2"]
    return np.array([f["geometry"]["coordinates"] for f in found])


def share(hits: int, count: int, expected: float) -> bool:
    """Whether so many hits are within five standard deviations."""
    return abs(hits / count - expected) < 5 * math.sqrt(expected * (1 - expected) / count)


def test_random_places_are_even_on_the_sphere() -> None:
    cap = polygon([[0, 60], [120, 60], [-120, 60]])
    places = scattered(cap)
    assert all(call("Geometry.contains", cap, point(*p)) for p in places[:50].tolist())
    inner = call("Geometry.buffer", point(0, 90), 1e6, 1000)
    assert call("Geometry.containedIn", inner, cap)
    rim = 90 - 1e6 / 111_694
    hits = int((places[:, 1] > rim).sum())
    expected = (
        (1 - math.sin(math.radians(rim))) * 2 * math.pi / (geodesic.area(cap) / 6_371_007.18**2)
    )
    assert share(hits, len(places), expected)


def test_random_places_across_the_antimeridian_and_in_thin_parts() -> None:
    box = polygon([[179, -1], [181, -1], [181, 1], [179, 1]], geodesic=False)
    places = scattered(box)
    assert (np.abs(places[:, 0]) <= 180).all()
    assert share(int((places[:, 0] < 0).sum()), len(places), 0.5)
    sliver = call("GeometryConstructors.MultiPolygon", [
        [[[0, 0], [10, 0], [10, 1e-8]]], [[[50, 0], [80, 0], [80, 1e-8]]],
    ])  # fmt: skip
    assert share(int((scattered(sliver)[:, 0] > 40).sum()), 4000, 0.75)


def test_random_places_on_lines_and_points_and_of_the_highest_dimension() -> None:
    line = call("GeometryConstructors.LineString", [[0, 0], [10, 0], [10, 20]])
    places = scattered(line)
    lengths = [
        pyproj.Geod(ellps="WGS84").inv(0, 0, 10, 0)[2],
        pyproj.Geod(ellps="WGS84").inv(10, 0, 10, 20)[2],
    ]
    on_equator = (places[:, 1] == 0) | (places[:, 0] < 9.999)
    assert share(int(on_equator.sum()), len(places), lengths[0] / sum(lengths))
    assert np.allclose(places[~on_equator][:, 0], 10)
    chosen = scattered(call("GeometryConstructors.MultiPoint", [[1, 2], [3, 4]]))
    assert share(int((chosen[:, 0] == 1).sum()), 4000, 0.5)
    mixed = call("GeometryConstructors.MultiGeometry", [point(50, 50), line])
    assert (scattered(mixed)[:, 0] <= 10.000001).all()


def test_random_places_depend_on_the_seed_alone() -> None:
    region = polygon([[0, 0], [1, 0], [1, 1]])
    assert (scattered(region, 50, seed=3) == scattered(region, 50, seed=3)).all()
    assert (scattered(region, 50, seed=3) == scattered(region, 5000, seed=3)[:50]).all()
    assert (scattered(region, 50, seed=3) != scattered(region, 50, seed=4)).all()
    with pytest.raises(EvaluationError, match="empty"):
        call("FeatureCollection.randomPoints", call("GeometryConstructors.MultiPoint", []))


@pytest.mark.parametrize("seed", range(4))
def test_distances_of_many_parts_are_those_of_the_nearest_two(seed: int) -> None:
    source = np.random.default_rng(seed)
    edges = bool(seed % 2)

    def scattered_boxes(lon: float, lat: float, count: int) -> list[list]:
        places = source.uniform(
            [lon - 9, max(lat - 9, -89)], [lon + 9, min(lat + 9, 89)], (count, 2)
        )
        return [
            [[[x, y], [x + 0.3, y], [x + 0.3, y + 0.2], [x, y + 0.2]]] for x, y in places.tolist()
        ]

    lon, lat = PLACES[seed]
    left = call("GeometryConstructors.MultiPolygon", scattered_boxes(lon, lat, 18), geodesic=edges)
    right = call(
        "GeometryConstructors.MultiPolygon", scattered_boxes(lon + 30, lat / 2, 5), geodesic=edges
    )
    pairs = [
        call("Geometry.distance", left.with_shape(a), right.with_shape(b))
        for a in left.shape.geoms
        for b in right.shape.geoms
    ]
    assert call("Geometry.distance", left, right) == pytest.approx(min(pairs), rel=1e-9, abs=1e-3)
    around = call("Geometry.buffer", left, 1e5, 100)
    assert call("Geometry.distance", around, left) == 0
    assert call("Geometry.contains", around, left)


def test_thousands_of_parts_near_and_far() -> None:
    """Parts beyond reach are not even looked at: the limits on edges hold for those that are."""
    source = np.random.default_rng(2)
    places = source.uniform([170, -70], [190, 70], (2000, 2))
    boxes = [[[[x, y], [x + 1, y], [x + 1, y + 0.5], [x, y + 0.5]]] for x, y in places.tolist()]
    many = call("GeometryConstructors.MultiPolygon", boxes)
    whole = call("Geometry.dissolve", many, 10)
    for place in ((150, 0), (0, 0), (-100, 50)):
        near = call("Geometry.distance", whole, point(*place))
        assert near == pytest.approx(call("Geometry.distance", many, point(*place)), rel=1e-6)
        vertices = shapely.get_coordinates(many.shape)
        lengths = pyproj.Geod(ellps="WGS84").inv(
            *vertices.T, *np.broadcast_to(place, vertices.shape).T
        )[2]
        assert near <= lengths.min() + 1e-3
        assert near > lengths.min() - 60_000


def test_collections_stand_for_their_geometries_where_features_are_wanted() -> None:
    boxes = [polygon([[x, 0], [x + 1, 0], [x + 1, 1], [x, 1]]) for x in (0, 5)]
    features = [call("Feature", box, {"n": 1}) for box in boxes]
    both = call("Collection", features)
    assert call("Feature.area", both) == pytest.approx(sum(geodesic.area(box) for box in boxes))
    assert call("Feature.intersects", both, features[1])
    common = call_json("Feature.intersection", both, features[0], 1)
    assert common["properties"] == {}
    assert call_json("Feature.intersection", features[0], both, 1)["properties"] == {"n": 1}
    moved = call("ProjectionTransform", features[0], call("Projection", "EPSG:3857"), 1)
    assert moved.geometry.crs == "EPSG:3857"
    with pytest.raises(EvaluationError, match=r"Feature\.area: The feature has no geometry"):
        call("Feature.area", call("Feature", None, {}))
