"""Grids, warping, sources, zonal sums, encoders."""
