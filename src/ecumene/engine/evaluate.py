"""Evaluates graphs: iteratively, lexically scoped, every shared node once per environment."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from typing import Any

from ecumene.algorithms.image.expressions import ImageFunction
from ecumene.algorithms.values import truth
from ecumene.core.context import Context
from ecumene.core.errors import BindingError, EvaluationError, LimitExceeded, RequestError
from ecumene.core.registry import Registry
from ecumene.engine.bind import as_function, find, invoke, unknown
from ecumene.engine.graph import (
    Argument,
    Call,
    Constant,
    Definition,
    DictNode,
    Graph,
    ListNode,
    Reference,
)
from ecumene.engine.profiling import timed_call


class Frame:
    """Bindings of one call of a function, results that depend on them, and the enclosing frame.

    ``depth`` counts the calls that led here, so that a function applied to itself ends.
    """

    __slots__ = ("depth", "memo", "parent", "values")

    def __init__(self, values: dict[str, Any], parent: Frame | None, depth: int = 0) -> None:
        self.values = values
        self.parent = parent
        self.depth = depth
        self.memo: dict[int, Any] = {}


@dataclass(slots=True, eq=False)
class UserFunction:
    """A function of the graph with the frame that it was defined in."""

    evaluator: Evaluator
    definition: Definition
    frame: Frame

    @property
    def argument_names(self) -> tuple[str, ...]:
        """Declared names, in order."""
        return self.definition.names

    def __call__(self, *arguments: Any) -> Any:
        """The value of the body; surplus arguments are refused."""
        names = self.definition.names
        if len(arguments) != len(names):
            raise BindingError(
                f"A function of {len(names)} arguments was called with {len(arguments)}."
            )
        values = dict(zip(names, arguments, strict=True))
        return self.evaluator.call(self.definition.body, values, self.frame)

    def to_json(self) -> dict[str, Any]:
        """A description."""
        return {"type": "Function", "argumentNames": list(self.definition.names)}


BRANCHES = ("trueCase", "falseCase")

Task = tuple[int, Frame]
Steps = Generator[Task, Any, Any]


class Evaluator:
    """One evaluation of one graph; ``steps`` counts the nodes that were evaluated."""

    def __init__(self, graph: Graph, registry: Registry, context: Context) -> None:
        self.graph = graph
        self.registry = registry
        self.names = registry.entries
        self.context = context
        self.root = Frame({}, None)
        self.depth = 0
        self.steps = 0

    def result(self) -> Any:
        """The value of the graph.

        A function name that does not exist is an error wherever it stands in the graph.
        """
        for number, node in enumerate(self.graph.nodes):
            if isinstance(node, Call) and node.function < 0 and node.name not in self.names:
                label = self.graph.labels[number]
                raise BindingError(
                    f"Expression node '{label}': {unknown(node.name, self.registry)}"
                )
        return self.run(self.graph.result, self.root)

    def call(self, body: int, values: dict[str, Any], frame: Frame) -> Any:
        """The value of a function's body, from Python: counts how deep calls are nested."""
        self.depth += 1
        try:
            return self.run(body, self._entered(values, frame, self.depth))
        finally:
            self.depth -= 1

    def _entered(self, values: dict[str, Any], frame: Frame, depth: int) -> Frame:
        """The frame of a call."""
        allowed = self.context.limits.call_depth
        if depth > allowed:
            raise LimitExceeded(f"Functions are nested too deeply; at most {allowed} levels.")
        return Frame(values, frame, depth)

    def _home(self, number: int, frame: Frame) -> Frame:
        """The innermost frame that a node's value depends on: where it is remembered."""
        free = self.graph.free[number]
        if not free:
            return self.root
        current: Frame | None = frame
        while current is not None:
            if not free.isdisjoint(current.values):
                return current
            current = current.parent
        return self.root

    def run(self, number: int, frame: Frame) -> Any:
        """The value of a node in a frame, on an explicit stack."""
        stack: list[tuple[int, Frame, Steps]] = []
        ready, value = self._begin((number, frame), stack)
        while stack:
            node, home, steps = stack[-1]
            try:
                task = steps.send(value) if ready else next(steps)
            except StopIteration as stop:
                stack.pop()
                home.memo[node] = stop.value
                ready, value = True, stop.value
            except RequestError as error:
                if error.node is None:
                    error.node = self.graph.labels[node]
                raise
            else:
                ready, value = self._begin(task, stack)
        return value

    def _begin(self, task: Task, stack: list[tuple[int, Frame, Steps]]) -> tuple[bool, Any]:
        """``(True, value)`` if it is known at once; else work is pushed."""
        number, frame = task
        node = self.graph.nodes[number]
        while isinstance(node, Reference):
            number = node.target
            node = self.graph.nodes[number]
        if isinstance(node, Constant):
            return True, node.value
        if isinstance(node, Argument):
            return True, self._argument(node.name, frame)
        home = self._home(number, frame)
        if number in home.memo:
            return True, home.memo[number]
        if isinstance(node, Definition):
            return True, UserFunction(self, node, frame)
        self.context.cancel.check()
        self.steps += 1
        stack.append((number, home, self._steps(number, frame)))
        return False, None

    def _argument(self, name: str, frame: Frame) -> Any:
        current: Frame | None = frame
        while current is not None:
            if name in current.values:
                return current.values[name]
            current = current.parent
        raise EvaluationError(f"Argument '{name}' is not bound.")

    def _steps(self, number: int, frame: Frame) -> Steps:
        node = self.graph.nodes[number]
        if isinstance(node, ListNode):
            items = []
            for item in node.items:
                items.append((yield item, frame))  # noqa: PERF401 - a comprehension cannot yield
            return items
        if isinstance(node, DictNode):
            found = {}
            for key, item in zip(node.keys, node.items, strict=True):
                found[key] = yield item, frame
            return found
        assert isinstance(node, Call)
        if node.function >= 0:
            return (yield from self._by_reference(node, frame))
        entry = find(self.registry, node.name)
        if node.name == "If" and not set(node.arguments) - {"condition", *BRANCHES}:
            return (yield from self._choice(node, frame))
        arguments = {}
        for name, item in zip(node.arguments, node.items, strict=True):
            if name in entry.lazy:
                arguments[name] = self._later(item, frame)
            else:
                arguments[name] = yield item, frame
        self.context.cancel.check()  # a chain is begun whole before its first link is computed
        return invoke(entry, arguments, self.context, self.registry)

    def _later(self, item: int, frame: Frame) -> Callable[[], Any]:
        return lambda: self.run(item, frame)

    def _choice(self, node: Call, frame: Frame) -> Steps:
        """``If``: only the chosen branch is evaluated, on this stack; what is missing is null."""
        given = dict(zip(node.arguments, node.items, strict=True))
        condition = None
        if "condition" in given:
            condition = yield given["condition"], frame
        chosen = BRANCHES[0] if truth(condition) else BRANCHES[1]
        if chosen not in given:
            return None
        return (yield given[chosen], frame)

    def _called(self, function: Any, arguments: dict[str, Any]) -> Any:
        """The value of an algorithm that is used as a function, or of a formula of ``Image.expression``."""
        call = partial(function.call_named, arguments)
        if self.context.profile is None or not isinstance(function, ImageFunction):
            return call()
        return timed_call(self.context.profile, "Image.expression", call)

    def _by_reference(self, node: Call, frame: Frame) -> Steps:
        function = yield node.function, frame
        arguments = {}
        for name, item in zip(node.arguments, node.items, strict=True):
            arguments[name] = yield item, frame
        if isinstance(function, str):
            function = as_function(function, self.context, self.registry)
        if isinstance(function, UserFunction):
            names = function.definition.names
            for name in arguments:
                if name not in names:
                    raise BindingError(
                        f"A function with arguments {list(names)} was called with '{name}'."
                    )
            for name in names:
                if name not in arguments:
                    raise BindingError(f"A function was called without its argument '{name}'.")
            depth = max(frame.depth, self.depth) + 1
            return (yield function.definition.body, self._entered(arguments, function.frame, depth))
        if hasattr(function, "call_named"):
            return self._called(function, arguments)
        raise BindingError(
            f"Expression node '{self.graph.labels[node.function]}' is not a function."
        )
