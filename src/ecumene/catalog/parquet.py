"""Large GeoParquet tables, read in batches: row groups that cannot answer are skipped, columns not asked for stay in the file.

Row groups are ruled out by the extremes that the file keeps of its columns, and by boxes: those of the
file's covering column where it has one (GeoParquet 1.1), else of our own pass over the geometries when a
place is first asked for. Memory is that of a batch, whatever the size of the file.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import shapely
from numpy.typing import NDArray

from ecumene.catalog.footprints import edges_boxes, steepest
from ecumene.catalog.pruning import Extremes, Part, possible
from ecumene.catalog.tablefiles import DAMAGE, Place, assembled, place_of, plain_columns, to_degrees
from ecumene.catalog.tablerows import Mask, Outlines, Rows, is_spatial, mask, names_in
from ecumene.core.element import INDEX
from ecumene.core.errors import Unavailable
from ecumene.core.query import Bounds, Condition

_BATCH = 65_536
_FIRST = 1024
_BUFFER = 2**20
_POINT = 21
"""Bytes of a point's WKB."""


class ParquetTable:
    """A table that stays in its file. Thread-safe: every scan opens the file for itself."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._name = os.path.basename(path)
        with open(path, "rb") as source:
            self._stamp = _stamp(source.fileno())
            file = pq.ParquetFile(source)
            self._metadata, schema = file.metadata, file.schema_arrow
        self._place: Place = place_of(schema)
        self._schema = schema
        hidden = {self._place.column} if self._place.hidden else set()
        empty = schema.empty_table().drop_columns(list(hidden))
        self.columns: pa.Schema = plain_columns(empty).schema
        self.rows: int = self._metadata.num_rows
        self._starts = np.cumsum([0, *(self._group(g).num_rows for g in self._groups)])
        self._lock = threading.Lock()
        self._boxes: dict[bool, list[Bounds]] = {}
        self._leaves = {
            self._group(0).column(i).path_in_schema: i
            for i in range(self._group(0).num_columns if self._groups else 0)
        }
        self._parts = [self._part(g) for g in self._groups]

    @property
    def _groups(self) -> range:
        return range(self._metadata.num_row_groups)

    def _group(self, number: int) -> Any:
        return self._metadata.row_group(number)

    @property
    def nbytes(self) -> int:
        """Memory of what is kept: the description of the file."""
        return 2000 * len(self._starts) + 1000 * len(self._starts) * len(self.columns)

    # -- what is known without reading ------------------------------------------------------------

    def _part(self, group: int) -> Part:
        extremes = {}
        for field in self.columns:
            found = self._extremes(group, field.name)
            if found is not None and field.name != INDEX:
                extremes[field.name] = found
        return Part(extremes, box=self._covering_box(group))

    def _extremes(self, group: int, leaf: str) -> Extremes | None:
        at = self._leaves.get(leaf)
        chunk = None if at is None else self._group(group).column(at)
        statistics = None if chunk is None or not chunk.is_stats_set else chunk.statistics
        if statistics is None:
            return None
        rows = self._group(group).num_rows
        if statistics.has_null_count and statistics.null_count == rows and rows:
            return Extremes(None, None, empty=True)
        if not statistics.has_min_max:
            return None
        kind = self._schema.field(leaf.split(".")[0]).type
        return _plain_extremes(statistics.min, statistics.max, kind)

    def _covering_box(self, group: int) -> Bounds | None:
        if self._place.covering is None:
            return None
        found = [self._extremes(group, ".".join(path)) for path in self._place.covering]
        if any(one is None for one in found):
            return None
        if any(one is not None and one.empty for one in found):
            nan = float("nan")
            return (nan, nan, nan, nan)
        low, high = ([one.least, one.largest] for one in found[:2] if one), found[2:]
        (west, _), (south, _) = low
        east, north = (one.largest for one in high if one)
        return (float(west), float(south), float(east), float(north))

    def _reaches(self, geodesic: bool) -> list[Bounds] | None:
        """Boxes of the row groups; the geometries are looked at once where the file does not tell."""
        known = [part.box for part in self._parts]
        if all(box is not None for box in known):
            held = np.array(known).reshape(-1, 4)
            if geodesic and not self._place.points:
                held = steepest(held)
            return [_bounds(row) for row in held]
        with self._lock:
            if geodesic not in self._boxes:
                self._boxes[geodesic] = [self._box(g, geodesic) for g in self._groups]
            return self._boxes[geodesic]

    def _box(self, group: int, geodesic: bool) -> Bounds:
        boxes = [
            _around(rows.outlines.boxes)
            for rows in self._batches(group, (), True, geodesic)
            if rows.outlines is not None
        ]
        return _bounds(_around(np.array(boxes).reshape(-1, 4)))

    def bounds(self) -> list[Bounds]:
        """Boxes that hold all shapes with straight edges."""
        found = self._reaches(False)
        return [box for box in found or [] if box[0] == box[0]]

    # -- scanning --------------------------------------------------------------------------------

    def scan(
        self,
        condition: Condition | None,
        names: Sequence[str],
        shapes: bool,
        geodesic: bool,
        skip: int = 0,
        most: int | None = None,
    ) -> Iterator[Rows]:
        """Rows that satisfy a condition, in the order of the table; only these columns are decoded.

        The first ``skip`` of them are left out, and it ends after ``most``.
        """
        boxes = self._reaches(geodesic) if is_spatial(condition) else None
        left = self.rows if most is None else most
        for group in self._groups:
            if left <= 0:
                return
            part = self._parts[group]
            if boxes is not None:
                part = Part(part.extremes, part.missing, boxes[group])
            if condition is not None and not possible(condition, part):
                continue
            size = self._group(group).num_rows
            if condition is None and skip >= size:
                skip -= size
                continue
            keep = None if condition is None else self._chosen(group, condition, geodesic)
            keep, skip, found = _limited(keep, size, skip, left)
            left -= found
            if found:
                yield from self._kept(group, keep, names, shapes, geodesic)

    def count(self, condition: Condition | None, geodesic: bool) -> int:
        """The number of rows that satisfy a condition."""
        return sum(len(rows) for rows in self.scan(condition, (), False, geodesic))

    def _chosen(self, group: int, condition: Condition, geodesic: bool) -> Mask:
        names, spatial = sorted(names_in(condition)), is_spatial(condition)
        found = [mask(condition, rows) for rows in self._batches(group, names, spatial, geodesic)]
        return np.concatenate(found) if found else np.zeros(0, bool)

    def _kept(
        self, group: int, keep: Mask, names: Sequence[str], shapes: bool, geodesic: bool
    ) -> Iterator[Rows]:
        """The rows of a group that were chosen."""
        last = int(np.flatnonzero(keep)[-1]) + 1
        if not names and not shapes:
            numbers = np.flatnonzero(keep) + int(self._starts[group])
            yield Rows(assembled({}, len(numbers)), numbers)
            return
        done = 0
        for rows in self._batches(group, names, shapes, geodesic, last):
            part = keep[done : done + len(rows)]
            done += len(rows)
            if part.any():
                yield rows if part.all() else _picked(rows, part)
            if done >= last:
                return

    def _batches(
        self,
        group: int,
        names: Sequence[str],
        shapes: bool,
        geodesic: bool,
        last: int | None = None,
    ) -> Iterator[Rows]:
        """All rows of a group, in batches."""
        wanted = [name for name in names if name in self.columns.names]
        needed = [*wanted, *(name for name in self._place.read if shapes and name not in wanted)]
        size = _BATCH if last is None or last > _FIRST else _FIRST
        start, total = int(self._starts[group]), self._group(group).num_rows
        if not needed:
            for at in range(0, total, size):
                numbers = np.arange(start + at, start + min(at + size, total))
                yield Rows(assembled({}, len(numbers)), numbers)
            return
        for batch in self._read(group, needed, size):
            table = pa.Table.from_batches([batch])
            numbers = np.arange(start, start + len(table))
            start += len(table)
            outlines = self._outlines(table, geodesic) if shapes else None
            yield Rows(plain_columns(table.select(wanted)), numbers, outlines)

    def _read(self, group: int, columns: list[str], size: int) -> Iterator[Any]:
        try:
            with open(self._path, "rb") as source:
                if _stamp(source.fileno()) != self._stamp:
                    raise Unavailable(f"The table '{self._name}' changed while it was read.")
                file = pq.ParquetFile(source, metadata=self._metadata, buffer_size=_BUFFER)
                yield from file.iter_batches(size, row_groups=[group], columns=columns)
        except DAMAGE as error:
            raise Unavailable(f"The table '{self._name}' is damaged: {str(error)[:200]}") from error

    def _outlines(self, table: pa.Table, geodesic: bool) -> Outlines:
        place = self._place

        def shapes(rows: NDArray[np.intp]) -> NDArray[Any]:
            found = place.shapes(table.take(pa.array(rows)))
            return to_degrees(found, place.crs)

        def boxes() -> NDArray[np.float64]:
            if place.covering is not None:
                return _covered(table, place.covering, geodesic and not place.points)
            points = None if place.crs is not None else _points(table, place.column)
            if points is not None:
                return points
            found = shapes(np.arange(len(table)))
            return edges_boxes(found) if geodesic else np.asarray(shapely.bounds(found))

        return Outlines(shapes, boxes, geodesic)

    def take(self, numbers: NDArray[np.int64], names: Sequence[str], geodesic: bool) -> Rows:
        """Rows by their numbers, in that order, with their geometries."""
        tables, shapes, found = [], [], []
        for group in np.unique(np.searchsorted(self._starts, numbers, "right") - 1).tolist():
            keep = np.zeros(self._group(group).num_rows, bool)
            inside = (numbers >= self._starts[group]) & (numbers < self._starts[group + 1])
            keep[numbers[inside] - self._starts[group]] = True
            for rows in self._kept(group, keep, names, True, geodesic):
                assert rows.outlines is not None
                tables.append(rows.columns)
                shapes.append(rows.outlines.shapes(np.arange(len(rows))))
                found.append(rows.numbers)
        if not found:
            return Rows(self.columns.empty_table(), numbers, held(np.empty(0, object), geodesic))
        there = np.concatenate(found)
        order = np.argsort(there)[np.searchsorted(np.sort(there), numbers)]
        together = pa.concat_tables(tables, promote_options="permissive")
        return Rows(
            together.take(pa.array(order)), numbers, held(np.concatenate(shapes)[order], geodesic)
        )


def held(shapes: NDArray[Any], geodesic: bool) -> Outlines:
    """Outlines of shapes in memory."""

    def boxes() -> NDArray[np.float64]:
        return edges_boxes(shapes) if geodesic else np.asarray(shapely.bounds(shapes))

    return Outlines(lambda rows: shapes[rows], boxes, geodesic)


def _picked(rows: Rows, keep: Mask) -> Rows:
    """Some of the rows; their shapes are found by their places among all."""
    places = np.flatnonzero(keep)
    outlines = rows.outlines
    chosen: Outlines | None = None
    if outlines is not None:
        all_of = outlines
        chosen = Outlines(
            lambda part: all_of.shapes(places[part]),
            lambda: all_of.boxes[places],
            outlines.geodesic,
        )
    return Rows(rows.columns.take(pa.array(places)), rows.numbers[places], chosen)


def _limited(keep: Mask | None, size: int, skip: int, most: int) -> tuple[Mask, int, int]:
    """The rows kept of a group after leaving out some and up to a number; what is still to skip; how many."""
    places = np.arange(size) if keep is None else np.flatnonzero(keep)
    chosen = places[skip : skip + most]
    found = np.zeros(size, bool)
    found[chosen] = True
    return found, max(skip - len(places), 0), len(chosen)


def _stamp(descriptor: int) -> tuple[int, int]:
    stat = os.fstat(descriptor)
    return stat.st_mtime_ns, stat.st_size


def _plain_extremes(least: Any, largest: Any, kind: Any) -> Extremes | None:
    """Extremes as property values; None for kinds that are no numbers, texts or times."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        pair = pc.cast(pa.array([least, largest], kind), pa.timestamp("ms"), safe=False)
        least, largest = pc.cast(pair, pa.int64()).to_pylist()
    elif pa.types.is_boolean(kind):
        least, largest = int(least), int(largest)
    elif isinstance(least, bytes):
        return None
    if isinstance(least, str) and isinstance(largest, str):
        return Extremes(least, largest)
    numbers = isinstance(least, int | float) and isinstance(largest, int | float)
    return Extremes(least, largest) if numbers and least <= largest else None


