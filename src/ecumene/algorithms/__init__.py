"""What Earth Engine calls things, one module per type or theme.

Importing a module of this package declares its algorithms; ``load`` imports them all.
"""

from __future__ import annotations

import importlib

from ecumene.core.registry import REGISTRY, Registry

MODULES = (
    "families",
    "image.bands",
    "image.collections",
    "image.grids",
    "image.masks",
    "image.metadata",
    "image.visualize",
    "projections",
    "constructors",
    "dates",
    "collection.aggregates",
    "filters",
    "collection.basic",
    "elements",
    "reducers.constructors",
    "reducers.wrappers",
    "arrays",
    "confusion",
    "dictionaries",
    "geometries",
    "kernels",
    "values",
    "lists",
    "numbers",
    "strings",
    "regions.reduce",
    "regions.sample",
    "regions.get_region",
)


def load() -> Registry:
    """The complete registry: every implemented algorithm, and the planned ones of the table."""
    for name in MODULES:
        importlib.import_module(f"{__name__}.{name}")
    from ecumene.algorithms import planned

    for entry in planned.entries():
        REGISTRY.add(entry)
    return REGISTRY
