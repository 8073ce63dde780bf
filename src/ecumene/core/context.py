"""What an evaluation carries with it: limits, cancellation, the catalogue, the executor."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ecumene.core.errors import Cancelled
from ecumene.core.limits import OPEN, Limits

if TYPE_CHECKING:
    from pathlib import Path

    from ecumene.core.collection import Collection
    from ecumene.core.image import Image, Node
    from ecumene.core.profile import Profile
    from ecumene.core.profiles import Profiles
    from ecumene.core.projection import Grid, Window


Item = TypeVar("Item")


class CancelToken:
    """Set when the client has gone; also holds the deadline. ``check`` is called in every loop."""

    __slots__ = ("deadline", "gone")

    def __init__(self, seconds: float | None = None) -> None:
        self.deadline = None if seconds is None else time.monotonic() + seconds
        self.gone = False

    def cancel(self) -> None:
        """Stop the work at the next check."""
        self.gone = True

    def check(self) -> None:
        """Raises Cancelled if the work is no longer wanted."""
        if self.gone:
            raise Cancelled("The request was cancelled.")
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise Cancelled("Computation timed out.")

    def each(self, items: Iterable[Item]) -> Iterator[Item]:
        """The items, with a check before each."""
        for item in items:
            self.check()
            yield item


class Catalog(Protocol):
    """What algorithms ask of the catalogue. Ids are what users type; None = no such asset."""

    def load_image(self, asset_id: str) -> Image | None:
        """The description of a stored image; reads no pixels and opens no raster."""

    def load_collection(self, asset_id: str) -> Collection | None:
        """A lazy image collection."""

    def load_table(self, asset_id: str) -> Collection | None:
        """A lazy collection of features."""

    def load_classifier(self, asset_id: str) -> str | None:
        """The file of a stored classifier."""

    def successor(self, asset_id: str) -> str | None:
        """The id of the asset that answers for a retired id; None for all other ids."""

    def revision(self) -> int | None:
        """Another number after every change of any record; None if changes cannot be told."""

    def seen_by(self, account: str) -> Catalog:
        """The catalogue with only what an account may read."""


class PixelEngine(Protocol):
    """What algorithms that need pixels (reduceRegion, sample…) ask of the executor.

    ``store`` is the ``storage.blocks.BlockStore`` that source nodes read (None = no files).
    """

    store: Any

    def read(
        self, nodes: Sequence[Node], grid: Grid, window: Window, context: Context
    ) -> list[Any]:
        """One ``plan.pixels.Pixels`` per node, for the whole window (small windows only)."""

    def blocks(
        self,
        nodes: Sequence[Node],
        grid: Grid,
        window: Window,
        context: Context,
        wanted: Callable[[Window], bool] | None = None,
    ) -> Any:
        """Iterator of ``(Window, [Pixels, …])`` over the window's blocks that are wanted, computed on the pool."""

    def mapped(
        self,
        nodes: Sequence[Node],
        grid: Grid,
        part: Any,
        context: Context,
        finish: Callable[[Window, list[Any]], Any],
    ) -> Any:
        """Iterator of what ``finish`` makes of each piece of a ``plan.parts.Part``, on the pool too."""


class NoCatalog:
    """A catalogue without assets."""

    def load_image(self, asset_id: str) -> Image | None:
        """None."""
        return None

    def load_collection(self, asset_id: str) -> Collection | None:
        """None."""
        return None

    def load_table(self, asset_id: str) -> Collection | None:
        """None."""
        return None

    def load_classifier(self, asset_id: str) -> str | None:
        """None."""
        return None

    def successor(self, asset_id: str) -> str | None:
        """None."""
        return None

    def revision(self) -> int | None:
        """It never changes."""
        return 0

    def seen_by(self, account: str) -> Catalog:
        """Itself: there is nothing to hide."""
        return self


@dataclass(slots=True)
class Context:
    """One request's surroundings. An algorithm gets it by annotating a parameter ``Context``.

    ``file`` finds the file of a URI in a bucket that the operator has named and the account may read (NotFound,
    PermissionDenied or RequestError otherwise); None where there are no buckets.
    ``superseded`` collects retired ids that others answered for (see ``loaded``).
    ``profile`` is there where the request asks for one; ``profiles`` are those of earlier requests.
    """

    limits: Limits = OPEN
    cancel: CancelToken = field(default_factory=CancelToken)
    catalog: Catalog = field(default_factory=NoCatalog)
    pixels: PixelEngine | None = None
    account: str = "anonymous"
    profile: Profile | None = None
    profiles: Profiles | None = None
    file: Callable[[str], Path] | None = None
    superseded: dict[str, str] = field(default_factory=dict)

    def loaded(self, asset_id: str) -> None:
        """Notes the id of an asset that was loaded, if it is a retired one: the client is told what answered."""
        after = self.catalog.successor(asset_id)
        if after is not None:
            self.superseded[asset_id] = after
