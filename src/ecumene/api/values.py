"""``value:compute`` and ``algorithms``."""

from __future__ import annotations

from typing import Any

from ecumene.api.call import Call
from ecumene.api.services import Services
from ecumene.core.context import Context


def compute(call: Call, services: Services, context: Context) -> dict[str, Any]:
    """The value of an expression as JSON."""
    value = services.engine.evaluate(call.field("expression"), context)
    return {"result": services.engine.to_json(value, context)}


def algorithms(call: Call, services: Services, context: Context) -> dict[str, Any]:
    """Every algorithm with its signature."""
    return {"algorithms": [entry.listing() for entry in services.engine.registry]}
