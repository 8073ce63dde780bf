"""Clusterers: constructors, training, and the clusters of pixels and features.

The algorithms are Weka's, named after it; numbers of clusters are arbitrary and decided by the seed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ecumene.algorithms import planned
from ecumene.algorithms.training import bands_of, input_names, labelled, rows_of
from ecumene.core.collection import Collection
from ecumene.core.context import Context
from ecumene.core.errors import EvaluationError
from ecumene.core.image import Band, Image
from ecumene.core.pixel_type import INT32
from ecumene.core.registry import REGISTRY, algorithm
from ecumene.core.wire import Float, Integer
from ecumene.learning.clusters import TRAINERS, Clusterer, trained
from ecumene.plan.nodes import Predict

WORDS = {
    "acuity": "the least standard deviation of a concept.",
    "canopies": "saves distances while training; clusters are the same.",
    "cutoff": "the least category utility of a concept.",
    "cutoffFactor": "share of the clusters that are split though none gains by it.",
    "distanceFunction": "`Euclidean`, `Manhattan` (centres are medians), X-means also `Chebyshev`; inputs are scaled to their range.",
    "epochs": "how often all samples are shown.",
    "fast": "saves distances while training; clusters are the same.",
    "init": "the first centres: 0 random, 1 k-means++, 2 canopies, 3 farthest first (cascade: k-means++ or random).",
    "learningRate": "share of the way to a sample that the nearest centre moves at first; falls to zero.",
    "manual": "not on a server.",
    "maxCandidates": "most canopies at a time.",
    "maxClusters": "most clusters.",
    "maxForChildren": "most rounds of k-means for the two halves of a cluster.",
    "maxIterations": "most rounds; 500 of k-means by default.",
    "maxKMeans": "most rounds of k-means over all samples.",
    "minClusters": "least clusters.",
    "minDensity": "canopies of fewer samples are pruned.",
    "nClusters": "number of clusters; fewer where fewer samples differ.",
    "normalizeInput": "true: inputs are taken as they are, not scaled to their range.",
    "numClusters": "number of clusters.",
    "periodicPruning": "samples between prunings of canopies.",
    "preserveOrder": "nothing depends on it here: samples are never moved.",
    "restarts": "random starts for each number of clusters.",
    "seed": "decides every random choice.",
    "t1": "outer radius of canopies; negative: times the inner one.",
    "t2": "inner radius of canopies; negative: by the standard deviations of the inputs.",
    "useKD": "saves distances while training; clusters are the same.",
}


def _maker(name: str) -> Callable[..., Clusterer]:
    return lambda **settings: Clusterer(name, settings)


def _declare() -> None:
    for entry in planned.entries():
        name = entry.name.removeprefix("Clusterer.")
        if name in TRAINERS:
            arguments = tuple(replace(a, description=WORDS[a.name]) for a in entry.arguments)
            REGISTRY.add(replace(entry, arguments=arguments, function=_maker(name)))


_declare()


@algorithm("Clusterer.train")
def train(
    clusterer: Clusterer, features: Collection, input_properties: list[str] | None = None,
    subsampling: Float = 1, subsampling_seed: Integer = 0, *, context: Context,
) -> Clusterer:  # fmt: skip
    """The clusterer trained on numeric properties of features; those that lack one are left out.

    Parameters
    ----------
    clusterer : what to train.
    features : the samples.
    input_properties : what to cluster by; by default the collection's ``band_order``.
    subsampling : share of the samples to use, in (0, 1].
    subsampling_seed : chooses them.
    """
    names = input_names("Clusterer.train", features, input_properties, None)
    rows = rows_of("Clusterer.train", features, names, subsampling, subsampling_seed, context)
    return trained(clusterer, rows, tuple(names), context.account, context.cancel.check)


@algorithm("Clusterer.schema")
def schema(clusterer: Clusterer) -> list[str] | None:
    """Names of the inputs, in order; null before training.

    Parameters
    ----------
    clusterer : a clusterer.
    """
    return list(clusterer.schema) if clusterer.model is not None else None


def _ready(name: str, clusterer: Clusterer) -> None:
    if clusterer.model is None:
        raise EvaluationError(f"{name}: The clusterer is not trained.")


@algorithm("Image.cluster")
def cluster(image: Image, clusterer: Clusterer, output_name: str = "cluster") -> Image:
    """The number of the cluster of every pixel that is valid in all inputs, from 0 (``int32``).

    Parameters
    ----------
    image : bands named like the inputs of the clusterer.
    clusterer : a trained clusterer.
    output_name : name of the band.
    """
    _ready("Image.cluster", clusterer)
    used = bands_of("Image.cluster", image, clusterer.schema)
    node = Predict(clusterer, tuple(band.node for band in used), INT32)
    first = used[0]
    return image.with_bands(
        [Band(output_name, node, first.projection, first.dimensions, first.origin)]
    )


@algorithm("FeatureCollection.cluster")
def cluster_features(
    features: Collection, clusterer: Clusterer, output_name: str = "cluster"
) -> Collection:
    """Features with the number of their cluster as a property.

    Parameters
    ----------
    features : properties named like the inputs of the clusterer.
    clusterer : a trained clusterer.
    output_name : name of the property.
    """
    _ready("FeatureCollection.cluster", clusterer)
    return labelled(features, clusterer, output_name)
