"""Compiling in the background: who does it, how much of it, and what happens where it fails."""

from __future__ import annotations

import logging
import threading

import numpy as np
import pytest

from ecumene.kernels.programs import native, tiers
from ecumene.kernels.programs.program import Builder
from ecumene.kernels.programs.tiers import Compiler


def adding(number: int):
    b = Builder()
    return b.finished(
        ["f8"], [b.binary("add", b.emit("input", "f8", 0), b.literal("f8", number))], 0
    )


class Stub:
    """Compiles to a word; notes in which threads, and waits for a sign if told."""

    def __init__(self, *, wait: bool = False) -> None:
        self.threads: list[str] = []
        self.batches: list[int] = []
        self.go = threading.Event()
        if not wait:
            self.go.set()

    def __call__(self, programs):
        self.threads.append(threading.current_thread().name)
        self.batches.append(len(programs))
        assert self.go.wait(20)
        return ["code"] * len(programs)


def test_nobody_waits_for_the_compiler():
    stub = Stub(wait=True)
    compiler, program = Compiler(stub), adding(1)
    for _ in range(3):
        compiler.want(program)
        assert compiler.ready(program) is None
    stub.go.set()
    compiler.join()
    assert compiler.ready(program) == "code"
    assert stub.threads == ["ecumene-compiler"], "once, and not in the thread that asked"


def test_few_programs_wait():
    stub = Stub(wait=True)
    compiler = Compiler(stub)
    for k in range(3 * tiers.WAITING):
        compiler.want(adding(k))
    stub.go.set()
    compiler.join()
    assert 0 < compiler.stats().entries <= tiers.WAITING


def test_the_oldest_code_goes():
    compiler = Compiler(Stub(), kept=3)
    programs = [adding(k) for k in range(5)]
    for program in programs[:3]:
        compiler.want(program)
        compiler.join()
    assert (
        compiler.ready(programs[0]) == "code"
    )  # the first is used again: the second is the oldest
    for program in programs[3:]:
        compiler.want(program)
        compiler.join()
    assert [compiler.ready(p) is not None for p in programs] == [True, False, False, True, True]
    assert compiler.stats() == (4, 2, 2, 3, 3)


def test_large_programs_are_not_compiled():
    b = Builder()
    value = b.emit("input", "f8", 0)
    for k in range(tiers.LONGEST):
        value = b.binary("add", value, b.literal("f8", k))
    stub = Stub()
    compiler = Compiler(stub)
    compiler.want(b.finished(["f8"], [value], 0))
    compiler.join()
    assert stub.batches == []


@pytest.mark.parametrize(
    "error", [RuntimeError("refused"), OSError("no process")], ids=["refused", "no process"]
)
def test_a_failure_is_not_tried_again(error, caplog):
    calls = []

    def fail(programs):
        calls.append(len(programs))
        raise error

    compiler, program = Compiler(fail), adding(1)
    with caplog.at_level(logging.WARNING, "ecumene.kernels"):
        for _ in range(3):
            compiler.want(program)
            compiler.join()
    assert calls == [1]
    assert str(error) in caplog.text
    assert compiler.ready(program) is None


def test_without_a_compiler_strips_serve():
    calls = []

    def missing(programs):
        calls.append(len(programs))
        raise ImportError("No module named 'llvmlite'")

    compiler = Compiler(missing)
    for k in range(3):
        compiler.want(adding(k))
        compiler.join()
    assert not compiler.available
    assert calls == [1]


def test_a_process_compiles_a_batch():
    """The real way: another process, text in, object code out; one that LLVM refuses does not stop the rest."""
    bad = adding(3)
    bad.code = (("input", "f8", 0), ("literal", "f4", 3), ("add", "f8", 0, 1), ("add", "f4", 2, 1))
    bad.results = (3,)
    codes = native.compiled([adding(1), bad, adding(2)])
    array = np.arange(12.0).reshape(3, 4)
    for number, code in ((1, codes[0]), (2, codes[2])):
        out = np.empty((3, 4))
        assert code is not None
        code([array], [], [out])
        np.testing.assert_array_equal(out, array + number)
    assert codes[1] is None


def test_a_process_that_fails_is_an_error(monkeypatch, tmp_path):
    broken = tmp_path / "broken.py"
    broken.write_text("import sys; sys.stderr.write('it broke\\n'); sys.exit(3)")
    monkeypatch.setattr(native.worker, "__file__", str(broken))
    with pytest.raises(RuntimeError, match="it broke"):
        native.compiled([adding(1)])
