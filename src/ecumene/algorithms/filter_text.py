"""Filters written as text: ``CLOUD_COVER < 10 && SATELLITE == "L8"``."""

from __future__ import annotations

import re

from ecumene.algorithms.filter_logic import Logical, Negation
from ecumene.algorithms.filters import Binary
from ecumene.core.errors import EvaluationError, LimitExceeded
from ecumene.core.filter import Filter
from ecumene.core.registry import algorithm

_TOKEN = re.compile(
    r"\s*(?:(?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)(?![\w.:])|(?P<text>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")|"
    r"(?P<op>[<>=!]=|<>|&&|\|\||[<>=!()\[\],])|(?P<name>[\w.:/-]+))"
)
_COMPARE = {
    "==": "equals", "=": "equals", "!=": "notEquals", "<>": "notEquals", "<": "lessThan", ">": "greaterThan",
    "<=": "lessThanOrEquals", ">=": "greaterThanOrEquals",
}  # fmt: skip
_MIRROR = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}
DEEPEST = 100
NAME = "Filter.expression"


class _Parser:
    def __init__(self, text: str) -> None:
        if len(text) > 100_000:
            raise LimitExceeded(f"{NAME}: The expression is too long.")
        self.text = text
        self.tokens: list[tuple[str, str]] = []
        i, end = 0, len(text.rstrip())
        while i < end:
            match = _TOKEN.match(text, i)
            if match is None:
                raise self.error(f"unexpected '{text[i:].strip()[:10]}'")
            kind = str(match.lastgroup)
            self.tokens.append((kind, match.group(kind)))
            i = match.end()
        self.place = 0
        self.depth = 0

    def error(self, what: str) -> EvaluationError:
        return EvaluationError(f"{NAME}: Could not parse filter '{self.text[:200]}': {what}.")

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.place] if self.place < len(self.tokens) else ("end", "")

    def take(self) -> tuple[str, str]:
        found = self.peek()
        self.place += 1
        return found

    def word(self, *words: str) -> bool:
        kind, text = self.peek()
        if kind in ("op", "name") and text.lower() in words:
            self.place += 1
            return True
        return False

    def disjunction(self) -> Filter:
        parts = [self.conjunction()]
        while self.word("||", "or"):
            parts.append(self.conjunction())
        return parts[0] if len(parts) == 1 else Logical("or", tuple(parts))

    def conjunction(self) -> Filter:
        parts = [self.negation()]
        while self.word("&&", "and"):
            parts.append(self.negation())
        return parts[0] if len(parts) == 1 else Logical("and", tuple(parts))

    def negation(self) -> Filter:
        self.depth += 1
        if self.depth > DEEPEST:
            raise LimitExceeded(f"{NAME}: The expression is nested too deeply.")
        try:
            if self.word("!", "not"):
                return Negation(self.negation())
            if self.word("("):
                inner = self.disjunction()
                if not self.word(")"):
                    raise self.error("')' is missing")
                return inner
            return self.comparison()
        finally:
            self.depth -= 1

    def value(self) -> tuple[str, object]:
        kind, text = self.take()
        if kind == "number":
            number = float(text)
            return "value", int(
                number
            ) if number.is_integer() and "." not in text and "e" not in text.lower() else number
        if kind == "text":
            return "value", re.sub(r"\\(.)", r"\1", text[1:-1])
        if kind == "name":
            return "field", text
        raise self.error(f"a name or value is needed before '{text or 'the end'}'")

    def listed(self) -> list[object]:
        if not self.word("[", "("):
            raise self.error("'in' needs a list")
        out: list[object] = []
        while not self.word("]", ")"):
            out.append(self.value()[1])
            self.word(",")
            if self.peek()[0] == "end":
                raise self.error("the list is not closed")
        return out

    def comparison(self) -> Filter:
        kind, left = self.value()
        if self.word("in"):
            return Binary("inList", left_field=str(left), right_value=self.listed())
        token, operator = self.take()
        if token != "op" or operator not in _COMPARE:
            raise self.error(f"a comparison is needed before '{operator or 'the end'}'")
        other, right = self.value()
        if kind == "value" and other == "field":
            operator, left, right, kind, other = (
                _MIRROR.get(operator, operator),
                right,
                left,
                "field",
                "value",
            )
        if kind != "field":
            raise self.error("a comparison needs a property")
        if other == "field" and str(right).lower() in ("true", "false", "null"):
            right = {"true": 1, "false": 0, "null": None}[str(right).lower()]
            other = "value"
        if other == "field":
            return Binary(_COMPARE[operator], left_field=str(left), right_field=str(right))
        return Binary(_COMPARE[operator], left_field=str(left), right_value=right)


@algorithm("Filter.expression")
def parse_filter(expression: str) -> Filter:
    """A filter from text: comparisons joined by ``&& || !`` or ``and or not``, and ``in`` with a list."""
    parser = _Parser(expression)
    found = parser.disjunction()
    if parser.peek()[0] != "end":
        raise parser.error(f"'{parser.peek()[1]}' was not expected")
    return found
