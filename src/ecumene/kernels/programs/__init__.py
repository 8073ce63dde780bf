"""Short programs for one pixel, run over many: by NumPy in strips at once, by machine code once it is there.

A program is straight-line code in single assignment: ``program.Builder`` writes it, ``strips.run`` interprets it
with NumPy, ``native.compiled`` prints it as LLVM and compiles it, ``tiers`` decides when. All instructions come
from one table (``program.CODE``), and each gives the same bits in both tiers; nothing that a user typed is in the
text that is compiled, which holds only names from that table, types and positions.
"""
