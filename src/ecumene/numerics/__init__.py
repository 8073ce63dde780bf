"""Arrays in, arrays out: no CRS, no I/O."""
