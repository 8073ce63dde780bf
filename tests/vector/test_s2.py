"""Cells and shapes of the S2 library; what they should be was printed by Google's own library (s2geometry 0.14)."""

from __future__ import annotations

import base64
import contextlib
import math
import struct

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from ecumene.core.errors import EcumeneError, EvaluationError
from ecumene.vector import geodesic, s2, s2_codec
from tests.calls import call, call_json

AUTHALIC = 6_371_007.18
CELLS = [
    ("b000000000000000", -5764607523034234880, [(-135, -35.264389683), (135, -35.264389683), (45, -35.264389683), (-45, -35.264389683)], 2.094395102393195),
    ("5000000000000000", 5764607523034234880, [(45, 35.264389683), (135, 35.264389683), (-135, 35.264389683), (-45, 35.264389683)], 2.094395102393195),
    ("89c25a3100000000", -8520148378531659776, [(-73.994756346, 40.707344377), (-73.994756346, 40.702399961), (-73.98887973, 40.701566431), (-73.98887973, 40.706510825)], 6.709855430611516e-09),
    ("54906f1000000000", 6093492410342440960, [(-122.077233719, 47.562558587), (-122.104321233, 47.554099484), (-122.084569342, 47.538414645), (-122.057490867, 47.546864863)], 1.2168764334031608e-07),
    ("3b3c9a5d2f8a7b41", 4268456271860628289, [(75.957212526, 3.768163367), (75.957212615, 3.768163369), (75.957212615, 3.768163444), (75.957212526, 3.768163443)], 2.0302323780780143e-18),
    ("b0f5c28f5c28f5c3", -5695432232757824061, [(29.223400713, -77.452192336), (29.223401034, -77.452192298), (29.223400838, -77.452192224), (29.223400516, -77.452192262)], 2.07755885021885e-18),
]  # fmt: skip
POLYGON = "AQEAAQAAAAEDAAAAz7kGVvgw5D8k/CrO92W/PzlQz6Jvg+g/bt3Polvr4z/SyeEKuKq6PzGJ97ZO0ug/R/K9mnSm5D/WjQCsMaW7Pw+JIIkhM+g/AAAAAAABcoOj7Atx6z/gp57OsGjsP7QawuAjOcU/L5gxHwGTyD8BcoOj7Atx6z/gp57OsGjsP7QawuAjOcU/L5gxHwGTyD8="
TRIANGLE = [(11, 50), (9.5, 50.866025404), (9.5, 49.133974596)]
COMPRESSED = "BBACBg0SB3MvFICpkPsFirSurxXLi66vFcKuwQLBmq6vFQAAAAQHEnp/BID44oyuFeOr97oV8orEAgAAAQ=="
SHELL = [(46.899805834, 0.100187798), (45.899809757, 1.83189562), (43.900146398, 1.831825356),
         (42.899714128, 0.099658269), (43.900146398, -1.632370649), (45.899809757, -1.632187509)]  # fmt: skip
HOLE = [(45.899809757, 0.100216566), (44.900225549, 1.100145669), (43.900146398, 0.099712049), (44.900225549, -0.899979685)]  # fmt: skip
LINE = "AQIAAADPuQZW+DDkPyT8Ks73Zb8/OVDPom+D6D9u3c+iW+vjP9LJ4Qq4qro/MYn3tk7S6D8="
BOX = "AYdE50oYV8a/h0TnShhXxj/QuJXPibwHQNC4lc+JvAfA"


@pytest.mark.parametrize(("token", "number", "corners", "area"), CELLS, ids=[c[0] for c in CELLS])
def test_cells(token: str, number: int, corners: list, area: float) -> None:
    by_token = call("Geometry.fromS2CellToken", token)
    assert by_token == call("Geometry.fromS2CellId", number) == call("Geometry.s2Cell", number)
    assert by_token == call("Geometry.fromS2CellToken", f"0x{token.upper()}")
    assert by_token.geodesic
    assert np.allclose(np.asarray(by_token.shape.exterior.coords)[:-1], corners, atol=1e-9)
    if area > 1e-12:  # leaves are a centimetre wide: their vertices end at the tenth decimal
        assert geodesic.area(by_token) == pytest.approx(area * AUTHALIC**2, rel=0.01)


