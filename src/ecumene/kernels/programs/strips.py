"""Programs run by NumPy, a strip of pixels at a time: intermediate results stay in the second-level cache.

``np.where`` takes a branch for every pixel (thirty times an addition where the test is random), so choosing is
done on bits: ``no ^ ((yes ^ no) & test)`` with the test spread over the width of the values. Which buffer holds
what is decided once per program.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecumene.kernels.programs.program import LEAVES, Instruction, Program

CACHED = 1 << 22
"""Bytes of all that a strip touches, at most (unless its shortest or a single row is more)."""

LONGEST, SHORTEST = 1 << 16, 1 << 13
"""Pixels of a strip: beyond the first nothing is gained, below the second calls cost more than arithmetic."""

Values = NDArray[Any]
Slot = tuple[str, int, str]
"""Where an operand lives: in a ``buffer``, ``input``, ``output`` or as ``scalar``; which; read as which type."""


def _copied(values: Any, out: Values) -> None:
    np.copyto(out, values, casting="unsafe")


def _taken(table: Values, index: Values, out: Values) -> None:
    np.take(table, index, out=out, mode="clip")


def _picked(test: Any, yes: Any, no: Any, out: Values) -> None:
    np.copyto(out, yes if test else no)


CALLS: dict[str, Callable[..., Any]] = {
    "add": np.add, "subtract": np.subtract, "multiply": np.multiply, "divide": np.divide,
    "minimum": np.minimum, "maximum": np.maximum, "fmax": np.fmax,
    "and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor, "invert": np.invert,
    "left_shift": np.left_shift, "right_shift": np.right_shift,
    "equal": np.equal, "not_equal": np.not_equal, "less": np.less, "less_equal": np.less_equal,
    "greater": np.greater, "greater_equal": np.greater_equal,
    "floor": np.floor, "ceil": np.ceil, "trunc": np.trunc, "rint": np.rint, "sqrt": np.sqrt,
    "absolute": np.absolute, "negative": np.negative, "convert": _copied, "lookup": _taken, "pick": _picked,
}  # fmt: skip

APART = ("convert", "lookup", "pick")
"""Calls whose result must not lie where an operand does."""


@dataclass(slots=True)
class Schedule:
    """Calls in order with the slots of their results and operands; sizes of the buffers' elements."""

    calls: list[tuple[Callable[..., Any], int, tuple[int, ...]]]
    slots: list[Slot]
    buffers: list[int]
    uniform: dict[int, Instruction]
    length: int


@dataclass(slots=True)
class _Value:
    """A result of the expanded code: its type and where it lives."""

    dtype: str
    kind: str = "buffer"
    index: int = -1
    last: int = -1


@dataclass(slots=True)
class _Expansion:
    """The program in terms of NumPy's calls: choices as operations on bits."""

    program: Program
    values: list[_Value] = field(default_factory=list)
    calls: list[tuple[str, int, tuple[tuple[int, str], ...]]] = field(default_factory=list)
    uniform: dict[int, Instruction] = field(default_factory=dict)
    spread: dict[tuple[int, int, bool], int] = field(default_factory=dict)

    def expanded(self) -> _Expansion:
        for position, instruction in enumerate(self.program.code):
            name, dtype, *operands = instruction
            self.values.append(_Value(dtype))
            if name == "input":
                self.values[position].kind, self.values[position].index = "input", operands[0]
            elif name in LEAVES or all(self.values[k].kind == "scalar" for k in operands):
                self.values[position].kind, self.values[position].index = "scalar", position
                self.uniform[position] = instruction
        outputs = {result: k for k, result in enumerate(self.program.results)}
        for position, (name, dtype, *operands) in enumerate(self.program.code):
            value = self.values[position]
            if value.kind != "buffer":
                continue
            if position in outputs:
                value.kind, value.index = "output", outputs[position]
            if name == "select":
                self._select(position, dtype, *operands)
            else:
                self._call(name, position, *((k, self.values[k].dtype) for k in operands))
        return self

    def _call(self, name: str, result: int, *operands: tuple[int, str]) -> None:
        self.calls.append((name, result, operands))

    def _new(self, dtype: str) -> int:
        self.values.append(_Value(dtype))
        return len(self.values) - 1

    def _zero(self, position: int) -> bool:
        return self.uniform.get(position, ())[:1] == ("literal",) and self.uniform[position][2] == 0

    def _select(self, result: int, dtype: str, test: int, yes: int, no: int) -> None:
        if self.values[test].kind == "scalar":
            self._call("pick", result, (test, "b1"), (yes, dtype), (no, dtype))
            return
        bits = dtype if dtype[0] in "iub" else f"i{dtype[1:]}"
        if self._zero(no):
            self._call("and", result, (yes, bits), (self._spread(test, bits, False), bits))
        elif self._zero(yes):
            self._call("and", result, (no, bits), (self._spread(test, bits, True), bits))
        else:
            mask = self._spread(test, bits, False)
            both, chosen = self._new(bits), self._new(bits)
            self._call("xor", both, (yes, bits), (no, bits))
            self._call("and", chosen, (both, bits), (mask, bits))
            self._call("xor", result, (chosen, bits), (no, bits))

    def _spread(self, test: int, bits: str, inverted: bool) -> int:
        """A bool as integers with all bits alike; one result for all choices by it."""
        width = 0 if bits == "b1" else int(bits[1:])
        key = test, width, inverted
        if key in self.spread:
            return self.spread[key]
        if width == 0:
            made = test if not inverted else self._new("b1")
            if inverted:
                self._call("invert", made, (test, "b1"))
        else:
            plain, made = self._new(f"i{width}"), self._new(f"i{width}")
            self._call("convert", plain, (test, "b1"))
            if inverted:
                one = self._literal(f"i{width}", 1)
                self._call("subtract", made, (plain, f"i{width}"), (one, f"i{width}"))
            else:
                self._call("negative", made, (plain, f"i{width}"))
        self.spread[key] = made
        return made

    def _literal(self, dtype: str, value: int) -> int:
        made = self._new(dtype)
        self.values[made].kind, self.values[made].index = "scalar", made
        self.uniform[made] = ("literal", dtype, value)
        return made


