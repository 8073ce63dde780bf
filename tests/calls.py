"""Call algorithms in tests as a client would: bound, coerced and evaluated by the engine.

``call("Number.add", 1, 2)`` → the value; positional arguments follow the declaration, keywords are
the names on the wire. ``call_json(...)`` → the JSON that a client receives; ``run_graph(expression)``
evaluates a whole ``Expression`` document and ``json_graph(expression)`` gives its JSON. ``engine()`` is
the shared engine behind them: no catalogue, and a pixel engine without files.

>>> call("Number.add", 1, right=2)
3
"""

from __future__ import annotations

import functools
from typing import Any

from ecumene.core.context import Context, NoCatalog
from ecumene.engine.bind import find, invoke
from ecumene.engine.service import Engine
from ecumene.plan.executor import Executor


@functools.cache
def engine() -> Engine:
    """An engine over an empty catalogue."""
    return Engine(NoCatalog(), Executor(threads=1))


def context() -> Context:
    """Surroundings of a new request."""
    return engine().context("tests")


def call(name: str, *args: Any, **kwargs: Any) -> Any:
    """The value of an algorithm; positional arguments follow its declaration."""
    entry = find(engine().registry, name)
    names = [argument.name for argument in entry.arguments]
    assert len(args) <= len(names), f"{name} takes {names}"
    return invoke(
        entry, dict(zip(names, args, strict=False)) | kwargs, context(), engine().registry
    )


def call_json(name: str, *args: Any, **kwargs: Any) -> Any:
    """The JSON of an algorithm's value."""
    return engine().to_json(call(name, *args, **kwargs), context())


def run_graph(expression: dict[str, Any]) -> Any:
    """The value of an ``Expression`` document."""
    return engine().evaluate(expression, context())


def json_graph(expression: dict[str, Any]) -> Any:
    """The JSON of an ``Expression`` document's value."""
    surroundings = context()
    return engine().to_json(engine().evaluate(expression, surroundings), surroundings)
