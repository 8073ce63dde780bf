"""The base of plan nodes and the pixels that they produce."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from ecumene.core.errors import EvaluationError
from ecumene.core.image import Node
from ecumene.core.pixel_type import MOST_AXES, PixelType
from ecumene.core.projection import Grid, Window

if TYPE_CHECKING:
    from ecumene.core.context import Context

Mask = NDArray[np.bool_] | NDArray[np.float32] | None
"""None = everything valid; bool; float32 in [0, 1] only where a mask is partial."""


@dataclass(slots=True)
class Pixels:
    """Values ``(height, width)`` (array images: ``(height, width, *array axes)``) and their mask.

    The mask is always ``(height, width)``. Values under a zero mask are arbitrary. ``lengths``, of shape
    ``(height, width, number of axes)``, tells how much of each axis a pixel uses where arrays differ in shape
    (None = all of it); what lies beyond is padding.
    """

    values: NDArray[Any]
    mask: Mask = None
    lengths: NDArray[np.int32] | None = None

    def valid(self) -> NDArray[np.bool_]:
        """Where the mask is not zero."""
        if self.mask is None:
            return np.ones(self.values.shape[:2], bool)
        return np.asarray(self.mask > 0)

    def picked(self, inside: NDArray[np.bool_]) -> NDArray[Any]:
        """Values of some pixels ``(n, …)``; arrays of different shapes as ``(n,)`` objects."""
        values = self.values[inside]
        if self.lengths is None:
            return values
        out = np.empty(values.shape[0], object)
        for k, (value, used) in enumerate(zip(values, self.lengths[inside].tolist(), strict=True)):
            out[k] = value[tuple(slice(n) for n in used)]
        return out


def empty(window: Window, dtype: np.dtype[Any], axes: tuple[int, ...] = ()) -> Pixels:
    """Nothing valid in the whole window; costs no memory (see ``is_empty``)."""
    values = np.broadcast_to(np.zeros((), dtype), (*window.shape, *axes))
    return Pixels(values, np.broadcast_to(np.zeros((), bool), window.shape))


def is_empty(pixels: Pixels) -> bool:
    """Whether this came from ``empty``: a cheap sign that there is nothing to compute."""
    mask = pixels.mask
    return mask is not None and mask.size > 0 and not any(mask.strides) and not mask.flat[0]


def joined(*masks: Mask) -> Mask:
    """The smaller of masks at each pixel; None where everything is valid."""
    out: Mask = None
    for mask in masks:
        if mask is None:
            continue
        if out is None:
            out = mask
        elif out.dtype == bool and mask.dtype == bool:
            out = np.logical_and(out, mask)
        else:
            out = np.minimum(out.astype("float32"), mask.astype("float32"))
    return out


Need = tuple["PlanNode", Grid, Window]
"""What a node asks for while it is evaluated."""

Evaluation = Generator[Need, Pixels, Pixels]


class PlanNode(Node):
    """A frozen dataclass: plain data, equal by content.

    ``evaluate`` either returns Pixels at once or is a generator that yields ``Need`` tuples, is sent
    the Pixels of each, and returns its own. The executor runs these generators on an explicit stack:
    graphs of any depth evaluate without recursion, and a fold streams its inputs one by one.
    Sub-classes are declared ``@dataclass(frozen=True, eq=False)`` and have a field ``type``.
    """

    type: PixelType

    @property
    def takes_arrays(self) -> bool:
        """Whether the pixels of inputs may be arrays."""
        return True

    def check(self) -> None:
        """EvaluationError for inputs that the node cannot be computed from."""
        if self.type.dimensions > MOST_AXES:
            raise EvaluationError(f"Arrays have at most {MOST_AXES} dimensions.")
        if not self.takes_arrays and any(node.type.dimensions for node in self.inputs()):
            raise EvaluationError(
                "This operation is on numbers, not on arrays: use arrayGet, arrayFlatten or arrayProject first."
            )

    def evaluate(self, grid: Grid, window: Window, context: Context) -> Evaluation | Pixels:
        """Pixels of a window of a grid."""
        raise RuntimeError(f"{type(self).__name__} has no evaluation")

    def inputs(self) -> Iterator[PlanNode]:
        """Child nodes: every field that is a node or a (nested) tuple of nodes."""
        return iter(_nodes_of(self))

    @property
    def digest(self) -> bytes:
        """Content hash; computed once, without recursion."""
        known = self.__dict__.get("_digest")
        return bytes(known) if known is not None else _digest(self)


_FIELDS: dict[type, tuple[tuple[str, ...], tuple[str, ...]]] = {}


def _fields_of(value: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of a dataclass instance's fields, and of those that make two values differ."""
    found = _FIELDS.get(type(value))
    if found is None:
        fields = dataclasses.fields(value)
        compared = tuple(field.name for field in fields if field.compare)
        found = _FIELDS[type(value)] = tuple(field.name for field in fields), compared
    return found