def _covered(
    table: pa.Table, covering: Sequence[Sequence[str]], geodesic: bool
) -> NDArray[np.float64]:
    sides = []
    for path in covering:
        column = table.column(path[0]).combine_chunks()
        for name in path[1:]:
            column = pc.struct_field(column, name)
        sides.append(np.asarray(pc.cast(column, pa.float64()).to_numpy(zero_copy_only=False)))
    boxes = np.column_stack(sides)
    return steepest(boxes) if geodesic else boxes


def _points(table: pa.Table, name: str) -> NDArray[np.float64] | None:
    """Boxes of a column of WKB points in two dimensions, without making shapes; None if others are among them."""
    if name not in table.column_names:
        return None
    column = table.column(name).combine_chunks()
    if column.null_count or not pa.types.is_binary(column.type):
        return None
    _, offsets, data = column.buffers()
    ends = np.frombuffer(offsets, np.int32)[column.offset : column.offset + len(column) + 1]
    if not len(column) or (np.diff(ends) != _POINT).any():
        return None
    raw = np.frombuffer(data, np.uint8)[ends[0] : ends[-1]].reshape(-1, _POINT)
    if (raw[:, :5] != np.array([1, 1, 0, 0, 0], np.uint8)).any():
        return None
    points = np.ascontiguousarray(raw[:, 5:]).view("<f8").reshape(-1, 2)
    return np.column_stack([points, points])


def _around(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """The box around boxes; NaN if none has any extent."""
    known = boxes[~np.isnan(boxes).any(axis=1)]
    if not len(known):
        return np.full(4, np.nan)
    return np.concatenate([known[:, :2].min(axis=0), known[:, 2:].max(axis=0)])


def _bounds(row: NDArray[np.float64]) -> Bounds:
    west, south, east, north = row.tolist()
    return (west, south, east, north)
