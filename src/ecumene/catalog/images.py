"""From records to images: descriptions only, no file is opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import shapely
from shapely.geometry import shape

from ecumene.catalog.ids import leaf_of
from ecumene.catalog.records import AssetRecord, decode_band
from ecumene.core import crs as crs_
from ecumene.core.element import INDEX
from ecumene.core.geometry import UNBOUNDED, Geometry
from ecumene.core.image import Band, Image, Node
from ecumene.core.pixel_type import PixelType
from ecumene.core.raster import RasterBand

NodeFactory = Callable[[RasterBand], Node]
"""Makes the plan node that reads a stored band (this room lies below the plan's)."""


@dataclass(frozen=True, slots=True)
class StoredBand(Node):
    """Stands for a stored band where nobody will ask for its pixels (listings, ingestion)."""

    band: RasterBand

    @property
    def type(self) -> PixelType:  # type: ignore[override]
        """Type of the served values."""
        return self.band.type


def is_planar(crs: str) -> bool:
    """Whether footprints of images on grids of this CRS have straight edges in degrees."""
    return crs_.is_geographic(crs)


def footprint_of(record: AssetRecord) -> Geometry:
    """The footprint in longitudes and latitudes; unbounded if none is known.

    Edges are geodesics, except those of images on a longitude-latitude grid.
    """
    if record.footprint is None:
        return UNBOUNDED
    planar = bool(record.bands) and is_planar(record.bands[0]["crs"])
    return Geometry(shape(record.footprint), geodesic=not planar)


def properties_of(record: AssetRecord, footprint: Geometry, *, member: bool) -> dict[str, Any]:
    """The image's properties, ``system:`` ones included; members of collections have an index."""
    found: dict[str, Any] = dict(record.properties)
    if member:
        found[INDEX] = leaf_of(record.id)
    if record.start is not None:
        found["system:time_start"] = record.start
    if record.end is not None:
        found["system:time_end"] = record.end
    if record.size is not None:
        found["system:asset_size"] = record.size
    if not footprint.unbounded:
        found["system:footprint"] = _outline(footprint)
    return found


def _outline(footprint: Geometry) -> Geometry:
    """A simple polygon's ring, as footprints of scenes are given; other shapes as they are."""
    form = footprint.shape
    if isinstance(form, shapely.Polygon) and not form.interiors:
        return footprint.with_shape(shapely.LinearRing(form.exterior))
    return footprint


def image_of(record: AssetRecord, node: NodeFactory, *, member: bool) -> Image:
    """The image that a record describes."""
    bands = []
    for stored in record.bands:
        name, band = decode_band(stored, record.id)
        bands.append(Band(name, node(band), band.grid, (band.width, band.height)))
    footprint = footprint_of(record)
    return Image(
        properties_of(record, footprint, member=member),
        record.id,
        record.updated,
        tuple(bands),
        footprint,
    )


def collection_properties(record: AssetRecord) -> Mapping[str, Any]:
    """The properties of a collection or table."""
    found = dict(record.properties)
    if record.title:
        found.setdefault("title", record.title)
    return found
