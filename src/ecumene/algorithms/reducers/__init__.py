"""Reducer constructors and wrappers, and their use on lists, columns and arrays."""
