"""Geometries anywhere on the globe for property tests: polar and antimeridian ones on purpose."""

from __future__ import annotations

import numpy as np
import shapely
from hypothesis import strategies as st

from ecumene.core.geometry import Geometry
from ecumene.vector.edges import GEOD

PLACES = [
    (0.0, 0.0), (10.0, 51.0), (179.99, -17.0), (-180.0, 65.0), (25.0, 84.0), (120.0, -88.5), (0.0, 89.999), (77.0, -90.0),
]  # fmt: skip


def star(lon: float, lat: float, radii: list[float], turn: float = 0.0) -> Geometry:
    """A polygon of geodesic edges whose vertices lie at distances in metres around a place, counterclockwise."""
    count = len(radii)
    azimuths = turn - 360 * np.arange(count) / count
    x, y, _ = GEOD.fwd(np.full(count, lon), np.full(count, lat), azimuths, np.array(radii))
    return Geometry(shapely.Polygon(np.column_stack([x, y])))


def moved(lon: float, lat: float, azimuth: float, metres: float) -> tuple[float, float]:
    """The place at an azimuth and distance."""
    x, y, _ = GEOD.fwd(lon, lat, azimuth, metres)
    return float(x), float(y)


places = st.one_of(
    st.sampled_from(PLACES),
    st.tuples(st.floats(-180, 180), st.floats(-89.9, 89.9)),
)
stars = st.builds(
    lambda place, radii, turn: star(*place, radii, turn),
    places,
    st.lists(st.floats(2e3, 2e5), min_size=3, max_size=9),
    st.floats(0, 360),
)
