"""Sentinel-2: the cloud displacement index."""

from __future__ import annotations

from dataclasses import replace

from ecumene.algorithms.image import lift
from ecumene.algorithms.image.bands import chosen
from ecumene.algorithms.image.grids import reduce_resolution
from ecumene.algorithms.image.masks import normalized_difference
from ecumene.algorithms.image.neighbors import reduce_neighborhood
from ecumene.algorithms.image.windows import derived
from ecumene.algorithms.reducers.constructors import get
from ecumene.core.image import Image
from ecumene.core.pixel_type import PixelType
from ecumene.core.registry import REGISTRY, algorithm
from ecumene.plan.nodes import Cast, Reproject

NAME = "Sentinel2.CDI"
_RATIO = PixelType("float", -1.0, 1.0)


@algorithm(NAME)
def cdi(source: Image) -> Image:
    """The cloud displacement index of a Sentinel-2 level 1C image, as a band ``cdi``.

    Bands 7, 8 and 8A see the same place from slightly different directions, 8A and 8 the furthest apart: ratios to 8A vary
    more with 8 than with 7 where things are high. CDI = (V7 - V8) / (V7 + V8), with V the variances of B7/B8A and B8/B8A over
    7 x 7 pixels of B8A; B8 is averaged to these. Clouds are below about -0.5 (Frantz et al. 2018).

    Parameters
    ----------
    source : with bands B7, B8 and B8A.
    """
    seven, eight, narrow = (chosen(source, [name], NAME)[0] for name in ("B7", "B8", "B8A"))
    averaged = reduce_resolution(source.with_bands([eight]), get("mean")).bands[0]
    pair = source.with_bands([seven, averaged])
    ratios = lift.binary("divide", pair, source.with_bands([narrow]))
    square = REGISTRY.entries["Kernel.square"].function
    assert square is not None
    spread = reduce_neighborhood(ratios, get("variance"), square(radius=3.0))
    found = normalized_difference(spread).bands[0]
    node = Reproject(Cast(found.node, _RATIO), narrow.projection, _RATIO)
    return derived(source, [replace(narrow, name="cdi", node=node)])
