"""Programs as machine code: printed as LLVM, one loop over pixels, compiled for this processor.

Every line is made of a name from ``program.CODE``, a type and positions, so nothing but a program's structure is
in the text; numbers are read from memory at each run. Arithmetic is strict IEEE (no flag lets LLVM reorder
or fuse it): results have the bits that NumPy's have. See ``worker`` for who compiles.
"""

from __future__ import annotations

import base64
import ctypes
import json
import struct
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from numpy.typing import NDArray

from ecumene.kernels.programs import worker
from ecumene.kernels.programs.program import COMPARE, Instruction, Program

TYPES = {
    "b1": "i1", "u1": "i8", "i1": "i8", "u2": "i16", "i2": "i16", "u4": "i32", "i4": "i32", "i8": "i64",
    "f4": "float", "f8": "double",
}  # fmt: skip
ARITHMETIC = {
    "add": ("add", "fadd"), "subtract": ("sub", "fsub"), "multiply": ("mul", "fmul"), "divide": ("", "fdiv"),
    "and": ("and", ""), "or": ("or", ""), "xor": ("xor", ""), "left_shift": ("shl", ""), "right_shift": ("ashr", ""),
}  # fmt: skip
ORDER = {
    "equal": ("eq", "oeq"), "not_equal": ("ne", "une"), "less": ("lt", "olt"), "less_equal": ("le", "ole"),
    "greater": ("gt", "ogt"), "greater_equal": ("ge", "oge"),
}  # fmt: skip
INTRINSICS = {"floor": "floor", "ceil": "ceil", "trunc": "trunc", "rint": "rint", "sqrt": "sqrt"}
SLOT = 8
"""Bytes that a constant takes in the memory that the code reads it from."""


SECONDS = 120
"""How long a batch may take; a program takes less than a tenth of a second."""


class Native:
    """Machine code of a program; its memory is freed with the object."""

    def __init__(self, code: bytes, arguments: int) -> None:
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        machine = llvm.Target.from_default_triple().create_target_machine(opt=0)
        nothing = llvm.parse_assembly("", context=llvm.create_context())
        self._engine = llvm.create_mcjit_compiler(nothing, machine)
        self._engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        self._engine.finalize_object()
        kinds = (ctypes.c_int64, *(ctypes.c_void_p,) * arguments)
        self._call = ctypes.CFUNCTYPE(None, *kinds)(self._engine.get_function_address("run"))

    def __call__(
        self,
        arrays: Sequence[NDArray[Any]],
        constants: Sequence[Any],
        outputs: Sequence[NDArray[Any]],
    ) -> None:
        """As ``strips.run``; arrays that are not contiguous are copied."""
        flat = [np.ascontiguousarray(array) for array in arrays]
        memory = _packed(constants)
        addresses = [array.ctypes.data for array in (memory, *flat, *outputs)]
        self._call(outputs[0].size, *addresses)


def _packed(constants: Sequence[Any]) -> NDArray[np.uint8]:
    memory = np.zeros(SLOT * max(len(constants), 1), "u1")
    for k, value in enumerate(constants):
        if isinstance(value, np.ndarray):
            value = np.uint64(value.ctypes.data)
        memory[SLOT * k : SLOT * k + value.itemsize] = np.frombuffer(value.tobytes(), "u1")
    return memory


def compiled(programs: Sequence[Program]) -> list[Native | None]:
    """Machine code of programs, compiled by a process of its own; None for those that LLVM refuses.

    Raises RuntimeError where that process fails, OSError where it cannot be started.
    """
    command = [sys.executable, "-P", worker.__file__]
    texts = json.dumps([text(program) for program in programs])
    try:
        done = subprocess.run(
            command, input=texts, capture_output=True, text=True, timeout=SECONDS, check=True
        )
    except subprocess.SubprocessError as error:
        said = (getattr(error, "stderr", None) or str(error)).strip()
        raise RuntimeError(said.splitlines()[-1]) from error
    return [
        None if code is None else loaded(program, base64.b64decode(code))
        for program, code in zip(programs, json.loads(done.stdout), strict=True)
    ]


