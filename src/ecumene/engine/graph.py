"""Expression graphs: from JSON to a compact, checked form.

A graph is decoded from its result outwards without recursion, so its depth is bounded by a limit and
not by the interpreter. Every error names the node that it was found in.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ecumene.core.constants import normal
from ecumene.core.errors import GraphError, LimitExceeded
from ecumene.core.limits import Limits


@dataclass(frozen=True, slots=True)
class Constant:
    """A value written in the graph."""

    value: Any


@dataclass(frozen=True, slots=True)
class ListNode:
    """A list of nodes."""

    items: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class DictNode:
    """A dictionary of nodes."""

    keys: tuple[str, ...]
    items: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Definition:
    """A function: names of its arguments and its body."""

    names: tuple[str, ...]
    body: int


@dataclass(frozen=True, slots=True)
class Call:
    """An invocation of an algorithm by ``name``, or of the value of node ``function``."""

    name: str
    function: int
    arguments: tuple[str, ...]
    items: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Argument:
    """A reference to an argument of an enclosing function."""

    name: str


@dataclass(frozen=True, slots=True)
class Reference:
    """Another name of a node."""

    target: int


Node = Constant | ListNode | DictNode | Definition | Call | Argument | Reference


@dataclass(slots=True)
class Graph:
    """Nodes by number, where they are in the document, their free argument names, and the result."""

    nodes: list[Node] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    free: list[frozenset[str]] = field(default_factory=list)
    result: int = 0


def children(node: Node) -> tuple[int, ...]:
    """Nodes that a node refers to."""
    if isinstance(node, ListNode | DictNode):
        return node.items
    if isinstance(node, Call):
        return node.items if node.function < 0 else (node.function, *node.items)
    if isinstance(node, Definition):
        return (node.body,)
    if isinstance(node, Reference):
        return (node.target,)
    return ()


class _Decoder:
    def __init__(self, values: Mapping[str, Any], limits: Limits) -> None:
        self.values = values
        self.limits = limits
        self.graph = Graph()
        self.numbers: dict[str, int] = {}
        self.todo: list[tuple[int, Any]] = []

    def reserve(self, label: str, document: Any) -> int:
        """A number for a node that will be decoded later."""
        graph = self.graph
        if len(graph.nodes) >= self.limits.graph_nodes:
            raise LimitExceeded(
                f"Expression has too many nodes; at most {self.limits.graph_nodes} are allowed."
            )
        number = len(graph.nodes)
        graph.nodes.append(Constant(None))
        graph.labels.append(label)
        self.todo.append((number, document))
        return number

    def refer(self, key: Any, label: str) -> int:
        """The number of a named node."""
        if not isinstance(key, str):
            raise GraphError(f"Expression node '{label}': a reference must be a string.")
        known = self.numbers.get(key)
        if known is None:
            if key not in self.values:
                raise GraphError(
                    f"Expression node '{label}' refers to a node '{key}' that does not exist."
                )
            known = self.numbers[key] = self.reserve(key, self.values[key])
        return known

    def run(self) -> None:
        while self.todo:
            number, document = self.todo.pop()
            self.graph.nodes[number] = self.decode(document, self.graph.labels[number])

    def decode(self, document: Any, label: str) -> Node:
        if not isinstance(document, dict):
            raise GraphError(f"Expression node '{label}' must be an object.")
        kinds = [kind for kind in document if kind in _KINDS]
        if len(kinds) != 1 or len(document) != 1:
            raise GraphError(
                f"Expression node '{label}' must have exactly one of the fields {', '.join(_KINDS)}; "
                f"found {', '.join(map(str, document)) or 'none'}."
            )
        return _KINDS[kinds[0]](self, document[kinds[0]], label)

    def _constant(self, value: Any, label: str) -> Node:
        try:
            return Constant(normal(value))
        except RecursionError:
            raise GraphError(
                f"Expression node '{label}': constantValue is nested too deeply."
            ) from None

    def _integer(self, value: Any, label: str) -> Node:
        try:
            number = int(value) if isinstance(value, str) and len(value) <= 20 else None
        except ValueError:
            number = None
        if isinstance(value, int) and not isinstance(value, bool):
            number = value
        if number is None or not -(2**63) <= number < 2**63:
            raise GraphError(
                f"Expression node '{label}': integerValue '{str(value)[:100]}' is not a 64-bit integer."
            )
        return Constant(number)

    def _bytes(self, value: Any, label: str) -> Node:
        try:
            return Constant(base64.b64decode(value, validate=True))
        except (TypeError, ValueError, binascii.Error):
            raise GraphError(f"Expression node '{label}': bytesValue is not base64.") from None

    def _array(self, value: Any, label: str) -> Node:
        items = self._field(value, "values", list, label, [])
        return ListNode(tuple(self.reserve(label, item) for item in items))

    def _dictionary(self, value: Any, label: str) -> Node:
        items = self._field(value, "values", dict, label, {})
        return DictNode(tuple(items), tuple(self.reserve(label, item) for item in items.values()))

    def _definition(self, value: Any, label: str) -> Node:
        names = self._field(value, "argumentNames", list, label, [])
        if not all(isinstance(name, str) for name in names) or len(set(names)) != len(names):
            raise GraphError(f"Expression node '{label}': argumentNames must be different strings.")
        if "body" not in value:
            raise GraphError(f"Expression node '{label}': a function needs a body.")
        return Definition(tuple(names), self.refer(value["body"], label))

    def _invocation(self, value: Any, label: str) -> Node:
        arguments = self._field(value, "arguments", dict, label, {})
        name, function = value.get("functionName"), value.get("functionReference")
        if (name is None) == (function is None):
            raise GraphError(
                f"Expression node '{label}': an invocation needs a functionName or a functionReference."
            )
        items = tuple(self.reserve(label, item) for item in arguments.values())
        if name is not None:
            if not isinstance(name, str):
                raise GraphError(f"Expression node '{label}': functionName must be a string.")
            return Call(name, -1, tuple(arguments), items)
        return Call("", self.refer(function, label), tuple(arguments), items)

    def _argument(self, value: Any, label: str) -> Node:
        if not isinstance(value, str):
            raise GraphError(f"Expression node '{label}': argumentReference must be a string.")
        return Argument(value)

    def _reference(self, value: Any, label: str) -> Node:
        return Reference(self.refer(value, label))

    @staticmethod
    def _field(value: Any, name: str, kind: type, label: str, default: Any) -> Any:
        if not isinstance(value, dict):
            raise GraphError(f"Expression node '{label}' is malformed: an object was expected.")
        found = value.get(name, default)
        if not isinstance(found, kind):
            raise GraphError(f"Expression node '{label}': '{name}' is malformed.")
        return found


_KINDS = {
    "constantValue": _Decoder._constant,
    "integerValue": _Decoder._integer,
    "bytesValue": _Decoder._bytes,
    "arrayValue": _Decoder._array,
    "dictionaryValue": _Decoder._dictionary,
    "functionDefinitionValue": _Decoder._definition,
    "functionInvocationValue": _Decoder._invocation,
    "argumentReference": _Decoder._argument,
    "valueReference": _Decoder._reference,
}


def _json(text: bytes | str) -> Any:
    try:
        return msgspec.json.decode(text)
    except RecursionError:
        raise GraphError("Expression is nested too deeply to be read.") from None
    except (msgspec.DecodeError, UnicodeError):
        raise GraphError("Expression is not valid JSON.") from None


def decode(expression: Any, limits: Limits) -> Graph:
    """The checked graph of an ``Expression`` document, given as decoded JSON or as its text.

    Raises GraphError for malformed, dangling, cyclic or unbound nodes, LimitExceeded for graphs that are
    too large or too deep.
    """
    if isinstance(expression, bytes | str):
        expression = _json(expression)
    if not isinstance(expression, dict):
        raise GraphError("Expression must be an object with 'result' and 'values'.")
    values, result = expression.get("values"), expression.get("result")
    if not isinstance(values, dict) or not isinstance(result, str):
        raise GraphError("Expression must have a string 'result' and an object 'values'.")
    decoder = _Decoder(values, limits)
    if result not in values:
        raise GraphError(f"Expression result refers to a node '{result}' that does not exist.")
    decoder.graph.result = decoder.refer(result, "result")
    decoder.run()
    _analyse(decoder.graph, limits)
    return decoder.graph


def _analyse(graph: Graph, limits: Limits) -> None:
    """Finds cycles, depth and free argument names in one walk."""
    count = len(graph.nodes)
    graph.free = [frozenset()] * count
    depth = [0] * count
    state = bytearray(count)  # 0 new, 1 open, 2 done
    stack = [graph.result]
    while stack:
        number = stack[-1]
        node = graph.nodes[number]
        if state[number] == 2:
            stack.pop()
            continue
        below = children(node)
        if state[number] == 0:
            state[number] = 1
            for child in below:
                if state[child] == 1:
                    raise GraphError(f"Expression node '{graph.labels[child]}' is part of a cycle.")
                if state[child] == 0:
                    stack.append(child)
            continue
        state[number] = 2
        stack.pop()
        step = 0 if isinstance(node, Reference) else 1  # another name is not another level
        depth[number] = step + max((depth[child] for child in below), default=0)
        if depth[number] > limits.graph_depth:
            raise LimitExceeded(
                f"Expression is too deep at node '{graph.labels[number]}'; nesting of at most "
                f"{limits.graph_depth} nodes is allowed."
            )
        graph.free[number] = _free(graph, node, below)
    unbound = graph.free[graph.result]
    if unbound:
        name = sorted(unbound)[0]
        where = next(
            graph.labels[n]
            for n, node in enumerate(graph.nodes)
            if isinstance(node, Argument) and node.name == name
        )
        raise GraphError(
            f"Expression node '{where}' refers to an argument '{name}' that no enclosing function has."
        )


def _free(graph: Graph, node: Node, below: tuple[int, ...]) -> frozenset[str]:
    if isinstance(node, Argument):
        return frozenset([node.name])
    sets = {graph.free[child] for child in below if graph.free[child]}
    if not sets:
        return frozenset()
    joined = next(iter(sets)) if len(sets) == 1 else frozenset().union(*sets)
    return joined - set(node.names) if isinstance(node, Definition) else joined