def field_names(value: Any) -> tuple[str, ...]:
    """Names of a dataclass instance's fields."""
    return _fields_of(value)[0]


def _nodes_of(node: PlanNode) -> tuple[PlanNode, ...]:
    """The nodes in the fields of a node, in order; kept with it."""
    known: tuple[PlanNode, ...] | None = node.__dict__.get("_nodes")
    if known is None:
        _scan(node)
        known = node.__dict__["_nodes"]
    return known


def own_token(node: PlanNode) -> bytes:
    """Bytes that are equal for nodes that differ in their inputs only; kept with the node."""
    known: bytes | None = node.__dict__.get("_own")
    if known is None:
        _scan(node)
        known = node.__dict__["_own"]
    return known


def _scan(node: PlanNode) -> None:
    """Keeps with a node the nodes in its fields and the bytes of the rest."""
    found: list[PlanNode] = []
    parts = [type(node).__name__.encode()]
    parts += [_scanned(getattr(node, name), found) for name in field_names(node)]
    node.__dict__["_nodes"] = tuple(found)
    node.__dict__["_own"] = b"|".join(parts)


def _scanned(value: Any, found: list[PlanNode]) -> bytes:
    """As ``token``, but of nodes only that they are there."""
    if isinstance(value, PlanNode):
        found.append(value)
        return b"n"
    if type(value) is tuple:
        return b"(" + b",".join([_scanned(item, found) for item in value]) + b")"
    return token(value)


_PLAIN = (str, int, float, bool, type(None))


def token(value: Any) -> bytes:
    """Bytes that are equal for equal values of a node's field."""
    kind = type(value)
    if kind is PixelType:
        return _type_token(value)
    if kind in _PLAIN:
        return repr(value).encode()
    if isinstance(value, PlanNode):
        return b"n" + value.digest
    if isinstance(value, tuple):
        return b"(" + b",".join(token(item) for item in value) + b")"
    if isinstance(value, np.ndarray):
        return bytes(value.dtype.str.encode() + repr(value.shape).encode() + value.tobytes())
    own = getattr(value, "plan_token", None)
    if own is not None:
        return b"t" + bytes(own)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = (getattr(value, name) for name in _fields_of(value)[1])
        return type(value).__name__.encode() + token(tuple(fields))
    if isinstance(value, BaseGeometry):  # its repr is cut short
        return b"g" + bytes(value.wkb)
    if isinstance(value, Mapping):
        return b"{" + token(tuple(value.items())) + b"}"
    return repr(value).encode()


@lru_cache(maxsize=4096)
def _type_token(type_: PixelType) -> bytes:
    return repr(type_).encode()


def _digest(root: PlanNode) -> bytes:
    stack = [root]
    while stack:
        node = stack[-1]
        if "_digest" in node.__dict__:
            stack.pop()
            continue
        below = _nodes_of(node)
        waiting = [child for child in below if "_digest" not in child.__dict__]
        if waiting:
            stack.extend(waiting)
            continue
        parts = b"|".join([own_token(node), *[child.digest for child in below]])
        node.__dict__["_digest"] = hashlib.blake2b(parts, digest_size=16).digest()
        stack.pop()
    return bytes(root.__dict__["_digest"])
