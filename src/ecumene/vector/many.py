"""Relations of many pairs of geometries at once.

Each answer is the one that ``predicates`` and ``nearest`` give for the pair alone. Most are found by one call for
all pairs: in degrees, where edges that are short enough are straight; between points by geodesics. What such
a call leaves in doubt, and what has to be moved by whole turns in several ways, is asked pair by pair.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from ecumene.core.geometry import Geometry
from ecumene.core.prepared import asked
from ecumene.vector import nearest, predicates
from ecumene.vector.degrees import WORLD, around, lonlat, shifted
from ecumene.vector.edges import GEOD
from ecumene.vector.predicates import DOUBT

Mask = NDArray[np.bool_]
Places = NDArray[np.intp]

_SHORT = 0.01
"""Degrees along which a geodesic strays from a straight edge by some centimetres, outside of polar regions."""
_POLAR = 85.0
_NARROW = 0.5
"""Degrees across which distances in a plane around the middle are true to a ten-thousandth."""
_LEAST_RADIUS = 6_335_439.0
"""Metres: nowhere is the spheroid curved more strongly than at the equator along the meridian."""


class Many:
    """Geometries side by side, as shapes in degrees with straight edges.

    ``planar`` tells whose own edges are straight in degrees, ``short`` whose are so short that it makes no
    difference, ``loose`` which are unbounded.
    """

    def __init__(
        self,
        shapes: NDArray[Any],
        usual: Mask,
        geodesic: Mask,
        loose: Mask,
        geometry: Callable[[int], Geometry],
    ) -> None:
        """``usual`` ones are in degrees with even-odd rings."""
        self.geometry, self.loose = geometry, loose
        self.planar: Mask = usual & ~geodesic
        self.points: Mask = shapely.get_type_id(shapes) == 0
        self.short: Mask = self.points | _short(shapes)
        self.present: Mask = ~shapely.is_missing(shapes)
        same = usual & (self.planar | self.short) & _ordinary(shapes)
        self.shapes = np.array(shapes, object)
        for k in np.flatnonzero(~same & ~loose & self.present).tolist():
            self.shapes[k] = lonlat(geometry(k))
        asked(shapely.prepare, self.shapes[~self.points])
        self.points = self.points & ~shapely.is_empty(self.shapes)
        self.boxes: NDArray[np.float64] = shapely.bounds(self.shapes)

    @staticmethod
    def of(geometries: Sequence[Geometry | None]) -> Many:
        """Geometries, None where there is none."""
        count = len(geometries)

        def told(test: Callable[[Geometry], bool]) -> Mask:
            return np.fromiter((g is not None and test(g) for g in geometries), bool, count)

        def one(place: int) -> Geometry:
            found = geometries[place]
            assert found is not None
            return found

        shapes = np.empty(count, object)
        shapes[:] = [None if g is None else g.shape for g in geometries]
        usual = told(lambda g: g.crs == WORLD and g.even_odd and not g.unbounded)
        return Many(shapes, usual, told(lambda g: g.geodesic), told(lambda g: g.unbounded), one)

    @staticmethod
    def of_shapes(shapes: NDArray[Any], geodesic: bool) -> Many:
        """Shapes in degrees, None where there is none."""
        usual, edges = np.ones(len(shapes), bool), np.full(len(shapes), geodesic)
        return Many(shapes, usual, edges, ~usual, lambda k: Geometry(shapes[k], geodesic=geodesic))

    def __len__(self) -> int:
        return len(self.shapes)

    def wide(self, place: int) -> Any:
        """The shape of one that goes around the globe, without a seam."""
        return around(self.geometry(place))


def _ordinary(shapes: NDArray[Any]) -> Mask:
    """Shapes that are valid as they are: flat, finite, within the usual range of degrees."""
    boxes = shapely.bounds(shapes)
    with np.errstate(invalid="ignore"):
        inside = (
            (boxes[:, 0] >= -180)
            & (boxes[:, 2] <= 180)
            & (np.abs(boxes[:, 1::2]) <= 90).all(axis=1)
        )
    rings = shapely.get_type_id(shapes) == 2
    return np.asarray(inside & ~shapely.has_z(shapes) & ~rings & shapely.is_valid(shapes), bool)


def _short(shapes: NDArray[Any]) -> Mask:
    """Shapes whose edges are too short to be told from straight ones."""
    points, owner = shapely.get_coordinates(shapes, return_index=True)
    long = np.zeros(len(shapes), bool)
    if len(points) > 1:
        step = np.abs(np.diff(points, axis=0)).max(axis=1)
        long[owner[1:][(owner[1:] == owner[:-1]) & ~(step <= _SHORT)]] = True
    long[owner[~(np.abs(points[:, 1]) <= _POLAR)]] = True
    return ~long


# -- candidates ------------------------------------------------------------------------------------


class Boxes:
    """An index of boxes on the circle of longitudes."""

    def __init__(self, many: Many) -> None:
        known = np.flatnonzero(~np.isnan(many.boxes).any(axis=1) & ~many.loose)
        held = many.boxes[known]
        self._held = held
        self._places, self._loose, self._count = known, np.flatnonzero(many.loose), len(many)
        self._tree = shapely.STRtree(shapely.box(*held.T))
        self._west = float(held[:, 0].min()) if len(held) else 0.0
        self._east = float(held[:, 2].max()) if len(held) else 0.0

    def around(self, metres: float) -> tuple[float, float, float, float] | None:
        """The box of all places within a distance of the boxes; None if that is not known to be bounded."""
        if len(self._loose) or not len(self._places):
            return None
        held = grown(self._held, metres)
        west, south = held[:, :2].min(axis=0).tolist()
        east, north = held[:, 2:].max(axis=0).tolist()
        known = bool(np.isfinite((west, south, east, north)).all())
        return (west, south, east, north) if known else None

    def meeting(self, boxes: NDArray[np.float64]) -> tuple[Places, Places]:
        """Pairs ``(box, place)`` that touch, in order; unbounded ones touch all."""
        found = [self._turned(boxes, turn) for turn in self._turns(boxes)]
        every = np.arange(len(boxes))
        found.append((np.repeat(every, len(self._loose)), np.tile(self._loose, len(boxes))))
        keys = np.concatenate([i * self._count + j for i, j in found])
        keys = np.unique(keys)
        return keys // max(self._count, 1), keys % max(self._count, 1)

    def _turns(self, boxes: NDArray[np.float64]) -> range:
        known = boxes[~np.isnan(boxes).any(axis=1)]
        if not len(known) or not len(self._places):
            return range(0)
        wide = known[:, 2] - known[:, 0] >= 360
        narrow = known[~wide]
        if not len(narrow):
            return range(1)
        first = int(np.ceil((self._west - narrow[:, 2].max()) / 360 - 1e-9))
        last = int(np.floor((self._east - narrow[:, 0].min()) / 360 + 1e-9))
        return range(min(first, 0), max(last, 0) + 1)

    def _turned(self, boxes: NDArray[np.float64], turn: int) -> tuple[Places, Places]:
        moved = boxes + np.array([360.0 * turn, 0, 360.0 * turn, 0])
        with np.errstate(invalid="ignore"):
            wide = boxes[:, 2] - boxes[:, 0] >= 360
            meets = (moved[:, 0] <= self._east) & (moved[:, 2] >= self._west) & ~wide
        if turn == 0:
            moved[wide, 0], moved[wide, 2] = self._west, self._east
            meets |= wide
        chosen = np.flatnonzero(meets)
        i, j = self._tree.query(shapely.box(*moved[chosen].T))
        return chosen[i], self._places[j]


def grown(boxes: NDArray[np.float64], metres: float) -> NDArray[np.float64]:
    """Boxes that hold all places within a distance of boxes, and what edges may stray."""
    angle = metres / _LEAST_RADIUS
    out: NDArray[np.float64] = np.array(boxes, float)
    latitude = np.radians(np.minimum(np.abs(out[:, 1::2]).max(axis=1), 90.0))
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.sin(min(angle, np.pi / 2)) / np.cos(latitude)
        wide = np.degrees(np.arcsin(np.minimum(share, 1.0))) * (1 + 1e-9) + DOUBT
        around = (latitude + angle >= np.radians(90 - 2 * DOUBT)) | (share >= 1)
    out[:, 0], out[:, 2] = out[:, 0] - wide, out[:, 2] + wide
    high = np.degrees(angle) * (1 + 1e-9) + DOUBT
    out[:, 1], out[:, 3] = out[:, 1] - high, out[:, 3] + high
    out[around, 0], out[around, 2] = -540.0, 540.0
    return out


# -- relations -------------------------------------------------------------------------------------


def _turns(left: Many, right: Many, i: Places, j: Places) -> tuple[Any, Any]:
    """First and last number of turns by which the right boxes can be moved so that the pairs touch."""
    a, b = left.boxes[i], right.boxes[j]
    first = np.ceil((a[:, 0] - b[:, 2]) / 360 - 1e-9)
    last = np.floor((a[:, 2] - b[:, 0]) / 360 + 1e-9)
    apart = ~((a[:, 1] <= b[:, 3] + DOUBT) & (b[:, 1] <= a[:, 3] + DOUBT))
    last[apart] = -np.inf
    return first, last


def _share_a_pole(left: Many, right: Many, i: Places, j: Places) -> Mask:
    """Pairs of which both reach a pole, where a longitude tells nothing, and not both are of degrees alone."""
    a, b = left.boxes[i], right.boxes[j]
    with np.errstate(invalid="ignore"):
        north = np.minimum(a[:, 3], b[:, 3]) >= 90 - DOUBT
        south = np.maximum(a[:, 1], b[:, 1]) <= DOUBT - 90
    return np.asarray((north | south) & ~(left.planar[i] & right.planar[j]), bool)


def _by_turns(first: Any, last: Any) -> Iterator[tuple[int, Places]]:
    single = first == last
    for turn in np.unique(first[single]).tolist():
        yield int(turn), np.flatnonzero(single & (first == turn))


def _moved(shapes: NDArray[Any], turn: int) -> NDArray[Any]:
    if turn == 0:
        return shapes
    return np.array([shifted(shape, turn) for shape in shapes], object)


Pairwise = Callable[[Geometry, Geometry], bool]


def _one_by_one(
    test: Pairwise, left: Many, right: Many, i: Places, j: Places, found: Mask, where: Mask
) -> Mask:
    for k in np.flatnonzero(where).tolist():
        found[k] = test(left.geometry(int(i[k])), right.geometry(int(j[k])))
    return found


def intersects(left: Many, right: Many, i: Places, j: Places) -> Mask:
    """Which pairs have a point in common; none where a geometry is missing."""
    found = np.zeros(len(i), bool)
    known = left.present[i] & right.present[j]
    single = known & (left.loose[i] | right.loose[j])
    single |= known & _share_a_pole(left, right, i, j)
    first, last = _turns(left, right, i, j)
    first[single | ~known] = np.nan
    single |= first < last
    for turn, chosen in _by_turns(first, last):
        p, q = i[chosen], j[chosen]
        a, b = left.shapes[p], _moved(right.shapes[q], turn)
        if left.points[p].all():
            a, b = b, a
        met = np.asarray(asked(shapely.intersects, a, b), bool)
        doubt = ~met & ~(left.planar[p] & right.planar[q])
        doubt[doubt] = asked(shapely.dwithin, a[doubt], b[doubt], DOUBT)
        found[chosen] = _one_by_one(predicates.intersects, left, right, p, q, met, doubt)
    return _one_by_one(predicates.intersects, left, right, i, j, found, single)


def disjoint(left: Many, right: Many, i: Places, j: Places) -> Mask:
    """Which pairs have no point in common; none where a geometry is missing."""
    return left.present[i] & right.present[j] & ~intersects(left, right, i, j)


def contains(left: Many, right: Many, i: Places, j: Places) -> Mask:
    """Which pairs have every point of the second in the first; never where one is missing or empty."""
    found = np.zeros(len(i), bool)
    known = left.present[i] & right.present[j]
    single = known & (left.loose[i] | right.loose[j])
    single |= known & _share_a_pole(left, right, i, j)
    first, last = _turns(left, right, i, j)
    first[single | ~known] = np.nan
    wide = left.boxes[:, 2] - left.boxes[:, 0] >= 360 - 1e-9
    around_all = known & ~single & wide[i]
    for place in np.unique(i[around_all]).tolist():
        these = np.flatnonzero(around_all & (i == place))
        found[these] = asked(shapely.covers, left.wide(place), right.shapes[j[these]])
    first[around_all] = np.nan
    single |= (around_all & ~found) | (first < last)
    for turn, chosen in _by_turns(first, last):
        p, q = i[chosen], j[chosen]
        a, b = left.shapes[p], _moved(right.shapes[q], turn)
        held = np.asarray(asked(shapely.covers, a, b), bool)
        doubt = ~held & ~(left.planar[p] & right.planar[q]) & _nearly_inside(left, p, b)
        found[chosen] = _one_by_one(predicates.contains, left, right, p, q, held, doubt)
    return _one_by_one(predicates.contains, left, right, i, j, found, single)


def _nearly_inside(left: Many, i: Places, shapes: NDArray[Any]) -> Mask:
    """Which shapes lie in the first ones with their margin of doubt."""
    a, b = left.boxes[i], shapely.bounds(shapes)
    found = (b[:, :2] >= a[:, :2] - 2 * DOUBT).all(axis=1) & (b[:, 2:] <= a[:, 2:] + 2 * DOUBT).all(
        axis=1
    )
    for place in np.unique(i[found]).tolist():
        these = np.flatnonzero(found & (i == place))
        margin = predicates.margin(left.geometry(place))
        found[these] = asked(shapely.covers, margin, shapes[these])
    return np.asarray(found, bool)


def is_contained(left: Many, right: Many, i: Places, j: Places) -> Mask:
    """Which pairs have every point of the first in the second."""
    return contains(right, left, j, i)


RELATIONS: dict[str, Callable[[Many, Many, Places, Places], Mask]] = {
    "intersects": intersects, "disjoint": disjoint, "contains": contains, "isContained": is_contained,
}  # fmt: skip


# -- distances -------------------------------------------------------------------------------------


def distances(left: Many, right: Many, i: Places, j: Places) -> NDArray[np.float64]:
    """Geodesic metres between pairs that are all there; 0 where they meet, infinite if one is empty."""
    found = np.empty(len(i))
    points = left.points[i] & right.points[j]
    found[points] = _between_points(left, right, i[points], j[points])
    for k in np.flatnonzero(~points).tolist():
        found[k] = nearest.distance(left.geometry(int(i[k])), right.geometry(int(j[k])))
    return found


def _between_points(left: Many, right: Many, i: Places, j: Places) -> NDArray[np.float64]:
    a, b = left.shapes[i], right.shapes[j]
    line = GEOD.inv(shapely.get_x(a), shapely.get_y(a), shapely.get_x(b), shapely.get_y(b))
    metres: NDArray[np.float64] = np.abs(np.asarray(line[2], float))
    return metres


def within(left: Many, right: Many, i: Places, j: Places, metres: float) -> Mask:
    """Which pairs are at most so many metres apart; none where a geometry is missing."""
    found: Mask = left.present[i] & right.present[j]
    points = left.points[i] & right.points[j]
    found[points] = _between_points(left, right, i[points], j[points]) <= metres
    rest = np.flatnonzero(found & ~points)
    if len(rest):
        near, open_ = _in_planes(left, right, i[rest], j[rest], metres)
        found[rest] = near
        asked_for = rest[open_]
        found[asked_for] = distances(left, right, i[asked_for], j[asked_for]) <= metres
    return found


def _in_planes(left: Many, right: Many, i: Places, j: Places, metres: float) -> tuple[Mask, Mask]:
    """Which pairs are near, and for which that is left open, each in a plane of its own.

    Only shapes are told whose edges are short and that lie together within half a degree: there the plane
    whose scales are those of the spheroid at the first one is true to the change of the scales.
    """
    near, open_ = np.zeros(len(i), bool), np.ones(len(i), bool)
    a, b = left.boxes[i], right.boxes[j]
    span = np.maximum(a[:, 2:], b[:, 2:]) - np.minimum(a[:, :2], b[:, :2])
    tells = (span < _NARROW).all(axis=1) & left.short[i] & right.short[j]
    small = np.flatnonzero(tells & ~(left.loose[i] | right.loose[j]))
    if not len(small):
        return near, open_
    a, p, q = a[small], left.shapes[i[small]], right.shapes[j[small]]
    middle = (a[:, :2] + a[:, 2:]) / 2
    scales = _scales(middle[:, 1])
    apart = shapely.distance(_flat(p, middle, scales), _flat(q, middle, scales))
    steep = 1 + np.tan(np.radians(np.minimum(np.abs(middle[:, 1]) + 0.5, 89.0)))
    doubt = 0.5 + apart * np.radians(span[small].max(axis=1)) * steep
    near[small] = apart + doubt <= metres
    open_[small] = np.abs(apart - metres) < doubt
    return near, open_


def _scales(latitude: NDArray[np.float64]) -> NDArray[np.float64]:
    """Metres of a degree along the parallel and along the meridian, ``(n, 2)``."""
    sine, square = np.sin(np.radians(latitude)), GEOD.es
    bent = 1 - square * sine**2
    across = GEOD.a / np.sqrt(bent) * np.cos(np.radians(latitude))
    along = GEOD.a * (1 - square) / bent**1.5
    return np.radians(np.column_stack([across, along]))


def _flat(shapes: NDArray[Any], middle: Any, scales: Any) -> NDArray[Any]:
    """Each shape in metres around a place of its own."""
    points, owner = shapely.get_coordinates(shapes, return_index=True)
    moved = (points - middle[owner]) * scales[owner]
    return np.asarray(shapely.set_coordinates(shapes.copy(), moved), object)


# -- one against many ------------------------------------------------------------------------------

Test = Callable[[NDArray[Any], bool], NDArray[Any]]


def tester(kind: str, fixed: Geometry, fixed_is_left: bool) -> Test:
    """The test of a relation between one geometry and the shapes of a run of rows."""
    relation, one = RELATIONS[kind], Many.of([fixed])

    def test(shapes: NDArray[Any], geodesic: bool) -> NDArray[Any]:
        others = Many.of_shapes(shapes, geodesic)
        nought, all_of = np.zeros(len(others), np.intp), np.arange(len(others))
        if fixed_is_left:
            return relation(one, others, nought, all_of)
        return relation(others, one, all_of, nought)

    return test


def near(fixed: Geometry, metres: float) -> Test:
    """The test whether shapes of a run of rows are within a distance of one geometry."""
    one = Many.of([fixed])

    def test(shapes: NDArray[Any], geodesic: bool) -> NDArray[Any]:
        others = Many.of_shapes(shapes, geodesic)
        return within(one, others, np.zeros(len(others), np.intp), np.arange(len(others)), metres)

    return test


def reach(fixed: Geometry, metres: float) -> tuple[float, float, float, float] | None:
    """The box of all places within a distance of a geometry; None if that is everywhere."""
    if fixed.unbounded or fixed.shape.is_empty:
        return None
    west, south, east, north = grown(Many.of([fixed]).boxes, metres)[0].tolist()
    return (west, south, east, north) if np.isfinite((west, south, east, north)).all() else None
