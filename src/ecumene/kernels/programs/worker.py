"""Compiles LLVM text to object code, in a process of its own: ``python worker.py`` with JSON in and out.

A server must not compile in its own process: the compiler keeps some memory of every run, holds the interpreter
for milliseconds at a time, and ends its process where it finds itself in error. This one lives for a
batch, at low priority. It needs llvmlite only and imports nothing of the package.
"""

from __future__ import annotations

import base64
import json
import os
import sys

PRIORITY = 15
"""By how much it is nicer than the server."""


def object_code(text: str) -> bytes:
    """Object code of a module, for this processor.

    Raises RuntimeError where LLVM refuses the text.
    """
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple()
    features = llvm.get_host_cpu_features().flatten()
    machine = target.create_target_machine(llvm.get_host_cpu_name(), features, opt=3)
    module = llvm.parse_assembly(text, context=llvm.create_context())
    module.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    options.loop_vectorization = True
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    return bytes(machine.emit_object(module))


def main() -> None:
    """Reads a list of texts, writes a list of object codes (base64; null where LLVM refuses)."""
    if hasattr(os, "nice"):
        os.nice(PRIORITY)
    found: list[str | None] = []
    for text in json.load(sys.stdin):
        try:
            found.append(base64.b64encode(object_code(text)).decode())
        except RuntimeError as error:
            sys.stderr.write(f"{error}\n")
            found.append(None)
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
