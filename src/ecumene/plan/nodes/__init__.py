"""The plan nodes: what the machine does with pixels."""

from ecumene.plan.nodes.arrays import ArrayOp, Pick, Predict, Stack
from ecumene.plan.nodes.basic import (
    Blend,
    Cast,
    Constant,
    Elementwise,
    Inside,
    Masked,
    MaskOf,
    Remap,
    ReplaceMask,
    Unmask,
    UpdateMask,
    Where,
)
from ecumene.plan.nodes.folds import Fold, Mosaic, QualityMosaic
from ecumene.plan.nodes.grids import ReduceResolution, Reproject, Resample
from ecumene.plan.nodes.neighborhood import Neighborhood
from ecumene.plan.nodes.shapes import Clip, Paint
from ecumene.plan.nodes.sources import Coordinates, Source

__all__ = [
    "ArrayOp", "Blend", "Cast", "Clip", "Constant", "Coordinates", "Elementwise", "Fold", "Inside",
    "MaskOf", "Masked", "Mosaic", "Neighborhood", "Paint", "Pick", "Predict", "QualityMosaic",
    "ReduceResolution", "Remap", "ReplaceMask", "Reproject", "Resample", "Source", "Stack", "Unmask",
    "UpdateMask", "Where",
]  # fmt: skip
