"""Classifiers of trees as files: arrays of NumPy (``.npz``) beside a header in JSON. Nothing is pickled.

What is read is checked before it is used: kernels follow its numbers without looking.
"""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene.core.errors import EvaluationError, Unavailable
from ecumene.learning.classifier import Classifier
from ecumene.learning.forest import (
    CHILD,
    CHILDREN,
    COLUMN,
    LEAF,
    LIMIT,
    TreeClassifier,
    TreeRegressor,
    Trees,
)
from ecumene.learning.grow import Grown
from ecumene.learning.treetext import TextTrees

VERSION = 1
KINDS = ("smileRandomForest", "smileCart", "decisionTree", "decisionTreeEnsemble")
"""Classifiers that can be stored, as documented."""

_ARRAYS = {
    "words": "uint64", "roots": "int64", "votes": "int32", "table": "float64", "start": "float64",
    "counts": "int64", "losses": "float64", "means": "float64",
}  # fmt: skip


def dumped(classifier: Classifier, grown: Grown) -> bytes:
    """A trained classifier as bytes. Raises EvaluationError for kinds that cannot be stored."""
    model = grown.model
    if classifier.name not in KINDS or not isinstance(
        model, TreeClassifier | TreeRegressor | TextTrees
    ):
        raise EvaluationError(
            f"Only classifiers of the kinds {', '.join(KINDS)} can be exported, not {classifier.name}."
        )
    trees = model.trees
    header = {
        "version": VERSION, "kind": classifier.name, "mode": classifier.mode, "schema": list(classifier.schema),
        "model": type(model).__name__, "settings": dict(classifier.settings), "error": grown.error,
        "cuts": None if trees.cuts is None else len(trees.cuts),
    }  # fmt: skip
    parts: dict[str, NDArray[Any]] = {name: getattr(trees, name) for name in _ARRAYS}
    parts |= {f"cuts_{k}": cut for k, cut in enumerate(trees.cuts or ())}
    parts["importance"] = grown.importance
    parts["classes"] = getattr(model, "classes", np.zeros(0))
    parts["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    out = io.BytesIO()
    np.savez_compressed(out, allow_pickle=False, **parts)
    return out.getvalue()


def loaded(data: bytes) -> Classifier:
    """A classifier of ``dumped`` bytes. Raises Unavailable where they are damaged."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as parts:
            return _read(parts)
    except (
        ValueError,
        KeyError,
        TypeError,
        IndexError,
        OSError,
        EOFError,
        zipfile.BadZipFile,
    ) as error:
        raise Unavailable("The stored classifier is damaged.") from error


def _read(parts: Any) -> Classifier:
    header = json.loads(bytes(parts["header"]))
    if header["version"] != VERSION or header["kind"] not in KINDS:
        raise ValueError("another format")
    cuts = header["cuts"]
    arrays = {name: np.ascontiguousarray(parts[name], kind) for name, kind in _ARRAYS.items()}
    limits = (
        None if cuts is None else tuple(np.asarray(parts[f"cuts_{k}"], float) for k in range(cuts))
    )
    trees = Trees(cuts=limits, **arrays)
    schema = tuple(map(str, header["schema"]))
    _check(trees, len(schema))
    classes = parts["classes"]
    model: Any
    match header["model"]:
        case "TreeClassifier":
            if classes.size != trees.start.size:
                raise ValueError("another number of classes")
            model = TreeClassifier(trees, classes.astype(np.int64))
        case "TreeRegressor":
            model = TreeRegressor(trees)
        case _:
            model = TextTrees(trees, classes.astype(float))
    settings = header["settings"]
    if "trees" in settings:
        settings["trees"] = tuple(settings["trees"])
    importance = parts["importance"].astype(float)
    if importance.size not in (0, len(schema)):
        raise ValueError("another number of inputs")
    grown = Grown(model, importance, header["error"])
    return Classifier(header["kind"], settings, header["mode"], schema, stored=grown)


def _check(trees: Trees, inputs: int) -> None:
    """Every node leads further, inside its own tree, to a leaf that says something, by columns that there are."""
    words, roots, nodes = trees.words, trees.roots, trees.words.size
    good = roots.ndim == 1 and roots.size > 1 and roots[0] == 0 and roots[-1] == nodes
    good = bool(
        good and (np.diff(roots) > 0).all() and trees.votes.shape == words.shape == (nodes,)
    )
    good = good and trees.table.ndim == 2 and trees.table.shape[1] == trees.start.size > 0
    if not good or (trees.cuts is not None and len(trees.cuts) != inputs):
        raise ValueError("shapes that do not fit")
    size = np.repeat(np.diff(roots), np.diff(roots))
    place = np.arange(nodes) - np.repeat(roots[:-1], np.diff(roots))
    child = ((words >> CHILD) & CHILDREN).astype(np.int64)
    leaf = (words >> LIMIT) == LEAF
    inside = np.where(leaf, child == place, (child > place) & (child + 1 < size))
    votes = np.where(trees.votes >= 0, trees.votes < trees.start.size, -trees.votes.astype(np.int64) <= len(trees.table))  # fmt: skip
    columns = (words & COLUMN).astype(np.int64) < max(inputs, 1)
    told = all(part.size in (0, nodes) for part in (trees.counts, trees.losses, trees.means))
    if not (inside.all() and votes.all() and columns.all() and told):
        raise ValueError("nodes that lead nowhere")
