"""What Earth Engine calls things, one module per type or theme.

Importing a module of this package declares its algorithms; ``load`` imports them all.
"""

from __future__ import annotations

import importlib

from ecumene.core.registry import REGISTRY, Registry

MODULES = (
    "arrays",
    "classifiers",
    "collection.aggregates",
    "collection.basic",
    "collection.random",
    "confusion",
    "constructors",
    "dates",
    "dictionaries",
    "elements",
    "families",
    "filter_text",
    "filters",
    "geometries",
    "image.arrays",
    "image.bands",
    "image.collections",
    "image.colours",
    "image.connected",
    "image.decompositions",
    "image.drawing",
    "image.expressions",
    "image.grids",
    "image.linking",
    "image.masks",
    "image.metadata",
    "image.moves",
    "image.neighbors",
    "image.reduce",
    "image.spectral",
    "image.visualize",
    "image.windows",
    "joins",
    "kernels",
    "landsat",
    "lists",
    "numbers",
    "projections",
    "reducers.constructors",
    "reducers.wrappers",
    "regions.get_region",
    "regions.reduce",
    "regions.sample",
    "strings",
    "terrain",
    "values",
)


def load() -> Registry:
    """The complete registry: every implemented algorithm, and the planned ones of the table."""
    for name in MODULES:
        importlib.import_module(f"{__name__}.{name}")
    from ecumene.algorithms import planned

    for entry in planned.entries(REGISTRY.entries):
        REGISTRY.add(entry)
    return REGISTRY
