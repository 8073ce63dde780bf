"""Random graphs: plausible ones from the signatures of the registry, and broken ones made of them.

``request(seed, number)`` is always the same for the same arguments: that is how a failure is repeated.
"""

from __future__ import annotations

import copy
import functools
import json
import random
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from ecumene.algorithms import load
from ecumene.core.registry import Algorithm, Argument
from tests.fuzz.atoms import ATOMS, HINTS, Node, anything, constant, text


@functools.cache
def entries() -> list[Algorithm]:
    return sorted((e for e in load() if e.implemented), key=lambda e: e.name)


@functools.cache
def makers() -> dict[str, list[Algorithm]]:
    """Algorithms by the type of their result."""
    found: dict[str, list[Algorithm]] = defaultdict(list)
    for entry in entries():
        found[entry.returns].append(entry)
    for wide, narrow in (
        ("Number", ("Integer", "Float", "Long")),
        ("Float", ("Number",)),
        ("Integer", ("Long", "Number")),
        ("Element", ("Feature",)),
        ("Object", ("Number", "String", "List<Object>", "Array", "Date")),
    ):
        found[wide] = found[wide] + [entry for kind in narrow for entry in found[kind]]
    return dict(found)


@dataclass
class Generator:
    """One document in the making."""

    rng: random.Random
    values: dict[str, Node] = field(default_factory=dict)
    kinds: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    scope: list[tuple[str, str]] = field(default_factory=list)
    functions: int = 0

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def value(self, kind: str, depth: int, argument: str = "") -> Node:
        """A node of about this type."""
        if self.chance(0.04):
            kind, argument = self.rng.choice(sorted(ATOMS)), ""
        if self.chance(0.015):
            return constant(None)
        inner = [name for name, type_ in self.scope if type_ == kind or self.chance(0.2)]
        if inner and self.chance(0.5):
            return {"argumentReference": self.rng.choice(inner)}
        if kind == "Algorithm":
            return self.function(depth)
        if argument in HINTS and self.chance(0.75):
            return constant(self.rng.choice(HINTS[argument]))
        known = self.kinds.get(kind)
        if known and not self.scope and self.chance(0.15):
            return {"valueReference": self.rng.choice(known)}
        if depth <= 0 or (kind in ATOMS and self.chance(0.3)) or kind not in makers():
            return self.atom(kind, depth)
        node = self.call(self.rng.choice(makers()[kind]), depth)
        if not self.scope and self.chance(0.2):
            key = str(len(self.values) + 1)
            self.values[key] = node
            self.kinds[kind].append(key)
            return {"valueReference": key}
        return node

    def atom(self, kind: str, depth: int) -> Node:
        if kind in ATOMS:
            return ATOMS[kind](self.rng)
        base, _, inner = kind.removesuffix(">").partition("<")
        if base == "List":
            members = [self.value(inner, depth - 1) for _ in range(self.rng.randrange(4))]
            return {"arrayValue": {"values": members}}
        if base == "Dictionary":
            named = {text(self.rng)[:9]: self.value(inner, depth - 1) for _ in range(2)}
            return {"dictionaryValue": {"values": named}}
        return constant(anything(self.rng))

    def function(self, depth: int) -> Node:
        if self.chance(0.2):
            return constant(self.rng.choice(entries()).name)
        self.functions += 1
        key = f"f{self.functions}"
        count = self.rng.choice([1, 1, 2])
        names = [f"_MAPPING_VAR_{self.functions}_{k}" for k in range(count)]
        kinds = ["Feature", "Number", "Image<unknown bands>", "Object", "String"]
        self.scope += [(name, self.rng.choice(kinds)) for name in names]
        self.values[key] = self.value(self.rng.choice(kinds), min(depth, 2))
        del self.scope[-count:]
        return {"functionDefinitionValue": {"argumentNames": names, "body": key}}

    def call(self, entry: Algorithm, depth: int) -> Node:
        arguments = {
            argument.name: self.value(argument.type, depth - 1, argument.name)
            for argument in entry.arguments
            if self.given(argument)
        }
        if self.chance(0.01):
            arguments[text(self.rng)[:10]] = constant(1)
        return {"functionInvocationValue": {"functionName": entry.name, "arguments": arguments}}

    def given(self, argument: Argument) -> bool:
        return self.chance(0.4) if argument.optional else not self.chance(0.015)


def graph(rng: random.Random, kind: str | None = None) -> dict[str, Any]:
    """A plausible document; of a type if one is wanted, else each algorithm is as likely."""
    generator = Generator(rng)
    depth = rng.choice([1, 1, 2, 2, 3, 4])
    if kind is None:
        root = generator.call(rng.choice(entries()), depth)
    else:
        root = generator.value(kind, depth)
    generator.values["0"] = root
    return {"result": "0", "values": generator.values}


def places(document: Any) -> list[tuple[Any, Any]]:
    """Every ``(container, key)`` of a JSON document."""
    found: list[tuple[Any, Any]] = []
    stack = [document]
    while stack:
        item = stack.pop()
        pairs = item.items() if isinstance(item, dict) else enumerate(item)
        for key, value in pairs:
            found.append((item, key))
            if isinstance(value, dict | list):
                stack.append(value)
    return found


