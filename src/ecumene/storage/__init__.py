"""Bytes and blocks: the gate, readers and caches."""
