"""Stored tables as sources of features: read when first needed, kept within a byte budget."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from numpy.typing import NDArray

from ecumene.catalog.footprints import edges_boxes
from ecumene.catalog.parquet import ParquetTable
from ecumene.catalog.tablefiles import DAMAGE, TableData, large, read
from ecumene.catalog.tablerows import Outlines, Rows, kind_of, mask, whole
from ecumene.core.caches import Counters
from ecumene.core.element import INDEX, Feature
from ecumene.core.errors import LimitExceeded
from ecumene.core.geometry import Geometry
from ecumene.core.query import Bounds, Column, Condition, Query
from ecumene.storage.gate import Gate

_CHUNK = 1000
_SPAN = 65_536
_SORTED_BYTES = 2**29
"""Most memory for rows that are sorted without a limit."""
_TOP = 100_000
"""Most rows that are sorted by their keys alone, and then read."""


class Table(Protocol):
    """Rows of a file, in memory or not."""

    rows: int
    columns: pa.Schema

    @property
    def nbytes(self) -> int:
        """Memory held."""

    def scan(
        self,
        condition: Condition | None,
        names: Sequence[str],
        shapes: bool,
        geodesic: bool,
        skip: int = 0,
        most: int | None = None,
    ) -> Iterator[Rows]:
        """Rows that satisfy a condition, in the order of the table; only these columns are decoded."""

    def count(self, condition: Condition | None, geodesic: bool) -> int:
        """The number of rows that satisfy a condition."""

    def take(self, numbers: NDArray[np.int64], names: Sequence[str], geodesic: bool) -> Rows:
        """Rows by their numbers, in that order, with their geometries."""

    def bounds(self) -> list[Bounds]:
        """Boxes that hold all shapes with straight edges."""


class TableCache:
    """Tables of files, newest use last; re-read when the file changes.

    Those of more than ``most`` bytes (GeoParquet only) stay in their files.
    """

    def __init__(self, gate: Gate, capacity: int = 2**29, most: int = 2**26) -> None:
        self._gate, self._capacity, self._most = gate, capacity, most
        self._lock = threading.Lock()
        self._held: OrderedDict[tuple[str, int, int], tuple[Table, int]] = OrderedDict()
        self._hits = self._misses = self._evictions = 0
        self._reading: dict[tuple[str, int, int], threading.Lock] = {}

    def get(self, path: str) -> Table:
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
                    table = self._opened(real)
                    found = (table, table.nbytes)
                self._keep(key, found)
            finally:
                with self._lock:
                    self._reading.pop(key, None)
        return found[0]

    def _opened(self, real: str) -> Table:
        try:
            if large(real, self._most):
                return ParquetTable(real)
        except DAMAGE:
            pass  # reading says what is wrong
        return LoadedTable(read(real))

    def _keep(self, key: tuple[str, int, int], entry: tuple[Table, int]) -> None:
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
        self._table, self._shapes, self.nbytes = data.columns, data.shapes, data.nbytes
        self.columns: pa.Schema = data.columns.schema
        self.rows = len(data.shapes)
        self._boxes: dict[bool, NDArray[np.float64]] = {False: shapely.bounds(data.shapes)}

    def _boxes_of(self, geodesic: bool) -> NDArray[np.float64]:
        """Boxes of the shapes with edges of either kind."""
        if geodesic not in self._boxes:
            self._boxes[geodesic] = edges_boxes(self._shapes)
        return self._boxes[geodesic]

    def bounds(self) -> list[Bounds]:
        """The boxes of all shapes."""
        known = self._boxes[False][:, 0] == self._boxes[False][:, 0]
        return [(w, s, e, n) for w, s, e, n in self._boxes[False][known].tolist()]

    def _rows(self, numbers: NDArray[np.int64], geodesic: bool) -> Rows:
        shapes = self._shapes[numbers]
        outlines = Outlines(
            lambda part: shapes[part], lambda: self._boxes_of(geodesic)[numbers], geodesic
        )
        return Rows(self._table.take(pa.array(numbers)), numbers, outlines)

    def scan(
        self,
        condition: Condition | None,
        names: Sequence[str],
        shapes: bool,
        geodesic: bool,
        skip: int = 0,
        most: int | None = None,
    ) -> Iterator[Rows]:
        """Rows that satisfy a condition, some thousands at a time."""
        left = self.rows if most is None else most
        span = _SPAN if most is None or most > _CHUNK else _CHUNK
        for start in range(0, self.rows, span):
            if left <= 0:
                return
            numbers = np.arange(start, min(start + span, self.rows))
            if condition is not None:
                numbers = numbers[mask(condition, self._span(numbers, geodesic))]
            skipped = min(skip, len(numbers))
            skip -= skipped
            numbers = numbers[skipped : skipped + left]
            left -= len(numbers)
            if len(numbers):
                yield self._rows(numbers, geodesic)

    def _span(self, numbers: NDArray[np.int64], geodesic: bool) -> Rows:
        first, count = int(numbers[0]), len(numbers)
        shapes = self._shapes[first : first + count]
        outlines = Outlines(
            lambda part: shapes[part],
            lambda: self._boxes_of(geodesic)[first : first + count],
            geodesic,
        )
        return Rows(self._table.slice(first, count), numbers, outlines)

    def count(self, condition: Condition | None, geodesic: bool) -> int:
        """The number of rows that satisfy a condition."""
        total = 0
        for start in range(0, self.rows, _SPAN):
            numbers = np.arange(start, min(start + _SPAN, self.rows))
            total += int(mask(condition, self._span(numbers, geodesic)).sum())
        return total

    def take(self, numbers: NDArray[np.int64], names: Sequence[str], geodesic: bool) -> Rows:
        """Rows by their numbers, in that order."""
        return self._rows(numbers, geodesic)


def features(rows: Rows) -> Iterator[Feature]:
    """Rows as features; properties without a value are absent."""
    names = [name for name in rows.columns.column_names if name != INDEX]
    for start in range(0, len(rows), _CHUNK):
        places = np.arange(start, min(start + _CHUNK, len(rows)))
        chunk = rows.part(places)
        indices = chunk.listed(INDEX)
        values = [chunk.listed(name) for name in names]
        outlines = rows.outlines
        assert outlines is not None, "features are made of rows with their geometries"
        shapes = outlines.shapes(places).tolist()
        table = zip(*values, strict=True) if values else (() for _ in indices)
        for index, shape, row in zip(indices, shapes, table, strict=True):
            found = {n: v for n, v in zip(names, row, strict=True) if v is not None}
            found[INDEX] = index
            geometry = None if shape is None else Geometry(shape, geodesic=outlines.geodesic)
            yield Feature(found, index, None, geometry)


class TableSource:
    """The rows of a stored table as features; nothing is read before it is needed."""

    skips = True

    def __init__(self, cache: TableCache, path: str, geodesic: bool, count: int | None) -> None:
        self._cache, self._path = cache, path
        self._geodesic, self._count = geodesic, count

    @property
    def table(self) -> Table:
        """The rows, read if need be."""
        return self._cache.get(self._path)

    def elements(self, query: Query) -> Iterator[Any]:
        """Features that answer the query (bounds: by their boxes)."""
        table = self.table
        names = table.columns.names
        if query.order is None:
            found = table.scan(whole(query), names, True, self._geodesic, query.offset, query.limit)
        else:
            found = iter([self._sorted(table, query, *query.order)])
        for rows in found:
            yield from features(rows)

    def _sorted(self, table: Table, query: Query, name: str, ascending: bool) -> Rows:
        """Rows in an order: those that stay are read by their numbers, found from the keys alone."""
        last = query.offset + (table.rows if query.limit is None else query.limit)
        if last > _TOP and table.rows > _TOP:
            self._check_size(table, query)
        best = _Keys(ascending, last)
        for rows in table.scan(whole(query), [name], False, self._geodesic):
            best.add(rows.column(name), rows.numbers)
        chosen = best.numbers()[query.offset :]
        return table.take(chosen, table.columns.names, self._geodesic)

    def _check_size(self, table: Table, query: Query) -> None:
        """LimitExceeded if the rows to sort are too many to be held."""
        rows = table.count(whole(query), self._geodesic)
        if rows * 64 * (len(table.columns) + 4) > _SORTED_BYTES:
            raise LimitExceeded(
                f"Collection.sort: {rows} rows are too many to be sorted at once; filter or limit them."
            )

    def count(self, query: Query) -> int | None:
        """The number of matching rows; of all rows without reading the file."""
        if query == Query() and self._count is not None:
            return self._count
        return self.table.count(whole(query), self._geodesic)

    def columns(self, query: Query, names: Sequence[str]) -> Iterator[Sequence[Column]] | None:
        """Plain columns of the rows that answer the query; sorted ones are made of elements."""
        if query.order is not None or any(name == ".geo" for name in names):
            return None
        return self._columns(query, names)

    def _columns(self, query: Query, names: Sequence[str]) -> Iterator[Sequence[Column]]:
        asked = replace(query, limit=None, offset=0)
        scanned = self.table.scan(
            whole(asked), names, False, self._geodesic, query.offset, query.limit
        )
        for rows in scanned:
            yield [rows.values(name) for name in names]

    def answers(self, condition: Condition) -> bool:
        """All conditions are."""
        return True

    def can_order(self, name: str) -> bool:
        """By plain columns."""
        columns = self.table.columns
        return name == INDEX or (
            name in columns.names and kind_of(columns.field(name).type) is not None
        )


class _Keys:
    """Numbers of the first rows in an order, of rows that come in runs."""

    def __init__(self, ascending: bool, most: int) -> None:
        self._ascending, self._most = ascending, most
        self._runs: list[tuple[Any, NDArray[np.int64]]] = []
        self._held = 0
        self._last: Any = None

    def _may_stay(self, keys: Any) -> NDArray[np.bool_]:
        """Rows whose keys come before the last that is held; later ones with the same key do not."""
        test = pc.less if self._ascending else pc.greater
        return np.asarray(pc.fill_null(test(keys, self._last), False), bool)

    def add(self, keys: Any, numbers: NDArray[np.int64]) -> None:
        """A run of rows, behind those before where their keys are equal."""
        if self._last is not None:
            keep = self._may_stay(keys)
            keys, numbers = keys.filter(pa.array(keep)), numbers[keep]
        self._runs.append((keys, numbers))
        self._held += len(numbers)
        if self._held > 2 * max(self._most, _SPAN):
            self._shorten()

    def _shorten(self) -> None:
        keys = pa.concat_arrays([run[0] for run in self._runs])
        numbers = np.concatenate([run[1] for run in self._runs])
        order = _ranks(keys, self._ascending)[: self._most]
        self._runs = [(keys.take(pa.array(order)), numbers[order])]
        self._held = len(order)
        full = len(order) == self._most and self._most > 0
        self._last = self._runs[0][0][-1] if full and self._runs[0][0][-1].is_valid else None

    def numbers(self) -> NDArray[np.int64]:
        """The first rows."""
        if not self._runs:
            return np.zeros(0, np.int64)
        self._shorten()
        return self._runs[0][1]


def _ranks(keys: Any, ascending: bool) -> NDArray[np.intp]:
    """A stable sort with missing values last."""
    table = pa.table({"key": keys, "row": pa.array(np.arange(len(keys)))})
    direction = "ascending" if ascending else "descending"
    order = pc.sort_indices(table, sort_keys=[("key", direction), ("row", "ascending")])
    return np.asarray(order, np.intp)