def loaded(program: Program, code: bytes) -> Native:
    """A program's object code, ready to run."""
    return Native(code, 1 + len(program.inputs) + len(program.outputs))


def text(program: Program) -> str:
    """The program as LLVM: ``run(pixels, constants, inputs…, outputs…)``."""
    pointers = ["%constants"]
    pointers += [f"%in{k}" for k in range(len(program.inputs))]
    pointers += [f"%out{k}" for k in range(len(program.outputs))]
    before: list[str] = []
    inside: list[str] = []
    for position, instruction in enumerate(program.code):
        leaf = LEAVES.get(instruction[0])
        if leaf is not None:
            leaf(position, instruction, before, inside)
        elif instruction[0] != "literal":
            inside += _line(program, position, instruction)
    for k, result in enumerate(program.results):
        inside += _stored(program, k, result)
    lines = [
        f"define void @run(i64 %pixels, {', '.join(f'ptr noalias {p}' for p in pointers)}) {{",
        "entry:",
        *before,
        "  %some = icmp sgt i64 %pixels, 0",
        "  br i1 %some, label %loop, label %done",
        "loop:",
        "  %at = phi i64 [0, %entry], [%next, %loop]",
        *inside,
        "  %next = add nuw nsw i64 %at, 1",
        "  %more = icmp slt i64 %next, %pixels",
        "  br i1 %more, label %loop, label %done",
        "done:",
        "  ret void",
        "}",
    ]
    return "\n".join((*_declared(program), *lines)) + "\n"


def _memory(dtype: str) -> str:
    return "i8" if dtype == "b1" else TYPES[dtype]


def _input(position: int, instruction: Instruction, before: list[str], inside: list[str]) -> None:
    _, dtype, k = instruction
    kind = _memory(dtype)
    inside.append(f"  %p{position} = getelementptr {kind}, ptr %in{k}, i64 %at")
    if dtype == "b1":
        inside.append(f"  %b{position} = load i8, ptr %p{position}")
        inside.append(f"  %v{position} = icmp ne i8 %b{position}, 0")
    else:
        inside.append(f"  %v{position} = load {kind}, ptr %p{position}")


def _constant(
    position: int, instruction: Instruction, before: list[str], inside: list[str]
) -> None:
    _, dtype, k = instruction
    before.append(f"  %p{position} = getelementptr i8, ptr %constants, i64 {SLOT * k}")
    before.append(f"  %v{position} = load {TYPES[dtype]}, ptr %p{position}")


def _table(position: int, instruction: Instruction, before: list[str], inside: list[str]) -> None:
    before.append(f"  %p{position} = getelementptr i8, ptr %constants, i64 {SLOT * instruction[2]}")
    before.append(f"  %v{position} = load ptr, ptr %p{position}")


LEAVES: dict[str, Callable[[int, Instruction, list[str], list[str]], None]] = {
    "input": _input,
    "constant": _constant,
    "table": _table,
}


def _operand(program: Program, position: int) -> str:
    name, dtype, *rest = program.code[position]
    if name != "literal":
        return f"%v{position}"
    if dtype[0] == "f":
        return f"0x{struct.pack('>d', float(np.dtype(dtype).type(rest[0]))).hex().upper()}"
    return str(int(rest[0]))


