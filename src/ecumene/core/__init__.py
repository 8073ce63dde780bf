"""Values, type lattice, registry and errors: what every other room is built on."""