@pytest.mark.parametrize("level", [0, 1, 2])
def test_cells_of_a_level_cover_the_globe(level: int) -> None:
    step = 1 << 61 - 2 * level
    cells = [s2.cell_polygon(k * step + step // 2) for k in range(6 * 4**level)]
    total = sum(geodesic.area(cell) for cell in cells)
    assert total == pytest.approx(4 * math.pi * 6_371_007.1809**2, rel=1e-9)


@settings(max_examples=100, deadline=None)
@given(lon=st.floats(-180, 180), lat=st.floats(-90, 90), level=st.integers(0, 30))
def test_cells_as_the_library_has_them(lon: float, lat: float, level: int) -> None:
    library = pytest.importorskip("s2geometry")
    cell = library.S2CellId(library.S2LatLng.FromDegrees(lat, lon)).parent(level)
    assert s2.level_of(cell.id()) == level
    points = np.asarray(s2.cell_polygon(cell.id()).shape.exterior.coords)[:-1]
    for k, point in enumerate(points):
        corner = library.S2LatLng(library.S2Cell(cell).GetVertex(k))
        assert point[1] == pytest.approx(corner.lat().degrees(), abs=1e-12)
        if abs(point[1]) < 90 - 1e-12:
            turn = point[0] - corner.lng().degrees()
            assert turn % 360 == pytest.approx(0, abs=1e-9) or turn % 360 == pytest.approx(360)


@pytest.mark.parametrize("number", [0, 2, 6 << 61, (1 << 64) - 1, -1, 1 << 61])
def test_numbers_that_are_no_cells(number: int) -> None:
    assert s2.level_of(number) is None
    with pytest.raises(EvaluationError, match=r"Geometry.fromS2CellId: Invalid S2 cell id"):
        call("Geometry.fromS2CellId", number if number < 2**63 else number - 2**64)


@pytest.mark.parametrize(
    "token", ["", "89c25a31", "x9c25a3100000000", "0x", "89c25a3100000000 ", "c" * 16, "0" * 16]
)
def test_tokens_that_are_no_cells(token: str) -> None:
    with pytest.raises(EvaluationError, match="Invalid S2 cell"):
        call("Geometry.fromS2CellToken", token)


def test_cells_around_a_pole_meet_it() -> None:
    pole = call("GeometryConstructors.Point", [12, 90])
    cell = s2.cell_polygon(2 << 61 | 1 << 58)
    assert call("Geometry.intersects", cell, pole)
    assert geodesic.area(cell) == pytest.approx(510_065_621_724_088 / 24, rel=0.01)


def rings(geometry) -> list:
    return [
        [tuple(p) for p in ring.coords][:-1]
        for ring in (geometry.shape.exterior, *geometry.shape.interiors)
    ]


def test_polygons() -> None:
    (shell,) = rings(call("Geometry.fromS2Polygon", POLYGON))
    assert np.allclose(shell, TRIANGLE, atol=1e-9)
    assert call("Geometry.fromS2Polygon", base64.b64decode(POLYGON)) == call(
        "Geometry.fromS2Polygon", POLYGON
    )
    shell, hole = rings(call("Geometry.fromS2Polygon", COMPRESSED))
    assert np.allclose(shell, SHELL, atol=1e-9)
    assert np.allclose(hole, HOLE, atol=1e-9)


def test_lines_boxes_and_points() -> None:
    line = call("Geometry.fromS2Polyline", LINE)
    assert np.allclose(line.shape.coords, TRIANGLE[:2], atol=1e-6)
    box = call("Geometry.fromS2LatLngRect", BOX)
    assert np.allclose(box.shape.bounds, (170, -10, 190, 10))
    assert not box.geodesic
    latitude, longitude = math.radians(-17), math.radians(178)
    point = struct.pack("<2d", latitude, longitude)
    assert np.allclose(call("Geometry.fromS2LatLng", point).shape.coords, [(178, -17)])
    vector = (
        math.cos(latitude) * math.cos(longitude),
        math.cos(latitude) * math.sin(longitude),
        math.sin(latitude),
    )
    assert np.allclose(
        call("Geometry.fromS2Point", struct.pack("<3d", *vector)).shape.coords, [(178, -17)]
    )


@pytest.mark.parametrize("level", [None, 30, 20, 12])
@pytest.mark.parametrize("place", [(10, 50), (179.9, -17), (44.9, 0.1), (0, 89)])
def test_shapes_as_the_library_writes_them(level: int | None, place: tuple) -> None:
    library = pytest.importorskip("s2geometry")

    def circle(radius: float, count: int) -> list:
        angles = 2 * np.pi * np.arange(count) / count
        around = zip(
            place[0] + radius * np.cos(angles), place[1] + radius * np.sin(angles), strict=True
        )
        found = [library.S2LatLng.FromDegrees(float(lat), float(lon)) for lon, lat in around]
        if level is None:
            return [p.ToPoint() for p in found]
        return [library.S2CellId(p).parent(level).ToPoint() for p in found]

    def loop(radius: float, count: int):
        made = library.S2Loop()
        made.Init(circle(radius, count))
        return made

    def written(value) -> bytes:
        encoder = library.Encoder()
        value.Encode(encoder)
        return bytes(encoder.buffer())

    polygon = library.S2Polygon()
    polygon.InitNested([loop(0.9, 17), loop(0.4, 11), loop(0.2, 12)])
    found = s2_codec.polygon(written(polygon))
    inner, outer = sorted(found.shape.geoms, key=lambda part: part.length)
    assert (len(outer.interiors), len(inner.interiors)) == (1, 0)
    total = sum(geodesic.area(found.with_shape(part)) for part in found.shape.geoms)
    assert total == pytest.approx(polygon.GetArea() * AUTHALIC**2, rel=0.01)
    line = library.S2Polyline()
    line.InitFromS2Points(circle(0.9, 17))
    vertices = [library.S2LatLng(line.vertex(k)) for k in range(17)]
    expected = [(v.lng().degrees(), v.lat().degrees()) for v in vertices]
    assert np.allclose(s2_codec.polyline(written(line)).shape.coords, expected, atol=1e-12)


@settings(max_examples=300, deadline=None)
@given(
    name=st.sampled_from(
        [
            ("fromS2Polygon", POLYGON),
            ("fromS2Polygon", COMPRESSED),
            ("fromS2Polyline", LINE),
            ("fromS2LatLngRect", BOX),
        ]
    ),
    changes=st.lists(st.tuples(st.integers(0, 250), st.integers(0, 255)), max_size=3),
    keep=st.integers(0, 250),
)
def test_damaged_bytes_are_refused_or_understood(name, changes, keep) -> None:
    data = bytearray(base64.b64decode(name[1]))[:keep]
    for place, byte in changes:
        if place < len(data):
            data[place] = byte
    with contextlib.suppress(EcumeneError):
        geodesic.area(call(f"Geometry.{name[0]}", bytes(data)))


@pytest.mark.parametrize(
    "text", ["POLYGON ((0 0, 4 0, 4 3, 0 0))", "polygon z ((0 0 5, 4 0 5, 4 3 5, 0 0 5))"]
)
def test_geographies_as_text_binary_and_json(text: str) -> None:
    expected = call("GeometryConstructors.Polygon", [[[0, 0], [4, 0], [4, 3], [0, 0]]])
    shape = shapely.from_wkt(text)
    forms = [text, shapely.to_wkb(shape), base64.b64encode(shapely.to_wkb(shape)).decode()]
    forms += [shapely.to_geojson(shape)]
    for form in forms:
        assert call("Geometry.fromSTGeography", form) == expected


@pytest.mark.parametrize("longitude", [4.0, -50.0, 1e308])
def test_places_that_are_not_on_the_globe(longitude: float) -> None:
    with pytest.raises(EvaluationError, match="beyond the antimeridian"):
        call("Geometry.fromS2LatLng", struct.pack("<2d", 0.1, longitude))
    for west, east in ((longitude, 0.5), (0.5, longitude)):
        with pytest.raises(EvaluationError, match="beyond the antimeridian"):
            call("Geometry.fromS2LatLngRect", b"\1" + struct.pack("<4d", 0, 0.1, west, east))
    with pytest.raises(EvaluationError, match="beyond a pole"):
        call("Geometry.fromS2LatLng", struct.pack("<2d", 1.6, 0))


@pytest.mark.parametrize(
    "form",
    ["POINT (1", "POINT (nan 1)", b"\x01\x02", "{", "{}", 5, "GEOMETRYCOLLECTION(" * 100_000],
)
def test_what_is_no_geography(form) -> None:
    with pytest.raises(EvaluationError):
        call("Geometry.fromSTGeography", form)


def test_deeply_nested_binary_is_refused() -> None:
    with pytest.raises(EvaluationError, match="too many collections"):
        call("Geometry.fromSTGeography", b"\x01\x07\x00\x00\x00\x01\x00\x00\x00" * 100_000)


def test_a_feature_in_another_projection() -> None:
    feature = call("Feature", call("GeometryConstructors.Point", [9, 0]), {"a": 1})
    moved = call_json("ProjectionTransform", feature, call("Projection", "EPSG:32632"))
    assert moved["properties"] == {"a": 1}
    assert moved["geometry"]["coordinates"] == pytest.approx([500_000, 0], abs=1e-6)
