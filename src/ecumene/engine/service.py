"""The engine as the API sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from ecumene.algorithms import load
from ecumene.core.collection import Collection
from ecumene.core.context import CancelToken, Catalog, Context, PixelEngine
from ecumene.core.errors import BindingError, GraphError, LimitExceeded
from ecumene.core.image import Image
from ecumene.core.limits import OPEN, Limits
from ecumene.core.profiles import Profiles
from ecumene.core.registry import Registry
from ecumene.engine import graph
from ecumene.engine.coerce import Mismatch, coerce, type_name
from ecumene.engine.evaluate import Evaluator
from ecumene.engine.memory import STEP_BYTES, Key, Memory, Witness, Written, written
from ecumene.engine.results import Encoder


@contextmanager
def _noting(notices: dict[str, str]) -> Iterator[dict[str, str]]:
    """What is added to a request's notices inside, kept apart from what was there before."""
    before, added = dict(notices), dict[str, str]()
    notices.clear()
    try:
        yield added
    finally:
        added.update(notices)
        notices.update(before)


class Engine:
    """Evaluates expressions against a catalogue with a pixel engine, within limits."""

    def __init__(
        self,
        catalog: Catalog,
        pixels: PixelEngine | None = None,
        limits: Limits = OPEN,
        registry: Registry | None = None,
        files: Callable[[str, str], Path] | None = None,
    ) -> None:
        self.catalog = catalog
        self.pixels = pixels
        self.limits = limits
        self.registry = registry or load()
        self.files = files
        self.profiles = Profiles()
        self.memory = Memory()

    def context(self, account: str = "anonymous", seconds: float | None = None) -> Context:
        """Surroundings of a new request, which sees what its account may read; the deadline starts now."""
        allowed = self.limits.compute_seconds if seconds is None else seconds
        return Context(
            self.limits,
            CancelToken(allowed),
            self.catalog.seen_by(account),
            self.pixels,
            account,
            None,
            self.profiles,
            None if self.files is None else partial(self.files, account),
        )

    def evaluate(self, expression: Any, context: Context, pinned: str | None = None) -> Any:
        """The value of an ``Expression`` document, decoded or ``memory.Written``.

        Images are remembered (see ``memory``). A ``pinned`` name stands for one expression of one account:
        its image is remembered under it whatever it depends on, until the catalogue changes. Nothing is where the
        catalogue cannot tell that it has not.

        Raises RequestError (or a sub-class) for everything that the caller can mend.
        """
        text = written(expression)
        keys = self._keys(text, context, pinned)
        if context.profile is None or pinned is not None:  # a profile wants to see the work
            for key in keys:
                known = self.memory.recall(key, context.superseded)
                if known is not None:
                    return known
        witness = Witness(context)
        with _noting(context.superseded) as superseded:
            value, steps = self._evaluated(expression, witness.context if keys else context)
        if isinstance(value, Image):
            for key in keys:
                if witness.pure or isinstance(key.what, str):
                    weight = steps + (0 if text is None else len(text.text) // STEP_BYTES)
                    self.memory.keep(key, value, weight, superseded)
                    break
        return value

    def _evaluated(self, expression: Any, context: Context) -> tuple[Any, int]:
        """The value, and how many steps it took."""
        text = expression.text if isinstance(expression, Written) else expression
        try:
            evaluator = Evaluator(graph.decode(text, self.limits), self.registry, context)
            return evaluator.result(), evaluator.steps
        except RecursionError:
            raise LimitExceeded("The computation is nested too deeply.") from None
        except MemoryError:
            raise LimitExceeded("User memory limit exceeded.") from None

    def _keys(self, text: Written | None, context: Context, pinned: str | None) -> list[Key]:
        """What the value may be remembered under, by content first."""
        revision = self.catalog.revision()
        if revision is None:  # roles may have been taken away
            return []
        whats = (None if text is None else text.digest, pinned)
        return [Key(context.account, revision, what) for what in whats if what is not None]

    def as_image(self, value: Any, context: Context) -> Image:
        """The value of an expression as an image."""
        found: Image = self._as("Image<unknown bands>", "an image", value, context)
        return found

    def as_collection(self, value: Any, context: Context) -> Collection:
        """The value of an expression as a collection."""
        found: Collection = self._as("FeatureCollection", "a table", value, context)
        return found

    def _as(self, wanted: str, shown: str, value: Any, context: Context) -> Any:
        try:
            return coerce(wanted, value, context, self.registry)
        except Mismatch:
            raise BindingError(
                f"Expression does not evaluate to {shown}. Expected type: {wanted}. Actual type: {type_name(value)}."
            ) from None

    def to_json(self, value: Any, context: Context) -> Any:
        """The JSON of a value; collections are read here."""
        try:
            return Encoder(context).encode(value)
        except RecursionError:
            raise GraphError("The result is nested too deeply.") from None
        except MemoryError:
            raise LimitExceeded("User memory limit exceeded.") from None
