"""``python -m benchmarks.tables [--rows 10000000] [--points 100000] [--root build/bench] [--tasks PREFIX …]``

A GeoParquet table of ten million points and joins of two collections of a hundred thousand, asked through the
server over HTTP by the public client. Quoted are wall and processor seconds, and the most memory that the
server held while it answered beside what it held before. Every answer is checked against numpy on the
same file.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import shapely

from benchmarks import processes
from benchmarks.server import Server, command

GROUP = 100_000
ASSET = "projects/bench/assets"
BOX = (10.0, 45.0, 12.0, 47.0)
DAY = 86_400_000


def columns(rows: int, seed: int = 7) -> dict[str, Any]:
    """Points in clusters around the globe, ordered by cells of a degree, with a number, a text and a time."""
    rng = np.random.default_rng(seed)
    centre = np.column_stack([rng.uniform(-179, 179, 500), rng.uniform(-60, 70, 500)])
    centre[0] = (11, 46)
    lonlat = centre[rng.integers(0, 500, rows)] + rng.normal(0, 1.0, (rows, 2))
    lonlat[:, 0] = (lonlat[:, 0] + 180) % 360 - 180
    order = np.lexsort((np.floor(lonlat[:, 0]), np.floor(lonlat[:, 1])))
    return {
        "lon": lonlat[order, 0],
        "lat": lonlat[order, 1],
        "key": rng.permutation(rows),
        "value": np.round(rng.normal(100, 15, rows), 3),
        "kind": np.array(["road", "river", "house", "field", "wood"])[rng.integers(0, 5, rows)],
        "system:time_start": 1_500_000_000_000 + rng.integers(0, 1000, rows) * DAY,
    }


def write(path: Path, rows: int) -> None:
    """The table as GeoParquet 1.1, boxes in a covering column, row groups of a hundred thousand."""
    found = columns(rows)
    lon, lat = found.pop("lon"), found.pop("lat")
    sides = {"xmin": lon, "ymin": lat, "xmax": lon, "ymax": lat}
    covering = {"bbox": {name: ["bbox", name] for name in sides}}
    described = {"encoding": "WKB", "geometry_types": ["Point"], "covering": covering}
    geo = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": described}}
    box = pa.StructArray.from_arrays([pa.array(s) for s in sides.values()], list(sides))
    first = pa.table({**{n: pa.array(v) for n, v in found.items()}, "bbox": box})
    partial = path.with_suffix(".part")
    schema = first.schema.append(pa.field("geometry", pa.binary()))
    schema = schema.with_metadata({"geo": json.dumps(geo)})
    with pq.ParquetWriter(partial, schema) as writer:
        for start in range(0, rows, GROUP):
            part = slice(start, start + GROUP)
            wkb = pa.array(shapely.to_wkb(shapely.points(lon[part], lat[part])), pa.binary())
            table = first.slice(start, GROUP).append_column("geometry", wkb)
            writer.write_table(table.replace_schema_metadata(schema.metadata), GROUP)
    os.replace(partial, path)


def scattered(path: Path, count: int, seed: int) -> None:
    """Points of a collection to join: over a box of three by three degrees, with a number."""
    rng = np.random.default_rng(seed)
    shapes = shapely.points(rng.uniform(8, 11, count), rng.uniform(45, 48, count))
    _plain(path, shapes, rng)


def squares(path: Path, count: int, seed: int) -> None:
    """Squares of a few hundred metres over the same box."""
    rng = np.random.default_rng(seed)
    west, south = rng.uniform(8, 11, count), rng.uniform(45, 48, count)
    _plain(path, shapely.box(west, south, west + 0.004, south + 0.003), rng)


def _plain(path: Path, shapes: Any, rng: Any) -> None:
    described = {"encoding": "WKB", "geometry_types": []}
    geo = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": described}}
    columns = {"n": rng.integers(0, 50_000, len(shapes)), "geometry": shapely.to_wkb(shapes)}
    pq.write_table(pa.table(columns).replace_schema_metadata({"geo": json.dumps(geo)}), path)


@dataclass(frozen=True)
class Task:
    """A question for the public client, and the right answer."""

    name: str
    ask: Callable[[], Any]
    expected: Callable[[], Any]


def table_tasks(path: Path, rows: int) -> Iterator[Task]:
    """Filters, limits and aggregates of the large table."""
    import ee

    points = ee.FeatureCollection(f"{ASSET}/points")
    box = ee.Filter.bounds(ee.Geometry.Rectangle(BOX, None, False))

    def column(name: str) -> Any:
        return pq.read_table(path, columns=[name]).column(name)

    def within(box: tuple[float, ...]) -> Any:
        held = pq.read_table(path, columns=["bbox"]).column("bbox").combine_chunks()
        x, y = (held.field(name).to_numpy() for name in ("xmin", "ymin"))
        return (x >= box[0]) & (x <= box[2]) & (y >= box[1]) & (y <= box[3])

    def inside() -> Any:
        return within(BOX)

    wanted = [k % rows for k in (5, 123_456, 7_777_777)]
    yield Task("size", points.size, lambda: rows)
    yield Task("limit(10), whole features", lambda: points.limit(10), lambda: 10)
    yield Task(
        "equals: size",
        lambda: points.filter(ee.Filter.eq("key", wanted[1])).size(),
        lambda: 1,
    )
    yield Task(
        "inList: keys",
        lambda: points.filter(ee.Filter.inList("key", wanted)).aggregate_array("key").sort(),
        lambda: sorted(wanted),
    )
    yield Task(
        "text and number: size",
        lambda: points.filter('kind == "wood" && value > 150').size(),
        lambda: int(
            pc.sum(
                pc.and_(pc.equal(column("kind"), "wood"), pc.greater(column("value"), 150))
            ).as_py()
        ),
    )
    yield Task(
        "days: size",
        lambda: points.filterDate("2018-01-01", "2018-01-02").size(),
        lambda: int(pc.sum(pc.equal(column("system:time_start"), _new_year(column))).as_py() or 0),
    )
    yield Task("box: size", lambda: points.filter(box).size(), lambda: int(inside().sum()))
    yield Task(
        "box: limit(10)",
        lambda: points.filter(box).limit(10).aggregate_array("key"),
        lambda: column("key").to_numpy()[inside()][:10].tolist(),
    )
    yield Task(
        "box: mean",
        lambda: points.filter(box).aggregate_mean("value"),
        lambda: float(column("value").to_numpy()[inside()].mean()),
    )
    yield Task(
        "circle of 50 km: size",
        lambda: points.filter(
            ee.Filter.withinDistance(50_000, ".geo", ee.Geometry.Point(11, 46))
        ).size(),
        lambda: _near(path, 11, 46, 50_000),
    )
    yield Task(
        "mean", lambda: points.aggregate_mean("value"), lambda: pc.mean(column("value")).as_py()
    )
    yield Task("sum", lambda: points.aggregate_sum("key"), lambda: pc.sum(column("key")).as_py())
    yield Task(
        "max", lambda: points.aggregate_max("value"), lambda: pc.max(column("value")).as_py()
    )
    yield Task(
        "sort, limit(5)",
        lambda: points.sort("value", False).limit(5).aggregate_array("value"),
        lambda: np.sort(column("value").to_numpy())[:-6:-1].tolist(),
    )
    yield Task(
        "grouped mean",
        lambda: ee.List(
            points.reduceColumns(ee.Reducer.mean().group(1, "kind"), ["value", "kind"]).get(
                "groups"
            )
        ).size(),
        lambda: 5,
    )
    fields = ee.FeatureCollection(
        [
            ee.Feature(ee.Geometry.Rectangle([x, 46, x + 0.1, 46.1], None, False))
            for x in (10.5, 11.2)
        ]
    )
    yield Task(
        "join with two squares: size",
        lambda: ee.FeatureCollection(
            ee.Join.simple().apply(points, fields, ee.Filter.intersects(".geo", None, ".geo"))
        ).size(),
        lambda: sum(within((x, 46, x + 0.1, 46.1)).sum() for x in (10.5, 11.2)),
    )
    yield Task(
        "page at 5,000,000",
        lambda: ee.Feature(points.toList(1, rows // 2).get(0)).get("key"),
        lambda: column("key")[rows // 2].as_py(),
    )


def _new_year(column: Callable[[str], Any]) -> int:
    """The time of the table's day that falls on the first of January 2018."""
    start = 1_514_764_800_000
    return start + (1_500_000_000_000 - start) % DAY


