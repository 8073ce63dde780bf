"""Geometries on the spheroid and in planes."""
