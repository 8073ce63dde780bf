"""Stored tables as sources of features: read when first needed, kept within a byte budget."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from numpy.typing import NDArray

from ecumene.catalog.conditions import plain
from ecumene.catalog.footprints import edges_boxes
from ecumene.catalog.tablefiles import TableData, read
from ecumene.core.caches import Counters
from ecumene.core.element import INDEX, Feature
from ecumene.core.geometry import Geometry
from ecumene.core.query import Comparison, Query
from ecumene.storage.gate import Gate

_CHUNK = 1000
_OPERATORS = {
    "==": pc.equal,
    "!=": pc.not_equal,
    "<": pc.less,
    "<=": pc.less_equal,
    ">": pc.greater,
    ">=": pc.greater_equal,
}
Mask = NDArray[np.bool_]


class TableCache:
    """Tables read from files, newest use last; re-read when the file changes."""

    def __init__(self, gate: Gate, capacity: int = 2**29) -> None:
        self._gate, self._capacity = gate, capacity
        self._lock = threading.Lock()
        self._held: OrderedDict[tuple[str, int, int], tuple[LoadedTable, int]] = OrderedDict()
        self._hits = self._misses = self._evictions = 0
        self._reading: dict[tuple[str, int, int], threading.Lock] = {}

    def get(self, path: str) -> LoadedTable:
        """The table of a file. One thread reads it, others wait."""
        real = self._gate.check(path)
        try:
            stat = os.stat(real)
            key = (real, stat.st_mtime_ns, stat.st_size)
        except OSError:
            key = (real, 0, 0)
        with self._lock:
            found = self._held.get(key)
            if found is not None:
                self._hits += 1
                self._held.move_to_end(key)
                return found[0]
            self._misses += 1
            reading = self._reading.setdefault(key, threading.Lock())
        with reading:
            with self._lock:
                found = self._held.get(key)
            try:
                if found is None:
                    data = read(real)
                    found = (LoadedTable(data), data.nbytes)
                self._keep(key, found)
            finally:
                with self._lock:
                    self._reading.pop(key, None)
        return found[0]

    def _keep(self, key: tuple[str, int, int], entry: tuple[LoadedTable, int]) -> None:
        with self._lock:
            self._held[key] = entry
            total = sum(size for _, size in self._held.values())
            while total > self._capacity and len(self._held) > 1:
                total -= self._held.popitem(last=False)[1][1]
                self._evictions += 1

    def counters(self) -> Counters:
        """Of this cache."""
        with self._lock:
            size = sum(size for _, size in self._held.values())
            return Counters(
                self._hits,
                self._misses,
                self._evictions,
                len(self._held),
                size,
                self._capacity,
                True,
            )


class LoadedTable:
    """A table in memory: Arrow columns, shapes and their boxes."""

    def __init__(self, data: TableData) -> None:
        self.columns, self.shapes = data.columns, data.shapes
        self.boxes: NDArray[np.float64] = shapely.bounds(data.shapes)
        self._geodesic_boxes: NDArray[np.float64] | None = None
        self.rows = len(data.shapes)
        self._kinds = {name: _kind(data.columns.schema.field(name).type) for name in self.names}

    @property
    def names(self) -> list[str]:
        """Column names."""
        return list(self.columns.column_names)

    def column_types(self) -> dict[str, str]:
        """Type words of the columns, as Earth Engine prints them."""
        words = {}
        for field in self.columns.schema:
            if pa.types.is_integer(field.type):
                words[field.name] = "Long"
            else:
                words[field.name] = {"number": "Float", "text": "String"}.get(
                    self._kinds[field.name] or "", "Object"
                )
        return words

    def boxes_of(self, geodesic: bool) -> NDArray[np.float64]:
        """Boxes of the shapes with edges of either kind."""
        if not geodesic:
            return self.boxes
        if self._geodesic_boxes is None:
            self._geodesic_boxes = edges_boxes(self.shapes)
        return self._geodesic_boxes

    def matching(self, query: Query, geodesic: bool = True) -> NDArray[np.intp]:
        """Row numbers that answer the query, in its order."""
        keep: Mask = np.ones(self.rows, bool)
        if query.bounds is not None:
            keep &= boxes_meet(self.boxes_of(geodesic), query.bounds)
        if query.time is not None:
            keep &= self._time(*query.time)
        for comparison in query.comparisons:
            keep &= self._comparison(comparison)
        found = np.flatnonzero(keep)
        if query.order is not None:
            found = found[self._ranks(found, *query.order)]
        return found[: query.limit]

    def _time(self, start: int, end: int) -> Mask:
        if self._kinds.get("system:time_start") != "number":
            return np.zeros(self.rows, bool)
        column = self.columns.column("system:time_start")
        return _mask(pc.greater_equal(column, start)) & _mask(pc.less(column, end))

    def _comparison(self, wanted: Comparison) -> Mask:
        if wanted.name == INDEX and INDEX not in self._kinds:
            return self._by_number(wanted)
        kind = self._kinds.get(wanted.name)
        if kind is None:
            return np.zeros(self.rows, bool)
        column = self.columns.column(wanted.name)
        if wanted.op == "in":
            mask = np.zeros(self.rows, bool)
            for value in wanted.value:
                mask |= self._comparison(Comparison(wanted.name, "==", value))
            return mask
        value = plain(wanted.value)
        alike = isinstance(value, str) == (kind == "text") and isinstance(value, str | int | float)
        if not alike:
            return _mask(pc.is_valid(column)) & (wanted.op == "!=")
        return _mask(_OPERATORS[wanted.op](column, value))

    def _by_number(self, wanted: Comparison) -> Mask:
        index = pa.array([str(i) for i in range(self.rows)])
        if wanted.op == "in":
            chosen = [v for v in wanted.value if isinstance(v, str)]
            return _mask(pc.is_in(index, value_set=pa.array(chosen, pa.string())))
        if not isinstance(wanted.value, str):
            return np.full(self.rows, wanted.op == "!=")
        return _mask(_OPERATORS[wanted.op](index, wanted.value))

    def can_order(self, name: str) -> bool:
        """Whether this is a plain column."""
        return self._kinds.get(name) is not None

    def _ranks(self, rows: NDArray[np.intp], name: str, ascending: bool) -> NDArray[np.intp]:
        """A stable sort with missing values last."""
        column = self.columns.column(name).take(pa.array(rows))
        keys = pa.table({"key": column, "row": pa.array(np.arange(len(rows)))})
        direction = "ascending" if ascending else "descending"
        order = pc.sort_indices(keys, sort_keys=[("key", direction), ("row", "ascending")])
        return np.asarray(order, np.intp)

    def features(self, rows: NDArray[np.intp], geodesic: bool) -> Iterator[Feature]:
        """Features of these rows; properties without a value are absent."""
        for start in range(0, len(rows), _CHUNK):
            chunk = rows[start : start + _CHUNK]
            values = self.columns.take(pa.array(chunk)).to_pylist()
            if not values:
                values = [{} for _ in chunk]
            for row, properties in zip(chunk.tolist(), values, strict=True):
                yield self._feature(row, properties, geodesic)

    def _feature(self, row: int, properties: Mapping[str, Any], geodesic: bool) -> Feature:
        found = {name: value for name, value in properties.items() if value is not None}
        index = str(found.get(INDEX, row))
        found[INDEX] = index
        form = self.shapes[row]
        geometry = None if form is None else Geometry(form, geodesic=geodesic)
        return Feature(found, index, None, geometry)


def _mask(values: Any) -> Mask:
    return np.asarray(pc.fill_null(values, False).to_numpy(zero_copy_only=False), bool)


def _kind(arrow: Any) -> str | None:
    if pa.types.is_integer(arrow) or pa.types.is_floating(arrow):
        return "number"
    return "text" if pa.types.is_string(arrow) else None


def boxes_meet(boxes: NDArray[np.float64], bounds: tuple[float, float, float, float]) -> Mask:
    """Rows whose box touches ``bounds`` on the circle of longitudes; empty shapes never do."""
    west, south, east, north = bounds
    inside = (boxes[:, 1] <= north) & (boxes[:, 3] >= south)
    if east - west >= 360:
        return np.asarray(inside, bool)
    around = np.zeros(len(boxes), bool)
    for shift in (-720.0, -360.0, 0.0, 360.0, 720.0):
        around |= (boxes[:, 0] <= east + shift) & (boxes[:, 2] >= west + shift)
    return np.asarray(inside & around, bool)


class TableSource:
    """The rows of a stored table as features; nothing is read before it is needed."""

    def __init__(self, cache: TableCache, path: str, geodesic: bool, count: int | None) -> None:
        self._cache, self._path = cache, path
        self._geodesic, self._count = geodesic, count

    @property
    def table(self) -> LoadedTable:
        """The rows, read if need be."""
        return self._cache.get(self._path)

    def elements(self, query: Query) -> Iterator[Any]:
        """Features that answer the query (bounds: by their boxes)."""
        table = self.table
        return table.features(table.matching(query, self._geodesic), self._geodesic)

    def count(self, query: Query) -> int | None:
        """The number of matching rows; of all rows without reading the file."""
        if query == Query() and self._count is not None:
            return self._count
        return len(self.table.matching(query, self._geodesic))

    def can_order(self, name: str) -> bool:
        """By plain columns."""
        return self.table.can_order(name)