def _near(path: Path, lon: float, lat: float, metres: float) -> int:
    from pyproj import Geod

    held = pq.read_table(path, columns=["bbox"]).column("bbox").combine_chunks()
    x, y = (held.field(name).to_numpy() for name in ("xmin", "ymin"))
    near = (abs(x - lon) < 2) & (abs(y - lat) < 2)
    x, y = x[near], y[near]
    away = Geod(ellps="WGS84").inv(x, y, np.full(len(x), float(lon)), np.full(len(x), float(lat)))[
        2
    ]
    return int((away <= metres).sum())


def join_tasks(root: Path) -> Iterator[Task]:
    """Joins of two collections by place and by value."""
    import ee

    left, right = (ee.FeatureCollection(f"{ASSET}/{name}") for name in ("left", "right"))
    boxes = ee.FeatureCollection(f"{ASSET}/boxes")

    def shapes(name: str) -> Any:
        return shapely.from_wkb(
            pq.read_table(root / f"{name}.parquet").column("geometry").to_numpy()
        )

    def joined(join: Any, others: Any, condition: Any) -> Any:
        return ee.FeatureCollection(join.apply(left, others, condition))

    near = ee.Filter.withinDistance(1000, ".geo", None, ".geo")
    met = ee.Filter.intersects(".geo", None, ".geo")
    same = ee.Filter.equals("n", None, "n")
    yield Task(
        "join withinDistance 1 km: pairs",
        lambda: joined(ee.Join.inner(), right, near).size(),
        lambda: _pairs_near(shapes("left"), shapes("right"), 1000),
    )
    yield Task(
        "join withinDistance 1 km: simple",
        lambda: joined(ee.Join.simple(), right, near).size(),
        lambda: _pairs_near(shapes("left"), shapes("right"), 1000, simple=True),
    )
    yield Task(
        "join withinDistance 1 km: saveBest, mean measure",
        lambda: (
            joined(ee.Join.saveBest("best", "metres"), right, near)
            .map(lambda f: f.set("m", ee.Feature(f.get("best")).get("metres")))
            .aggregate_mean("m")
        ),
        lambda: _pairs_near(shapes("left"), shapes("right"), 1000, best=True),
    )
    yield Task(
        "join intersects squares: pairs",
        lambda: joined(ee.Join.inner(), boxes, met).size(),
        lambda: shapely.STRtree(shapes("boxes")).query(shapes("left"), "intersects").shape[1],
    )
    yield Task(
        "join squares withinDistance 300 m: pairs",
        lambda: joined(
            ee.Join.inner(), boxes, ee.Filter.withinDistance(300, ".geo", None, ".geo")
        ).size(),
        lambda: None,
    )
    yield Task(
        "join equals: pairs",
        lambda: joined(ee.Join.inner(), right, same).size(),
        lambda: _pairs_equal(root),
    )


