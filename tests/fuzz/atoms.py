"""Values that the fuzz test starts from: plain ones of every type, and the awkward ones of each."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

Node = dict[str, Any]

INTEGERS = [0, 0, 1, 1, 2, 3, 4, 5, 7, 10, 100, 255, -1, -2, -5, 1000, 65536]
HUGE = [2**31, 2**53, 2**63 - 1, -(2**63), 2**64, 1e300, 1e-300, -1e18, 1e9, 10**30]
FLOATS = [0.5, -0.5, 1.5, 3.14159, 0.1, 30.0, 1e-9, 89.9, 180.0, 1e4]
STRINGS = [
    "", "a", "b", "constant", "B1", "x", ".*", "[a-z]+", "(", "a|b", "é", "🧲⚡️", "\x00", "a b", "system:index", ".geo", ".all",
    "item", "rank", "name", "system:time_start", "mean", "%d", "%.2f", "$1", "{}", "[1,2]", "null", "2020-01-01", "EPSG:4326",
    "projects/fuzz/assets/scene", "projects/fuzz/assets/places", "NO/SUCH", "UTC", "yyyy-MM-dd", "rank > 2 && name != 'x'",
    "a + b * 2", "b('constant') / 2", "\ud7ff", "x" * 300, "-1", "0", "1e5",
]  # fmt: skip

HINTS: dict[str, list[Any]] = {
    "unit": ["day", "month", "year", "week", "hour", "minute", "seconds", "fortnight"],
    "inUnit": ["year", "month", "day"],
    "units": ["pixels", "meters", "days", "years", "radians"],
    "timeZone": ["UTC", "America/Los_Angeles", "Asia/Kolkata", "+05:30", "Mars"],
    "format": ["yyyy-MM-dd", "YYYY 'w' ww", "q", "'", "HH:mm:ss.SSS zzzz Z", "MMM d, yy"],
    "date": ["2020-02-29", "1970", 0, 1.6e12, -1e15, "x"],
    "crs": ["EPSG:4326", "EPSG:3857", "EPSG:32633", "EPSG:0", "SR-ORG:6974"],
    "expression": [
        "a + b",
        "b(0) * 2",
        "rank > 1",
        "x ? 1 : 2",
        "Math.PI ** 2",
        "((((1))))",
        "a =",
    ],
    "regex": ["[0-9]+", "(a+)+$", "\\b", "[[:alpha:]]", "(", "x*"],
    "flags": ["g", "i", "gi", "x"],
    "pattern": ["%s", "%05.1f", "%x", "%d", "%", "%,(.3f"],
    "kernelType": ["circle", "square", "cross", "plus", "octagon", "diamond", "hexagon"],
    "method": ["nearest", "bilinear", "bicubic"],
    "mode": ["nearest", "bilinear", "CLASSIFICATION", "REGRESSION"],
    "precision": ["int", "float", "double", "uint8", "int16"],
    "encoding": ["UTF-8", "UTF-16", "rot13"],
    "id": ["projects/fuzz/assets/scene", "projects/fuzz/assets", "NO/SUCH", ""],
    "tableId": ["projects/fuzz/assets/places", "NO/SUCH"],
    "url": ["gs://bucket/a.json", "/etc/passwd", "http://127.0.0.1:1/x"],
    "property": ["rank", "name", "system:index", "nothing"],
    "optimization": ["boxcar", "window"],
    "inputWeight": ["kernel", "mask", "min"],
    "distribution": ["uniform", "normal"],
    "metric": ["sam", "sid", "sed", "emd", "squared_euclidean", "manhattan"],
}
"""What arguments of a name usually hold."""

REDUCERS = [
    "mean", "count", "sum", "minMax", "median", "mode", "first", "toList", "stdDev", "frequencyHistogram", "histogram",
    "allNonZero", "linearFit", "kurtosis", "countDistinct",
]  # fmt: skip


def constant(value: Any) -> Node:
    return {"constantValue": value}


def call(name: str, **arguments: Any) -> Node:
    nodes = {
        key: value if isinstance(value, dict) and _is_node(value) else constant(value)
        for key, value in arguments.items()
    }
    return {"functionInvocationValue": {"functionName": name, "arguments": nodes}}


def _is_node(value: dict[str, Any]) -> bool:
    return len(value) == 1 and next(iter(value)).endswith(("Value", "Reference"))


def number(rng: random.Random) -> Any:
    if rng.random() < 0.1:
        return rng.choice(HUGE)
    return rng.choice(INTEGERS if rng.random() < 0.5 else FLOATS)


def integer(rng: random.Random) -> Any:
    return rng.choice(HUGE) if rng.random() < 0.08 else rng.choice(INTEGERS)


def text(rng: random.Random) -> str:
    if rng.random() < 0.002:
        return rng.choice(["x", "é", "(", "a,"]) * rng.choice([10_000, 300_000])
    return rng.choice(STRINGS)


def anything(rng: random.Random, depth: int = 2) -> Any:
    """Any JSON value."""
    kind = rng.random()
    if depth and kind < 0.15:
        return [anything(rng, depth - 1) for _ in range(rng.randrange(4))]
    if depth and kind < 0.25:
        return {text(rng)[:20]: anything(rng, depth - 1) for _ in range(rng.randrange(4))}
    return rng.choice([number(rng), number(rng), text(rng), text(rng), None, True, False])


def coordinates(rng: random.Random) -> list[Any]:
    wide = rng.random() < 0.2
    lon = rng.uniform(-400, 400) if wide else rng.uniform(10, 10.3)
    lat = rng.uniform(-100, 100) if wide else rng.uniform(49.7, 50)
    return [lon, lat]


def ring(rng: random.Random) -> list[Any]:
    return [coordinates(rng) for _ in range(rng.randrange(1, 6))]


def rectangle(rng: random.Random) -> Node:
    west, south = coordinates(rng)
    corners = [west, south, west + rng.uniform(0, 0.3), south + rng.uniform(0, 0.3)]
    return call("GeometryConstructors.Rectangle", coordinates=corners)


GEOMETRIES: list[Callable[[random.Random], Node]] = [
    lambda rng: call("GeometryConstructors.Point", coordinates=coordinates(rng)),
    lambda rng: call("GeometryConstructors.Polygon", coordinates=[ring(rng)], evenOdd=True),
    lambda rng: call("GeometryConstructors.LineString", coordinates=ring(rng)),
    lambda rng: call("GeometryConstructors.MultiPoint", coordinates=ring(rng)),
    lambda rng: call("GeometryConstructors.Polygon", coordinates=[ring(rng), ring(rng)], geodesic=False),
    lambda rng: constant({"type": "Point", "coordinates": coordinates(rng)}),
    rectangle,
    rectangle,
]  # fmt: skip


def geometry(rng: random.Random) -> Node:
    return rng.choice(GEOMETRIES)(rng)


def feature(rng: random.Random) -> Node:
    properties = {text(rng)[:30]: anything(rng) for _ in range(rng.randrange(4))}
    return call("Feature", geometry=geometry(rng), metadata=properties | {"rank": number(rng)})


IMAGES: list[Callable[[random.Random], Node]] = [
    lambda rng: call("Image.load", id="projects/fuzz/assets/scene"),
    lambda rng: call("Image.load", id="projects/fuzz/assets/scene"),
    lambda rng: call("Image.pixelLonLat"),
    lambda rng: call("Image.constant", value=[number(rng) for _ in range(rng.randrange(4))]),
    lambda rng: call("Image.random", seed=integer(rng)),
    lambda rng: call("Image.toArray", image=call("Image.constant", value=[1, 2, 3])),
    lambda rng: call("Image.constant", value=call("Array", values=[[1, 2], [3, 4.5]])),
    lambda rng: call("Image.constant", value=number(rng)),
    lambda rng: call("Image.constant", value=number(rng)),
]


def image(rng: random.Random) -> Node:
    return rng.choice(IMAGES)(rng)


ARRAYS: list[Callable[[random.Random], Node]] = [
    lambda rng: call("Array", values=[], pixelType=rng.choice(["int8", "double"])),
    lambda rng: call("Array", values=number(rng)),
    lambda rng: call("Array", values=[[number(rng) for _ in range(2)] for _ in range(2)]),
    lambda rng: call("Array", values=[[rng.choice(INTEGERS) for _ in range(3)] for _ in range(3)]),
    lambda rng: call("Array.identity", size=rng.choice([0, 1, 3])),
    lambda rng: constant([number(rng) for _ in range(rng.randrange(4))]),
    lambda rng: call("Array", values=[number(rng) for _ in range(rng.randrange(1, 6))]),
]


def features(rng: random.Random) -> Node:
    if rng.random() < 0.4:
        return call("Collection.loadTable", tableId="projects/fuzz/assets/places")
    members = [feature(rng) for _ in range(rng.randrange(4))]
    return call("Collection", features={"arrayValue": {"values": members}})


def images(rng: random.Random) -> Node:
    members = [image(rng) for _ in range(rng.randrange(4))]
    return call("ImageCollection.fromImages", images={"arrayValue": {"values": members}})


def elements_of(item: Callable[[random.Random], Any]) -> Callable[[random.Random], Node]:
    return lambda rng: constant([item(rng) for _ in range(rng.randrange(5))])


def kernel(rng: random.Random) -> Node:
    shape = rng.choice(["circle", "square", "euclidean", "plus"])
    return call(f"Kernel.{shape}", radius=rng.choice([0, 1, 1.5, 3]))


ATOMS: dict[str, Callable[[random.Random], Node]] = {
    "Object": lambda rng: constant(anything(rng)),
    "<any>": lambda rng: constant(anything(rng)),
    "Number": lambda rng: constant(number(rng)),
    "Float": lambda rng: constant(number(rng)),
    "Integer": lambda rng: constant(integer(rng)),
    "Long": lambda rng: constant(integer(rng)),
    "Boolean": lambda rng: constant(rng.choice([True, False, 0, 1])),
    "String": lambda rng: constant(text(rng)),
    "List<Object>": elements_of(anything),
    "List<String>": elements_of(text),
    "List<Integer>": elements_of(integer),
    "List<Float>": elements_of(number),
    "List<Number>": elements_of(number),
    "List<List<Object>>": elements_of(lambda rng: [number(rng) for _ in range(3)]),
    "List<List<Float>>": elements_of(lambda rng: [number(rng) for _ in range(3)]),
    "List<List<String>>": elements_of(lambda rng: [text(rng) for _ in range(2)]),
    "Dictionary<Object>": lambda rng: constant({text(rng)[:9]: anything(rng) for _ in range(3)}),
    "Array": lambda rng: rng.choice(ARRAYS)(rng),
    "Image<unknown bands>": image,
    "Geometry": geometry,
    "Rectangle": geometry,
    "Feature": feature,
    "Element": lambda rng: (image if rng.random() < 0.3 else feature)(rng),
    "FeatureCollection": features,
    "ImageCollection": images,
    "Date": lambda rng: call("Date", value=rng.choice(HINTS["date"])),
    "DateRange": lambda rng: call("DateRange", start=rng.choice(HINTS["date"]), end="2021-01-01"),
    "Projection": lambda rng: call("Projection", crs=rng.choice(HINTS["crs"][:3])),
    "ErrorMargin": lambda rng: constant(rng.choice([1, 10, 0, 1000.0])),
    "Reducer": lambda rng: call(f"Reducer.{rng.choice(REDUCERS)}"),
    "Kernel": kernel,
    "Filter": lambda rng: call("Filter.greaterThan", leftField="rank", rightValue=number(rng)),
    "Join": lambda rng: call("Join.simple"),
    "PixelType": lambda rng: constant(rng.choice(["int8", "double", "float"])),
    "Classifier": lambda rng: call("Classifier.smileCart"),
    "ConfusionMatrix": lambda rng: call("ConfusionMatrix", array=[[1, 2], [3, 4]]),
    "Blob": lambda rng: {"bytesValue": "YWJj"},
}
"""A plain value of each type."""
