"""``image:explain``, a method of our own: what ``image:computePixels`` would do, without doing it."""

from __future__ import annotations

from typing import Any

from ecumene.api.call import Call
from ecumene.api.pixels import as_image, placed
from ecumene.api.services import Services
from ecumene.core.context import Context
from ecumene.core.errors import Unavailable
from ecumene.core.profile import Profile
from ecumene.plan.executor import Executor
from ecumene.plan.explain import explain


def explain_pixels(call: Call, services: Services, context: Context) -> dict[str, Any]:
    """The plan of a ``ComputePixelsRequest`` as data (see ``plan.explain``), its bands by name."""
    engine = services.engine.pixels
    if not isinstance(engine, Executor):
        raise Unavailable("This server has no pixel engine.")
    if context.profile is None:  # only to learn which algorithm makes which node
        context.profile = Profile("", context.account)
    value = services.engine.evaluate(call.field("expression"), context)
    region = call.field("region")
    given = as_image(value, services, context)
    image, grid, window = placed(given, call.body, region, services, context)
    nodes = [band.node for band in image.bands]
    told = explain(engine, nodes, grid, window, context, context.profile.origins)
    roots = told["plan"]["roots"]
    told["bands"] = [
        {"name": band.name, "type": band.type.text(), "node": root}
        for band, root in zip(image.bands, roots, strict=True)
    ]
    return told