def _line(program: Program, position: int, instruction: Instruction) -> list[str]:
    """An instruction that computes."""
    name, dtype, *operands = instruction
    into = f"  %v{position} ="
    kind = TYPES[dtype]
    floating = dtype[0] == "f"
    values = [_operand(program, k) for k in operands]
    if name in ARITHMETIC:
        return [f"{into} {ARITHMETIC[name][floating]} {kind} {values[0]}, {values[1]}"]
    if name in COMPARE:
        return [_compared(into, name, program.code[operands[0]][1], values)]
    if name in ("minimum", "maximum", "fmax"):
        return _extreme(position, name, dtype, values)
    if name == "select":
        return [f"{into} select i1 {values[0]}, {kind} {values[1]}, {kind} {values[2]}"]
    if name == "convert":
        source = program.code[operands[0]][1]
        return [f"{into} {_conversion(source, dtype)} {TYPES[source]} {values[0]} to {kind}"]
    if name == "invert":
        return [f"{into} xor {kind} {values[0]}, -1"]
    if name == "lookup":
        return [
            f"  %p{position} = getelementptr {kind}, ptr {values[0]}, i64 {values[1]}",
            f"{into} load {kind}, ptr %p{position}",
        ]
    if name == "absolute" and not floating:
        return [f"{into} call {kind} @llvm.abs.{kind}({kind} {values[0]}, i1 false)"]
    called = "fabs" if name == "absolute" else INTRINSICS[name]
    return [f"{into} call {kind} @llvm.{called}.{_suffix(dtype)}({kind} {values[0]})"]


def _suffix(dtype: str) -> str:
    return f"f{8 * int(dtype[1:])}"


def _compared(into: str, name: str, dtype: str, values: list[str]) -> str:
    whole, real = ORDER[name]
    if dtype[0] == "f":
        return f"{into} fcmp {real} {TYPES[dtype]} {values[0]}, {values[1]}"
    if whole not in ("eq", "ne"):
        whole = ("s" if dtype[0] == "i" else "u") + whole
    return f"{into} icmp {whole} {TYPES[dtype]} {values[0]}, {values[1]}"


def _extreme(position: int, name: str, dtype: str, values: list[str]) -> list[str]:
    """The second operand where both are equal; NaN of the first passes, but in ``fmax``."""
    order = "less" if name == "minimum" else "greater"
    a, b = values
    kind = TYPES[dtype]
    lines = [_compared(f"  %c{position} =", order, dtype, values)]
    test = f"%c{position}"
    if dtype[0] == "f" and name != "fmax":
        lines.append(f"  %n{position} = fcmp uno {kind} {a}, {a}")
        lines.append(f"  %t{position} = or i1 {test}, %n{position}")
        test = f"%t{position}"
    lines.append(f"  %v{position} = select i1 {test}, {kind} {a}, {kind} {b}")
    return lines


def _conversion(source: str, target: str) -> str:
    signed = source[0] == "i"
    wider = int(target[1:]) - (0 if source == "b1" else int(source[1:]))
    if source[0] == "f":
        if target[0] == "f":
            return "fpext" if wider > 0 else "fptrunc"
        return "fptosi" if target[0] == "i" else "fptoui"
    if target[0] == "f":
        return "sitofp" if signed else "uitofp"
    if wider == 0:
        return "bitcast"
    if wider < 0:
        return "trunc"
    return "sext" if signed else "zext"


def _stored(program: Program, k: int, result: int) -> list[str]:
    dtype = program.code[result][1]
    kind, value = _memory(dtype), _operand(program, result)
    lines = [f"  %q{k} = getelementptr {kind}, ptr %out{k}, i64 %at"]
    if dtype == "b1":
        lines.append(f"  %o{k} = zext i1 {value} to i8")
        value = f"%o{k}"
    lines.append(f"  store {kind} {value}, ptr %q{k}")
    return lines


def _declared(program: Program) -> list[str]:
    """Declarations of the functions that LLVM has instructions for."""
    found = set()
    for name, dtype, *_ in program.code:
        kind = TYPES[dtype]
        if name == "absolute" and dtype[0] != "f":
            found.add(f"declare {kind} @llvm.abs.{kind}({kind}, i1)")
        elif name == "absolute" or name in INTRINSICS:
            called = "fabs" if name == "absolute" else INTRINSICS[name]
            found.add(f"declare {kind} @llvm.{called}.{_suffix(dtype)}({kind})")
    return sorted(found)
