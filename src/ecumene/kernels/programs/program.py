"""Straight-line code for one pixel, and what writes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

Instruction = tuple[Any, ...]
"""``(name, type, *operands)``; operands are positions of earlier instructions, except for the four below.

Types are ``b1`` (bool), ``u1 i1 u2 i2 u4 i4 i8 f4 f8``, as NumPy spells them.
"""

LEAVES = ("input", "constant", "literal", "table")
"""Names without operands: ``input`` and ``table`` number k, ``constant`` number k, ``literal`` value."""

UNARY = ("convert", "floor", "ceil", "trunc", "rint", "sqrt", "absolute", "invert")
BINARY = (
    "add", "subtract", "multiply", "divide", "minimum", "maximum", "fmax", "and", "or", "xor", "left_shift",
    "right_shift", "lookup",
)  # fmt: skip
COMPARE = ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")
CODE = frozenset((*LEAVES, *UNARY, *BINARY, *COMPARE, "select"))
"""Every instruction there is. ``fmax`` ignores a first operand that is NaN; ``lookup`` is ``table[index]``."""


@dataclass(eq=False, slots=True)
class Program:
    """Code with the types of its inputs; equal programs are one object where they are built once (see users).

    Parameters
    ----------
    code : instructions; one refers to earlier ones by position.
    inputs, outputs : types of arrays that are given and made.
    results : positions of the latter, all different.
    constants : how many numbers are given at each run.
    """

    code: tuple[Instruction, ...]
    inputs: tuple[str, ...]
    results: tuple[int, ...]
    constants: int
    schedule: Any = None
    native: Any = None

    @property
    def outputs(self) -> tuple[str, ...]:
        """Types of the results."""
        return tuple(self.code[k][1] for k in self.results)


@dataclass(slots=True)
class Builder:
    """Writes code; the same instruction twice is one, and steps that change nothing are left out."""

    code: list[Instruction] = field(default_factory=list)
    known: dict[Instruction, int] = field(default_factory=dict)

    def emit(self, name: str, dtype: str, *operands: Any) -> int:
        """The position of an instruction's result."""
        instruction = (name, dtype, *operands)
        found = self.known.get(instruction)
        if found is None:
            found = self.known[instruction] = len(self.code)
            self.code.append(instruction)
        return found

    def dtype(self, value: int) -> str:
        """The type of a result."""
        found: str = self.code[value][1]
        return found

    def literal(self, dtype: str, value: float) -> int:
        """A number that is part of the program."""
        return self.emit("literal", dtype, float(value) if dtype[0] == "f" else int(value))

    def convert(self, value: int, dtype: str) -> int:
        """In another type; values must be in its range (and not NaN where it has integers)."""
        name, own, *operands = self.code[value]
        if own == dtype:
            return value
        if name == "literal":
            return self.literal(dtype, operands[0])
        return self.emit("convert", dtype, value)

    def unary(self, name: str, value: int) -> int:
        """``invert`` or a function of floats, in the operand's type."""
        own = self.code[value]
        if name == "trunc" and own[0] in ("trunc", "floor", "ceil", "rint"):
            return value
        if name == "invert" and own[0] == "invert":
            inner: int = own[2]
            return inner
        return self.emit(name, own[1], value)

    def binary(self, name: str, left: int, right: int) -> int:
        """An operator on two results of one type."""
        if left == right and name in ("and", "or", "minimum", "maximum"):
            return left
        return self.emit(name, self.dtype(left), left, right)

    def compare(self, name: str, left: int, right: int) -> int:
        """A comparison of two results of one type: bool."""
        source = self._flag(left)
        if source is not None and self.code[right] == ("literal", self.dtype(left), 0):
            if name in ("not_equal", "greater"):
                return source
            if name in ("equal", "less_equal"):
                return self.unary("invert", source)
        return self.emit(name, "b1", left, right)

    def _flag(self, value: int) -> int | None:
        """The bool that a number of 0 or 1 was made from."""
        name, _, *operands = self.code[value]
        if name == "convert" and self.dtype(operands[0]) == "b1":
            found: int = operands[0]
            return found
        return None

    def select(self, test: int, yes: int, no: int) -> int:
        """``yes`` where the bool is set, else ``no``; both of one type."""
        if yes == no:
            return yes
        return self.emit("select", self.dtype(yes), test, yes, no)

    def finished(self, inputs: Sequence[str], results: Sequence[int], constants: int) -> Program:
        """The program of what the results need."""
        kept = self._needed(results)
        place = {old: new for new, old in enumerate(kept)}
        code = []
        for old in kept:
            name, dtype, *operands = self.code[old]
            if name not in LEAVES:
                operands = [place[operand] for operand in operands]
            code.append((name, dtype, *operands))
        return Program(tuple(code), tuple(inputs), tuple(place[r] for r in results), constants)

    def _needed(self, results: Sequence[int]) -> list[int]:
        needed = set(results)
        for position in range(len(self.code) - 1, -1, -1):
            if position in needed and self.code[position][0] not in LEAVES:
                needed.update(self.code[position][2:])
        return sorted(needed)
