"""The grid, the region and the window that a region algorithm works on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray

from ecumene.core.context import Context
from ecumene.core.errors import EvaluationError
from ecumene.core.geometry import Geometry
from ecumene.core.image import Image
from ecumene.core.projection import Grid, Projection, Window, affine, compose, invert
from ecumene.raster.coverage import Zones, bounds_window, zone
from ecumene.vector.transform import shapes_in, to_crs

ADVICE = (
    "\nEnsure that you are not aggregating at a higher resolution than you intended; that is the most "
    "frequent cause of this error. If not, then you may set the 'maxPixels' argument to a limit suitable "
    "for your computation; set 'bestEffort' to true to aggregate at whatever scale results in 'maxPixels' "
    "total pixels; or both."
)


@dataclass(frozen=True, slots=True)
class Target:
    """A region in the CRS of a grid, with straight edges there, and the window that holds it."""

    grid: Grid
    region: Geometry
    window: Window

    @property
    def zone(self) -> Zones:
        """The region prepared on the grid."""
        return zone(self.region, self.grid)

    @property
    def pixels(self) -> int:
        """The count that limits are compared with: the box of the region in pixels, truncated."""
        if self.region.shape.is_empty:
            return 0
        west, south, east, north = self.region.shape.bounds
        a, b, _, d, e, _ = invert(self.grid.transform)
        width = abs(a * (east - west)) + abs(b * (north - south))
        height = abs(d * (east - west)) + abs(e * (north - south))
        return int(math.floor(width * height))

    @property
    def covered(self) -> float:
        """About how many pixels are inside."""
        a, b, _, d, e, _ = self.grid.transform
        area = float(self.region.shape.area) / abs(a * e - b * d)
        return area if area > 0 else self.pixels


def aggregation_grid(
    name: str,
    image: Image,
    scale: float | None,
    crs: Projection | None,
    crs_transform: list[float] | None,
) -> Grid:
    """The grid of an aggregation: explicit transform, else scale, else the first band's own.

    A scale without a CRS resizes the pixels of the first band's projection about its own origin, so
    that the nominal scale gives exactly the stored pixels; with a CRS the origin is that of the CRS.
    """
    if not image.bands:
        raise EvaluationError(f"{name}: The image has no bands.")
    if scale is not None and crs_transform is not None:
        raise EvaluationError(f"{name}: Only one of 'scale' and 'crsTransform' may be given.")
    if scale is not None and not (math.isfinite(scale) and scale > 0):
        raise EvaluationError(f"{name}: The scale must be positive, got {scale}.")
    base = crs or image.bands[0].projection
    if crs_transform is not None:
        if len(crs_transform) != 6:
            raise EvaluationError(f"{name}: 'crsTransform' must have 6 elements.")
        return Projection(base.crs, affine(crs_transform))
    if scale is not None:
        if crs is not None or base.is_default:
            grid = base.at_scale(scale)
            return Projection(grid.crs, (*grid.transform[:4], -abs(grid.transform[4]), 0.0))
        ratio = scale / base.nominal_scale
        return (
            base
            if ratio == 1
            else Projection(base.crs, compose(base.transform, (ratio, 0, 0, 0, ratio, 0)))
        )
    if base.is_default:
        raise EvaluationError(
            "The default WGS84 projection is invalid for aggregations. Specify a scale or crs & crs_transform."
        )
    return base


def placed(name: str, regions: Sequence[Geometry], grid: Grid) -> NDArray[Any]:
    """Shapes of regions in the CRS of a grid with straight edges."""
    if any(region.unbounded for region in regions):
        raise EvaluationError(f"{name}: The geometry for image reduction must not be unbounded.")
    return shapes_in(regions, grid.crs)


def locate(name: str, image: Image, geometry: Geometry | None, grid: Grid) -> Target:
    """The region (by default the image's footprint) on the grid."""
    region = geometry if geometry is not None else image.footprint
    if region.unbounded:
        raise EvaluationError(f"{name}: The geometry for image reduction must not be unbounded.")
    region = to_crs(region, grid.crs)
    return Target(grid, region, bounds_window(region, grid))


def checked(
    name: str, target: Target, max_pixels: float, best_effort: bool, context: Context
) -> Target:
    """The target if it has at most ``max_pixels``; a coarser one if that is wanted, else an error."""
    found = target.pixels
    if found <= max_pixels:
        return target
    if not best_effort:
        raise EvaluationError(
            f"{name}: Too many pixels in the region. Found {found}, but maxPixels allows only "
            f"{int(max_pixels)}.{ADVICE}"
        )
    factor = math.sqrt(found / max(max_pixels, 1)) * (1 + 1e-9)
    grid = Projection(target.grid.crs, compose(target.grid.transform, (factor, 0, 0, 0, factor, 0)))
    context.cancel.check()
    return replace(target, grid=grid, window=bounds_window(target.region, grid))
