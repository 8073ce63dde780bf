"""The small raster plan: nodes and the executor."""
