"""Geodesic geometry, predicates, tables."""
