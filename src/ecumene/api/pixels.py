"""Images as bytes: bands, visualisation, grid, format."""

from __future__ import annotations

from typing import Any

from ecumene.algorithms.image.visualize import visualize
from ecumene.api.call import Call, pick, wrapped
from ecumene.api.services import Bytes, Services
from ecumene.core.context import Context
from ecumene.core.errors import NotFound, RequestError
from ecumene.core.image import Image
from ecumene.core.projection import Grid, Window
from ecumene.engine import grids
from ecumene.engine.memory import written
from ecumene.engine.pictures import FORMATS, render
from ecumene.engine.profiling import label_of, mark

Shown = tuple[Image, Image]


def as_image(value: Any, services: Services, context: Context) -> Image:
    """The value of an expression as an image."""
    return services.engine.as_image(value, context)


def select_bands(image: Image, ids: Any) -> Image:
    """The requested bands in the requested order."""
    if not ids:
        return image
    if not isinstance(ids, list) or not all(isinstance(i, str) for i in ids):
        raise RequestError("'bandIds' must be a list of strings.")
    by_name = {band.name: band for band in image.bands}
    for name in ids:
        if name not in by_name:
            raise RequestError(
                f"No band named '{name}'. Available bands: [{', '.join(image.band_names)}]."
            )
    return image.with_bands([by_name[name] for name in ids])


def format_of(document: Any, default: str = "PNG") -> str:
    """The file format of a request."""
    found = pick(document, "fileFormat", default)
    if found in ("IMAGE_FILE_FORMAT_UNSPECIFIED", "", None):
        return default
    if found not in FORMATS:
        raise RequestError(
            f"Invalid or unsupported fileFormat '{found}'. Supported: {', '.join(FORMATS)}."
        )
    return str(found)


def visualized(image: Image, options: Any, context: Context) -> Image:
    """The image as 8-bit gray or RGB by ``VisualizationOptions``."""
    if not isinstance(options, dict):
        raise RequestError("'visualizationOptions' must be an object.")
    ranges = pick(options, "ranges")
    low: Any = None
    high: Any = None
    if ranges:
        if not isinstance(ranges, list) or not all(isinstance(r, dict) for r in ranges):
            raise RequestError("'ranges' must be a list of objects with min and max.")
        low = [pick(r, "min", 0) for r in ranges]
        high = [pick(r, "max", 0) for r in ranges]
    found = visualize(
        image=image, min=low, max=high, palette=pick(options, "paletteColors"), gamma=wrapped(pick(options, "gamma")),
        opacity=wrapped(pick(options, "opacity")),
    )  # fmt: skip
    if context.profile is not None:
        mark(context.profile, found, label_of("Image.visualize"))
    return found


def pictured(image: Image, request: Any, services: Services, context: Context) -> Shown:
    """The bands that a request chooses, and what it shows of them."""
    ids, options = pick(request, "bandIds"), pick(request, "visualizationOptions")

    def made() -> Shown:
        chosen = select_bands(image, ids)
        return chosen, visualized(chosen, options, context) if options else chosen

    if context.profile is not None or not (ids or options):
        return made()
    key = written([ids, options])
    found: Shown = (
        made() if key is None else services.engine.memory.derived(image, key.digest, made)
    )
    return found


def answer(
    image: Image,
    request: Any,
    region: Any,
    services: Services,
    context: Context,
    default: str = "PNG",
    prefix: str = "download",
) -> Bytes:
    """A request's image: bands, visualisation, grid, format."""
    kind = format_of(request, default)
    return render(*placed(image, request, region, services, context), kind, context, prefix)


def placed(
    image: Image, request: Any, region: Any, services: Services, context: Context
) -> tuple[Image, Grid, Window]:
    """What a request shows of an image, and where."""
    chosen, shown = pictured(image, request, services, context)
    grid, window = grids.resolve(chosen, pick(request, "grid", {}), region, context.limits)
    return shown, grid, window


def compute_pixels(call: Call, services: Services, context: Context) -> Bytes:
    """``image:computePixels``."""
    value = services.engine.evaluate(call.field("expression"), context)
    return answer(as_image(value, services, context), call.body, None, services, context)


def get_pixels(call: Call, services: Services, context: Context) -> Bytes:
    """``assets:getPixels``."""
    name = call.path["name"]
    image = context.catalog.load_image(name)
    if image is None:
        raise NotFound(f"Asset '{name}' not found (does not exist or caller does not have access).")
    return answer(image, call.body, call.field("region"), services, context)
