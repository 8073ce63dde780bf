"""Names that value types have on the wire, carried by annotations.

An algorithm's signature is ordinary typed Python. ``wire_text`` turns an annotation into the type
text of the algorithm listing: ``Integer`` → ``"Integer"``, ``list[Image]`` →
``"List<Image<unknown bands>>"``, ``Image | None`` → ``"Image<unknown bands>"``.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any


@dataclass(frozen=True)
class Wire:
    """Marks an annotation with its name on the wire."""

    text: str


Integer = Annotated[int, Wire("Integer")]
Long = Annotated[int, Wire("Long")]
Float = Annotated[float, Wire("Float")]
Number = Annotated[int | float, Wire("Number")]
Boolean = Annotated[bool, Wire("Boolean")]
String = Annotated[str, Wire("String")]
Object = Annotated[Any, Wire("Object")]
"""Any value, passed on unchanged."""
AnyType = Annotated[Any, Wire("<any>")]
ElementArg = Annotated[Any, Wire("Element")]
CollectionArg = Annotated[Any, Wire("FeatureCollection")]
Algorithm = Annotated[Any, Wire("Algorithm")]
"""A callable argument: receives evaluated values, returns a value (see ``core.function``)."""

_CLASS_NAMES = {"Image": "Image<unknown bands>", "Collection": "FeatureCollection"}


def wire_text(annotation: Any) -> str:
    """The listing's text of an annotation.

    >>> wire_text(list[Integer]), wire_text(Float | None), wire_text(dict[str, Object])
    ('List<Integer>', 'Float', 'Dictionary<Object>')
    """
    origin = typing.get_origin(annotation)
    if origin is Annotated:
        for mark in annotation.__metadata__:
            if isinstance(mark, Wire):
                return mark.text
        return wire_text(annotation.__origin__)
    if origin in (typing.Union, types.UnionType):
        members = [a for a in typing.get_args(annotation) if a is not type(None)]
        return wire_text(members[0])
    if origin in (list, Sequence, tuple):
        return f"List<{wire_text(typing.get_args(annotation)[0])}>"
    if origin in (dict, Mapping):
        return f"Dictionary<{wire_text(typing.get_args(annotation)[1])}>"
    if annotation is str:
        return "String"
    if annotation is bool:
        return "Boolean"
    if annotation is Any:
        return "Object"
    name: str = annotation.__name__
    return _CLASS_NAMES.get(name, name)
