"""The engine as the API sees it."""

from __future__ import annotations

from typing import Any

from ecumene.algorithms import load
from ecumene.core.context import CancelToken, Catalog, Context, PixelEngine
from ecumene.core.errors import GraphError, LimitExceeded
from ecumene.core.limits import OPEN, Limits
from ecumene.core.profiles import Profiles
from ecumene.core.registry import Registry
from ecumene.engine import graph
from ecumene.engine.evaluate import Evaluator
from ecumene.engine.results import Encoder


class Engine:
    """Evaluates expressions against a catalogue with a pixel engine, within limits."""

    def __init__(
        self,
        catalog: Catalog,
        pixels: PixelEngine | None = None,
        limits: Limits = OPEN,
        registry: Registry | None = None,
    ) -> None:
        self.catalog = catalog
        self.pixels = pixels
        self.limits = limits
        self.registry = registry or load()
        self.profiles = Profiles()

    def context(self, account: str = "anonymous", seconds: float | None = None) -> Context:
        """Surroundings of a new request; the deadline starts now."""
        allowed = self.limits.compute_seconds if seconds is None else seconds
        return Context(
            self.limits,
            CancelToken(allowed),
            self.catalog,
            self.pixels,
            account,
            None,
            self.profiles,
        )

    def evaluate(self, expression: Any, context: Context) -> Any:
        """The value of an ``Expression`` document.

        Raises RequestError (or a sub-class) for everything that the caller can mend.
        """
        try:
            decoded = graph.decode(expression, self.limits)
            return Evaluator(decoded, self.registry, context).result()
        except RecursionError:
            raise LimitExceeded("The computation is nested too deeply.") from None
        except MemoryError:
            raise LimitExceeded("User memory limit exceeded.") from None

    def to_json(self, value: Any, context: Context) -> Any:
        """The JSON of a value; collections are read here."""
        try:
            return Encoder(context).encode(value)
        except RecursionError:
            raise GraphError("The result is nested too deeply.") from None
        except MemoryError:
            raise LimitExceeded("User memory limit exceeded.") from None