def _pairs_near(
    left: Any, right: Any, metres: float, simple: bool = False, best: bool = False
) -> Any:
    from pyproj import Geod

    i, j = shapely.STRtree(right).query(shapely.buffer(left, 0.02, cap_style="square"))
    a, b = left[i], right[j]
    ends = (shapely.get_x(a), shapely.get_y(a), shapely.get_x(b), shapely.get_y(b))
    away = Geod(ellps="WGS84").inv(*ends)[2]
    i, away = i[away <= metres], away[away <= metres]
    if best:
        least = np.full(len(left), np.inf)
        np.minimum.at(least, i, away)
        return float(least[np.isfinite(least)].mean())
    return len(np.unique(i)) if simple else len(i)


def _pairs_equal(root: Path) -> int:
    left, right = (
        pq.read_table(root / f"{name}.parquet").column("n").to_numpy() for name in ("left", "right")
    )
    return int((np.bincount(left, minlength=50_000) * np.bincount(right, minlength=50_000)).sum())


def _made(root: Path, options: argparse.Namespace) -> dict[str, Path]:
    root.mkdir(parents=True, exist_ok=True)
    found = {"points": root / f"points-{options.rows}.parquet"}
    if not found["points"].exists():
        write(found["points"], options.rows)
    for seed, (name, make) in enumerate(
        {"left": scattered, "right": scattered, "boxes": squares}.items()
    ):
        found[name] = root / f"{name}.parquet"
        make(found[name], options.points, seed)
    return found


def _registered(files: dict[str, Path], root: Path) -> Path:
    data = Path(tempfile.mkdtemp(prefix="server-", dir=root))
    for name, path in files.items():
        command("catalog", "add", str(path), "--id", f"{ASSET}/{name}", "--data", str(data))
    return data


def _measured(server: Server, task: Task) -> tuple[Any, ...]:
    pids = processes.family(server.process.pid)
    before, held = processes.cpu_seconds(pids), processes.peak_mb(pids[:0]) + _held(pids)
    processes.reset_peak(pids)
    start = time.perf_counter()
    found = task.ask().getInfo()
    wall = time.perf_counter() - start
    cpu = processes.cpu_seconds(pids) - before
    peak = processes.peak_mb(pids)
    right = task.expected()
    if isinstance(found, dict):
        found = len(found["features"])
    if right is None:
        return task.name, wall, cpu, held, peak, f"{found}, unchecked"
    same = bool(np.allclose(found, right, rtol=1e-9)) if found is not None else False
    return task.name, wall, cpu, held, peak, "right" if same else f"WRONG: {found} for {right}"


def _held(pids: list[int]) -> float:
    processes.reset_peak(pids)
    return processes.peak_mb(pids)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--points", type=int, default=100_000)
    parser.add_argument("--root", type=Path, default=Path("build/bench/tables"))
    parser.add_argument("--tasks", nargs="*", default=[""], help="prefixes of names")
    options = parser.parse_args()
    files = _made(options.root, options)
    size = files["points"].stat().st_size / 2**20
    print(f"{options.rows} rows, {size:.0f} MiB; {options.points} points a side of joins")
    server = Server(options.root, lambda root: _registered(files, root))
    try:
        print(f"{'task':50} {'wall s':>8} {'cpu s':>8} {'held MB':>8} {'peak MB':>8}")
        for task in (*table_tasks(files["points"], options.rows), *join_tasks(options.root)):
            if any(task.name.startswith(prefix) for prefix in options.tasks):
                name, wall, cpu, held, peak, word = _measured(server, task)
                print(
                    f"{name:50} {wall:8.2f} {cpu:8.2f} {held:8.0f} {peak:8.0f}  {word}", flush=True
                )
    finally:
        server.close()
        for name in ("left", "right", "boxes"):
            files[name].unlink()


if __name__ == "__main__":
    main()
