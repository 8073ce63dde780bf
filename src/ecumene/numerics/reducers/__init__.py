"""Accumulators: the numeric side of reducers (see ``core.reducer``).

All take samples ``(n, *cells)`` with weights of the same shape (None = all present with weight one, 0 =
absent) and merge associatively. NaN samples count as absent for numeric statistics.
"""
