"""Where the pixels of a stored band are: what the catalogue knows and the reader needs."""

from __future__ import annotations

from dataclasses import dataclass, field

from ecumene.core.pixel_type import PixelType
from ecumene.core.projection import Projection


@dataclass(frozen=True, slots=True)
class MaskRule:
    """A mask read from another band: pixels whose value is in ``invalid`` are masked.

    With ``bits`` set, pixels with any of these bits set are masked instead.
    """

    path: str
    index: int
    invalid: tuple[float, ...] = ()
    bits: int = 0


@dataclass(frozen=True, slots=True)
class RasterBand:
    """One band of one file, fully described, so that plans need not open it.

    ``grid`` and ``(width, height)`` are the file's own; ``index`` is 1-based. Values in ``missing``
    are masked. Served value = stored · ``scale`` + ``offset`` (then at least ``floor`` if given),
    of type ``type``; scale 1 and offset 0 keep the stored integers. ``policy`` is the pyramiding policy.
    ``asset`` is the id of the image it belongs to, for people to read: bands are equal without it.
    """

    path: str
    index: int
    type: PixelType
    grid: Projection
    width: int
    height: int
    missing: tuple[float, ...] = ()
    scale: float = 1.0
    offset: float = 0.0
    floor: float | None = None
    masks: tuple[MaskRule, ...] = ()
    policy: str = "MEAN"
    asset: str = field(default="", compare=False)
