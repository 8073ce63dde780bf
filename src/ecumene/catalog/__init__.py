"""What exists: assets, datasets, STAC, search."""
