"""The grammar of ``Image.expression`` and ``Number.expression``: a small precedence parser.

Operators from weakest: ``?:``, ``||``, ``&&``, ``|``, ``^`` (logical exclusive or), ``&``, comparisons, ``+ -``,
``* / %``, unary ``- !``, ``**`` (right-associative). Operands are numbers, names with dots, ``name[0]``, ``name['band']``, ``b(…)``, function calls and
parentheses. An expression may begin with ``name =``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ecumene.core.errors import EvaluationError, LimitExceeded

LONGEST = 100_000
DEEPEST = 200

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)|(?P<name>[A-Za-z_]\w*)|(?P<text>'[^']*'|\"[^\"]*\")|"
    r"(?P<op>\*\*|&&|\|\||[=!<>]=|[-+*/%^<>!?:()\[\],.=&|]))"
)
BINARY = {
    "||": ("or", 1), "&&": ("and", 2), "|": ("bitwiseOr", 3), "^": ("xor", 4), "&": ("bitwiseAnd", 5),
    "==": ("eq", 6), "!=": ("neq", 6), "<": ("lt", 7), ">": ("gt", 7), "<=": ("lte", 7), ">=": ("gte", 7),
    "+": ("add", 8), "-": ("subtract", 8), "*": ("multiply", 9), "/": ("divide", 9), "%": ("mod", 9),
    "**": ("pow", 11),
}  # fmt: skip
UNARY = 10


@dataclass(frozen=True, slots=True)
class Node:
    """``number`` (value), ``name`` (parts), ``band`` (selectors), ``item`` (child, selectors), ``call`` (name, children)

    or ``choice`` (three children).
    """

    kind: str
    value: Any = None
    children: tuple[Node, ...] = ()


class _Parser:
    def __init__(self, text: str, name: str) -> None:
        if len(text) > LONGEST:
            raise LimitExceeded(f"{name}: The expression is longer than {LONGEST} characters.")
        self.name, self.text = name, text
        self.tokens: list[tuple[str, str]] = []
        i = 0
        stripped = text.rstrip()
        while i < len(stripped):
            match = _TOKEN.match(stripped, i)
            if match is None:
                raise self.error(f"unexpected character '{stripped[i:].lstrip()[:1]}'")
            self.tokens.append((str(match.lastgroup), match.group(str(match.lastgroup))))
            i = match.end()
        self.place = 0
        self.depth = 0

    def error(self, what: str) -> EvaluationError:
        return EvaluationError(
            f"{self.name}: Could not parse expression '{self.text[:200]}': {what}."
        )

    def peek(self, ahead: int = 0) -> tuple[str, str]:
        i = self.place + ahead
        return self.tokens[i] if i < len(self.tokens) else ("end", "")

    def take(self, wanted: str | None = None) -> str:
        kind, text = self.peek()
        if wanted is not None and (kind != "op" or text != wanted):
            raise self.error(f"'{wanted}' was expected before '{text or 'the end'}'")
        self.place += 1
        return text

    def has(self, op: str) -> bool:
        return self.peek() == ("op", op)

    def ternary(self) -> Node:
        self.depth += 1
        if self.depth > DEEPEST:
            raise LimitExceeded(f"{self.name}: The expression is nested too deeply.")
        test = self.binary(0)
        if self.has("?"):
            self.take()
            yes = self.ternary()
            self.take(":")
            test = Node("choice", None, (test, yes, self.ternary()))
        self.depth -= 1
        return test

    def binary(self, least: int) -> Node:
        left = self.unary()
        while True:
            kind, text = self.peek()
            if kind != "op" or text not in BINARY:
                return left
            function, strength = BINARY[text]
            if strength <= least:
                return left
            self.take()
            right = self.binary(strength - 1 if function == "pow" else strength)
            if function == "xor":
                function, left, right = "neq", _negated(left), _negated(right)
            left = Node("call", function, (left, right))

    def unary(self) -> Node:
        self.depth += 1
        if self.depth > DEEPEST:
            raise LimitExceeded(f"{self.name}: The expression is nested too deeply.")
        try:
            if self.has("-"):
                self.take()
                inner = self.binary(UNARY)
                if inner.kind == "number":
                    return Node("number", -inner.value)
                return Node("call", "multiply", (inner, Node("number", -1)))
            if self.has("+"):
                self.take()
                return self.binary(UNARY)
            if self.has("!"):
                self.take()
                return Node("call", "not", (self.binary(UNARY),))
            return self.postfix()
        finally:
            self.depth -= 1

    def postfix(self) -> Node:
        node = self.operand()
        while self.has("["):
            self.take()
            node = Node("item", self.selectors("]"), (node,))
        return node

    def operand(self) -> Node:
        kind, text = self.peek()
        if kind == "number":
            self.take()
            return Node("number", int(text) if text.isdigit() else float(text))
        if kind == "name":
            self.take()
            return self.named([text])
        if self.has("("):
            self.take()
            node = self.ternary()
            self.take(")")
            return node
        raise self.error(f"an operand was expected before '{text or 'the end'}'")

    def named(self, parts: list[str]) -> Node:
        while self.has(".") and self.peek(1)[0] == "name":
            self.take()
            parts.append(self.take())
        if not self.has("("):
            return Node("name", tuple(parts))
        self.take()
        if parts == ["b"]:
            return Node("band", self.selectors(")"))
        arguments: list[Node] = []
        while not self.has(")"):
            arguments.append(self.ternary())
            if not self.has(")"):
                self.take(",")
        self.take(")")
        return Node("call", parts[-1] if parts[0] == "Math" else ".".join(parts), tuple(arguments))

    def selectors(self, end: str) -> tuple[Any, ...]:
        """Band numbers and names up to a closing bracket, which is taken too."""
        found: list[Any] = []
        while not self.has(end):
            kind, text = self.peek()
            if kind not in ("number", "text"):
                raise self.error("a band number or name was expected in brackets")
            self.take()
            found.append(_selector(kind, text))
            if not self.has(end):
                self.take(",")
        self.take(end)
        return tuple(found)


def _negated(node: Node) -> Node:
    return Node("call", "not", (node,))


def _selector(kind: str, text: str) -> Any:
    return int(float(text)) if kind == "number" else text[1:-1]


def assigned(text: str, name: str) -> tuple[str | None, Node]:
    """``(name of the result or None, tree)`` of an expression."""
    parser = _Parser(text, name)
    target = None
    if parser.peek()[0] == "name" and parser.peek(1) == ("op", "="):
        target = parser.take()
        parser.take()
    tree = parser.ternary()
    if parser.peek()[0] != "end":
        raise parser.error(f"'{parser.peek()[1]}' was not expected")
    return target, tree


def parse(text: str, name: str) -> Node:
    """The tree of an expression."""
    return assigned(text, name)[1]


def evaluate(
    tree: Node,
    leaf: Callable[[Node], Any],
    function: Callable[[str, list[Any]], Any],
    choice: Callable[[Any, Any, Any], Any],
) -> Any:
    """The value of a tree: leaves, functions by name, and choices are the caller's."""
    values: list[Any] = []
    stack: list[tuple[Node, bool]] = [(tree, False)]
    while stack:
        node, ready = stack.pop()
        if node.kind not in ("call", "choice"):
            values.append(leaf(node))
        elif not ready:
            stack.append((node, True))
            stack += [(child, False) for child in reversed(node.children)]
        else:
            count = len(node.children)
            arguments = values[len(values) - count :]
            del values[len(values) - count :]
            values.append(
                choice(*arguments)
                if node.kind == "choice"
                else function(str(node.value), arguments)
            )
    return values[0]
