"""Names of the types of values, and the one that Python's own types cannot tell apart.

An integer that is written in a graph is an ``Integer`` to the service; one that a computation on numbers
gives (a cast, a sum, a field of a date) is a ``Long``, whatever its size.
"""

from __future__ import annotations

from typing import Any

from ecumene.core.collection import Collection
from ecumene.core.filter import Filter


class LongInteger(int):
    """An integer that was computed."""

    __slots__ = ()


_PLAIN: dict[type, str] = {str: "String", list: "List", dict: "Dictionary", bytes: "Blob"}


def type_name(value: Any) -> str:
    """The bare name of a value's type, e.g. ``Integer``, ``List``, ``ImageCollection``.

    >>> type_name(1), type_name(LongInteger(1)), type_name(2**40), type_name(1.0), type_name(None)
    ('Integer', 'Long', 'Long', 'Float', 'Null')
    """
    if value is None:
        return "Null"
    if isinstance(value, bool):
        return "Boolean"
    if isinstance(value, int):
        small = -(2**31) <= value < 2**31 and not isinstance(value, LongInteger)
        return "Integer" if small else "Long"
    if isinstance(value, float):
        return "Float"
    if isinstance(value, Collection):
        return "ImageCollection" if value.kind == "Image" else "FeatureCollection"
    if isinstance(value, Filter):
        return "Filter"
    return _PLAIN.get(type(value)) or type(value).__name__
