"""Short spellings of expression nodes for the tests of the engine."""

from __future__ import annotations

from typing import Any


def const(value: Any) -> dict[str, Any]:
    return {"constantValue": value}


def ref(key: str) -> dict[str, Any]:
    return {"valueReference": key}


def arg(name: str) -> dict[str, Any]:
    return {"argumentReference": name}


def array(*items: Any) -> dict[str, Any]:
    return {"arrayValue": {"values": list(items)}}


def dictionary(**items: Any) -> dict[str, Any]:
    return {"dictionaryValue": {"values": items}}


def invoke(function: str, /, **arguments: Any) -> dict[str, Any]:
    return {"functionInvocationValue": {"functionName": function, "arguments": arguments}}


def by_reference(key: str, /, **arguments: Any) -> dict[str, Any]:
    return {"functionInvocationValue": {"functionReference": key, "arguments": arguments}}


def function(body: str, *names: str) -> dict[str, Any]:
    return {"functionDefinitionValue": {"argumentNames": list(names), "body": body}}


def graph(result: Any, **values: Any) -> dict[str, Any]:
    """A document whose result is a node (under the key ``0``) among others."""
    return {"result": "0", "values": {"0": result, **values}}


def chain(length: int, leaf: Any, function_name: str = "Number.add") -> dict[str, Any]:
    """``n0`` is leaf + length ones, each sum a node of its own."""
    values = {
        f"n{i}": invoke(function_name, left=ref(f"n{i + 1}"), right=const(1)) for i in range(length)
    }
    return {**values, f"n{length}": leaf}
