"""What Earth Engine calls things, one module per type or theme.

Importing a module of this package declares its algorithms; ``load`` imports them all.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import replace
from importlib import resources

from ecumene.core.registry import REGISTRY, Algorithm, Registry

MODULES = (
    "arrays",
    "blobs",
    "classifiers",
    "clusterers",
    "collection.aggregates",
    "collection.basic",
    "collection.random",
    "collection.trends",
    "confusion",
    "constructors",
    "date_ranges",
    "dates",
    "dictionaries",
    "elements",
    "families",
    "filter_logic",
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
    "image.loaders",
    "image.masks",
    "image.metadata",
    "image.moves",
    "image.neighbors",
    "image.reduce",
    "image.scattered",
    "image.registration",
    "image.segmentation",
    "image.shapes",
    "image.spectral",
    "image.styled",
    "image.surfaces",
    "image.visualize",
    "image.windows",
    "joins",
    "kernels",
    "landsat",
    "lists",
    "matrices",
    "numbers",
    "profiles",
    "projections",
    "reducers.constructors",
    "reducers.distributions",
    "reducers.models",
    "reducers.wrappers",
    "regions.get_region",
    "regions.rectangle",
    "regions.reduce",
    "regions.sample",
    "regions.stratified",
    "s2",
    "regions.vectors",
    "selectors",
    "sentinel2",
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
    words = vocabulary()
    for name, entry in REGISTRY.entries.items():
        if not all(argument.description for argument in entry.arguments):
            REGISTRY.entries[name] = worded(entry, words)
    return REGISTRY


def vocabulary() -> dict[str, str]:
    """What arguments mean wherever a declaration does not say more, by name."""
    text = resources.files(__name__).joinpath("vocabulary.txt").read_text("utf-8")
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    return {name: words for name, _, words in (line.partition(": ") for line in lines)}


def worded(entry: Algorithm, words: Mapping[str, str]) -> Algorithm:
    """The entry with the common words for arguments that have none of their own."""
    arguments = (
        a if a.description else replace(a, description=words.get(a.name, ""))
        for a in entry.arguments
    )
    return replace(entry, arguments=tuple(arguments))