def scheduled(program: Program) -> Schedule:
    """The program's calls with a buffer for every result that is alive; made once."""
    if program.schedule is None:
        program.schedule = _scheduled(program)
    found: Schedule = program.schedule
    return found


def _scheduled(program: Program) -> Schedule:
    code = _Expansion(program).expanded()
    for at, (_, _, operands) in enumerate(code.calls):
        for value, _ in operands:
            code.values[value].last = at
    buffers: list[int] = []
    free: dict[int, list[int]] = {}
    slots: dict[Slot, int] = {}
    calls = []

    def slot(value: _Value, dtype: str) -> int:
        return slots.setdefault((value.kind, value.index, dtype), len(slots))

    for at, (name, result, operands) in enumerate(code.calls):
        sources = tuple(slot(code.values[value], dtype) for value, dtype in operands)
        made = code.values[result]
        dying = {value for value, _ in operands if _dies(code.values[value], at)}
        width = int(made.dtype[1:])
        if made.kind == "buffer":
            _place(made, name, [code.values[v] for v in sorted(dying)], buffers, free)
        for value in dying:
            gone = code.values[value]
            if gone.index != made.index or made.kind != "buffer":
                free.setdefault(int(gone.dtype[1:]), []).append(gone.index)
        # A choice's last operation works on bits, whatever the type of its result.
        written = operands[0][1] if name in ("and", "or", "xor") else made.dtype
        calls.append((CALLS[name], slot(made, written), sources))
        if made.kind == "buffer" and made.last < 0:
            free.setdefault(width, []).append(made.index)
    widths = sum(buffers) + sum(int(dtype[1:]) for dtype in (*program.inputs, *program.outputs))
    length = min(LONGEST, max(SHORTEST, CACHED // max(widths, 1)))
    return Schedule(calls, list(slots), buffers, code.uniform, length)


def _dies(value: _Value, at: int) -> bool:
    return value.kind == "buffer" and value.last == at


def _place(
    made: _Value, name: str, dying: list[_Value], buffers: list[int], free: dict[int, list[int]]
) -> None:
    """In the place of an operand that ends here, in a free buffer, or in a new one."""
    width = int(made.dtype[1:])
    if name not in APART:
        for operand in dying:
            if int(operand.dtype[1:]) == width:
                made.index = operand.index
                return
    if free.get(width):
        made.index = free[width].pop()
        return
    made.index = len(buffers)
    buffers.append(width)


def run(
    program: Program,
    arrays: Sequence[Values],
    constants: Sequence[Any],
    outputs: Sequence[Values],
) -> None:
    """Fills ``outputs`` from ``arrays``, all of one shape ``(height, width)``.

    Parameters
    ----------
    constants : NumPy scalars, or a table (an array of one axis) where the program looks up.
    outputs : contiguous.
    """
    plan = scheduled(program)
    height, width = outputs[0].shape
    with np.errstate(all="ignore"):
        scalars = _uniform(plan, program, constants)
        _fill(program, scalars, arrays, outputs)
        rows = max(1, plan.length // max(width, 1))
        length = min(rows, height) * width
        buffers = [np.empty(length * size, "u1") for size in plan.buffers]
        bound: list[Any] = [None] * len(plan.slots)
        for at, (kind, index, dtype) in enumerate(plan.slots):
            if kind == "scalar":
                bound[at] = scalars[index].view(dtype)
            elif kind == "buffer":
                bound[at] = buffers[index].view(dtype)
        for top in range(0, height, rows):
            strip = slice(top, min(top + rows, height))
            count = (strip.stop - strip.start) * width
            for at, (kind, index, dtype) in enumerate(plan.slots):
                if kind == "input":
                    bound[at] = arrays[index][strip].reshape(-1).view(dtype)
                elif kind == "output":
                    bound[at] = outputs[index][strip].reshape(-1).view(dtype)
                elif kind == "buffer" and bound[at].size != count:
                    bound[at] = bound[at][:count]
            for function, result, operands in plan.calls:
                function(*[bound[k] for k in operands], out=bound[result])


def _uniform(plan: Schedule, program: Program, constants: Sequence[Any]) -> dict[int, Any]:
    """Numbers that are the same for all pixels, computed once."""
    known: dict[int, Any] = {}
    for position, (name, dtype, *operands) in plan.uniform.items():
        if name == "literal":
            known[position] = np.dtype(dtype).type(operands[0])
        elif name in LEAVES:
            known[position] = constants[operands[0]]
        elif name == "convert":
            known[position] = np.asarray(known[operands[0]]).astype(dtype)[()]
        elif name == "select":
            test, yes, no = (known[k] for k in operands)
            known[position] = yes if test else no
        elif name == "lookup":
            table, index = (known[k] for k in operands)
            known[position] = table[min(max(int(index), 0), table.size - 1)]
        else:
            known[position] = CALLS[name](*(known[k] for k in operands))
    return known


def _fill(
    program: Program,
    scalars: dict[int, Any],
    arrays: Sequence[Values],
    outputs: Sequence[Values],
) -> None:
    """Results that are the same everywhere, or are inputs."""
    for k, result in enumerate(program.results):
        name, _, *operands = program.code[result]
        if name == "input":
            outputs[k][...] = arrays[operands[0]]
        elif result in scalars:
            outputs[k][...] = scalars[result]
