"""What Earth Engine calls things, one module per type or theme."""
