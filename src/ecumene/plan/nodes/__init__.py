"""The plan nodes: what the machine does with pixels."""

from ecumene.plan.nodes.arrays import ArrayOp, Gather, Pick, Predict, Stack
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
from ecumene.plan.nodes.celled import Celled, Lattice
from ecumene.plan.nodes.choice import Choice
from ecumene.plan.nodes.connected import ConnectedCount, ConnectedLabels, ConnectedReduce
from ecumene.plan.nodes.drawing import Mark, Overlaid, Painted, Styled
from ecumene.plan.nodes.folds import Fold, Mosaic, QualityMosaic
from ecumene.plan.nodes.fused import Fused, Output
from ecumene.plan.nodes.grids import Reproject, Resample
from ecumene.plan.nodes.moved import Displaced, Moved
from ecumene.plan.nodes.neighborhood import Neighborhood
from ecumene.plan.nodes.registered import Registered
from ecumene.plan.nodes.resolution import ReduceResolution
from ecumene.plan.nodes.scattered import Away, Estimated
from ecumene.plan.nodes.shapes import Clip, Paint
from ecumene.plan.nodes.sources import Coordinates, Source
from ecumene.plan.nodes.tabulated import Tabulated
from ecumene.plan.nodes.windowed import Windowed

__all__ = [
    "ArrayOp", "Away", "Blend", "Cast", "Celled", "Choice", "Clip", "ConnectedCount", "ConnectedLabels",
    "ConnectedReduce", "Constant", "Coordinates", "Displaced", "Elementwise", "Estimated", "Fold", "Fused", "Gather",
    "Inside", "Lattice", "Mark", "MaskOf", "Masked", "Mosaic", "Moved", "Neighborhood", "Overlaid", "Paint", "Painted", "Output", "Pick",
    "Predict", "QualityMosaic", "ReduceResolution", "Registered", "Remap", "ReplaceMask", "Reproject", "Resample",
    "Source", "Stack", "Styled", "Tabulated", "Unmask", "UpdateMask", "Where", "Windowed",
]  # fmt: skip
