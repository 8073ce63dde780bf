"""Every limit of the server in one object, with two profiles: ``open`` and ``gee``."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits that a request meets. The defaults are the profile ``open``.

    Sizes are bytes, times seconds. ``request_pixels_bytes`` is counted as Earth Engine counts it:
    W·H·Σ(bytes per band + 1 mask byte).
    """

    body_bytes: int = 64 * 2**20
    graph_nodes: int = 500_000
    graph_depth: int = 20_000
    call_depth: int = 100
    json_depth: int = 400
    request_pixels_bytes: int = 1024 * 2**20
    side_pixels: int = 32_768
    bands: int = 1024
    elements: int = 100_000
    result_bytes: int = 256 * 2**20
    list_elements: int = 10_000_000
    array_elements: int = 50_000_000
    memory_bytes: int = 2 * 2**30
    compute_seconds: float = 300.0
    pixel_operations: float = 1e13
    concurrent_requests: int = 40
    queued_requests: int = 400
    page_features: int = 1000
    region_values: int = 1_048_576
    rectangle_pixels: int = 262_144


OPEN = Limits()
GEE = replace(
    OPEN,
    body_bytes=10 * 2**20,
    graph_depth=5_000,
    request_pixels_bytes=48 * 2**20,
    elements=5000,
    compute_seconds=300.0,
    result_bytes=100 * 2**20,
)
PROFILES = {"open": OPEN, "gee": GEE}