def deep(rng: random.Random) -> Any:
    """A value inside many others."""
    value: Any = rng.choice(["deep", 1])
    wrap = rng.choice(["list", "value", "call"])
    for _ in range(rng.choice([50, 500, 3000])):
        if wrap == "list":
            value = [value]
        elif wrap == "value":
            value = {"arrayValue": {"values": [value]}}
        else:
            value = {"functionInvocationValue": {"functionName": "Number.abs", "arguments": {"input": value}}}  # fmt: skip
    return value


def broken(document: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """The document with a few things changed that should not be."""
    document = copy.deepcopy(document)
    for _ in range(rng.choice([1, 1, 2, 5])):
        if not document:
            break
        container, key = rng.choice(places(document))
        kind = rng.randrange(8)
        if kind == 0:
            del container[key]
        elif kind == 1 and isinstance(container, dict):
            container[text(rng)[:20]] = container.pop(key)
        elif kind == 2:
            container[key] = copy.deepcopy(rng.choice(places(document))[0])
        elif kind == 3:
            container[key] = deep(rng)
        else:
            container[key] = rng.choice(
                [
                    anything(rng),
                    {"valueReference": rng.choice(["0", "1", "nowhere", "f1"])},
                    {"argumentReference": "_MAPPING_VAR_1_0"},
                    {"integerValue": rng.choice(["9223372036854775808", "1.5", "x", 5])},
                    {"bytesValue": rng.choice(["####", "AAAA", 5])},
                ]
            )
    return document


CHAINS: list[tuple[str, str, Any, Any]] = [
    ("Number.add", "left", 1, {"right": constant(1)}),
    ("List.cat", "list", [1, 2], "other"),
    ("String.cat", "string1", "ab", "string2"),
    ("Array.cat", "arrays", [[1, 2]], {}),
    ("Image.add", "image1", "Image<unknown bands>", "image2"),
    ("List.zip", "list", [1, 2], "other"),
    ("Dictionary.set", "dictionary", {}, {"key": constant("a"), "value": constant(1)}),
    ("Image.addBands", "dstImg", "Image<unknown bands>", "srcImg"),
    ("List.add", "list", [1], "element"),
    ("List.repeat", "value", 1, {"count": constant(1000)}),
    ("Geometry.union", "left", "Geometry", "right"),
    ("Collection.merge", "collection1", "FeatureCollection", "collection2"),
    ("Filter.not", "filter", "Filter", {}),
]
"""An algorithm, its argument that takes the result before, what it starts with, its other arguments."""


def chain(rng: random.Random) -> dict[str, Any]:
    """One operation applied to its own result many times: doubling lists and texts, deep collections."""
    name, argument, start, extra = rng.choice(CHAINS)
    first = ATOMS[start](rng) if isinstance(start, str) and start in ATOMS else constant(start)
    values: dict[str, Node] = {"v0": first}
    length = rng.choice([10, 25, 40, 300])
    for k in range(1, length):
        before: Node = {"valueReference": f"v{k - 1}"}
        others = {extra: before} if isinstance(extra, str) else extra
        arguments = {argument: before, **others}
        if name == "Array.cat":
            arguments = {"arrays": {"arrayValue": {"values": [before, before]}}}
        values[f"v{k}"] = {"functionInvocationValue": {"functionName": name, "arguments": arguments}}  # fmt: skip
    return {"result": f"v{length - 1}", "values": values}


@dataclass(frozen=True)
class Request:
    """What is sent: a path and a body."""

    path: str
    body: bytes


GRID = {
    "dimensions": {"width": 8, "height": 8}, "crsCode": "EPSG:4326",
    "affineTransform": {"scaleX": 0.01, "translateX": 10, "scaleY": -0.01, "translateY": 50},
}  # fmt: skip
IMAGE = "Image<unknown bands>"


def request(seed: int, number: int) -> Request:
    """The request of this number."""
    rng = random.Random(f"{seed}/{number}")
    kind = rng.random()
    path: str = "value:compute"
    extra: dict[str, Any] = {}
    wanted: str | None = None
    if kind < 0.15:
        path, wanted = "image:computePixels", IMAGE
        extra = {"fileFormat": rng.choice(["NPY", "PNG", "GEO_TIFF"]), "grid": GRID}
    elif kind < 0.2:
        path, wanted = "table:computeFeatures", "FeatureCollection"
    elif kind < 0.22:
        path, extra, wanted = "image:explain", {"grid": GRID}, IMAGE
    document = chain(rng) if rng.random() < 0.02 else graph(rng, wanted)
    if rng.random() < 0.15:
        document = broken(document, rng)
    body = json.dumps({"expression": document} | extra).encode()
    if rng.random() < 0.01:
        cut = rng.randrange(len(body))
        inserted = body[:cut] + bytes([rng.randrange(256)]) + body[cut:]
        body = rng.choice([body[:cut], inserted, b"[]", b"\xff\xfe", b"[" * 100_000])
    return Request(f"/v1/projects/fuzz/{path}", body)
