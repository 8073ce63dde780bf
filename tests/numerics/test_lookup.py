"""Entries of tables by stored number, compiled and plain."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ecumene import kernels
from ecumene.numerics.lookup import taken


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["uint8", "uint16"]),
    st.sampled_from(["bool", "uint8", "int16", "float32", "float64"]),
    st.booleans(),
    st.booleans(),
    st.integers(0, 2**32 - 1),
)
def test_taken_is_plain_indexing(codes, entry, indexed, hidden, seed):
    kernels.load()
    rng = np.random.default_rng(seed)
    table = rng.integers(0, 2 if entry == "bool" else 120, 2 ** (8 * np.dtype(codes).itemsize) + 1)
    table = table.astype(entry)
    stored = rng.integers(0, np.iinfo(codes).max + 1, (13, 17)).astype(codes)
    index = rng.integers(0, stored.size, rng.integers(1, 700)).astype("int32") if indexed else None
    pixels = stored.size if index is None else index.size
    valid = rng.random(pixels) < 0.6 if hidden else None
    at = stored.reshape(-1) if index is None else stored.reshape(-1)[index]
    expected = np.where(True if valid is None else valid, table[at], table[-1])
    np.testing.assert_array_equal(taken(table, stored, index, valid), expected)
    held = dict(kernels._ready)
    kernels.unload()
    try:
        np.testing.assert_array_equal(taken(table, stored, index, valid), expected)
    finally:
        kernels._ready.update(held)
