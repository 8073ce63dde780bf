"""``Image.expression``: arithmetic text compiled to the algorithms of images."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from ecumene.algorithms import expression as grammar
from ecumene.algorithms.image import lift
from ecumene.algorithms.image.bands import as_image, chosen, constant
from ecumene.core.context import Context
from ecumene.core.errors import BindingError, EvaluationError
from ecumene.core.image import Band, Image
from ecumene.core.pixel_type import union
from ecumene.core.registry import algorithm
from ecumene.core.wire import Algorithm, Boolean
from ecumene.numerics.elementwise import ALIASES, OPS
from ecumene.plan.nodes import Choice

NAME = "Image.parseExpression"
_CONSTANTS = {"PI": math.pi, "E": math.e}


def _choice(test: Image, yes: Image, no: Image) -> Image:
    """One image where a test is not 0, else another; bands are matched as for operators."""
    longest = max((test, yes, no), key=lambda image: len(image.bands))
    count = len(longest.bands)
    columns: list[list[Band]] = []
    for image in (test, yes, no):
        if len(image.bands) not in (1, count):
            raise EvaluationError(
                "Image.expression: The number of bands in the branches of '?:' must match, or be 1. "
                f"Got {len(image.bands)} and {count}."
            )
        columns.append(list(image.bands) * (count if len(image.bands) == 1 else 1))
    bands = []
    for t, a, b in zip(*columns, strict=True):
        node = Choice(t.node, a.node, b.node, union(a.type, b.type))
        name = a.name if len(yes.bands) == count else t.name
        place = next((x for x in (a, b, t) if not x.projection.is_default), a)
        bands.append(Band(name, node, place.projection))
    footprint = lift.intersection((test.footprint, yes.footprint, no.footprint))
    return Image(bands=tuple(bands), footprint=footprint)


def _call(name: str, arguments: list[Image]) -> Image:
    """An operator of images by its name in the expression."""
    name = ALIASES.get(name, name)
    op = OPS.get(name)
    if op is not None and op.arity == len(arguments) and not name.startswith(_INTERNAL):
        if op.arity == 1:
            return lift.unary(name, arguments[0])
        return lift.binary(name, arguments[0], arguments[1])
    if name in ("min", "max") and len(arguments) > 2:
        found = arguments[0]
        for image in arguments[1:]:
            found = lift.binary(name, found, image)
        return found
    raise EvaluationError(
        f"Image.expression: Unknown function '{name}' of {len(arguments)} arguments."
    )


_INTERNAL = (
    "stretch", "palette", "mapRamp", "mapIntervals", "mapValues", "clampTo", "unitScale", "normalizedDifference", "square"
)  # fmt: skip


@dataclass(frozen=True)
class ImageFunction:
    """A compiled expression: a function of images."""

    text: str
    tree: grammar.Node
    result_name: str | None
    default: str
    argument_names: tuple[str, ...]
    free_are_bands: bool
    context: Context

    def __call__(self, *arguments: Any) -> Image:
        """The image, for values in the order of the argument names."""
        if len(arguments) != len(self.argument_names):
            raise BindingError(
                f"Image.expression: {len(self.argument_names)} arguments are needed, got {len(arguments)}."
            )
        return self.call_named(dict(zip(self.argument_names, arguments, strict=True)))

    def call_named(self, arguments: dict[str, Any]) -> Image:
        """The image, for values by name."""
        for name in self.argument_names:
            if arguments.get(name) is None:
                raise BindingError(f"Image.expression: Parameter '{name}' is required.")
        images = {
            name: as_image("Image.expression", value, self.context)
            for name, value in arguments.items()
        }
        return _Evaluation(self, images).run()

    def to_json(self) -> dict[str, Any]:
        """A description."""
        return {"type": "Algorithm", "expression": self.text}


@dataclass(frozen=True)
class _Evaluation:
    """One call of a compiled expression."""

    function: ImageFunction
    images: dict[str, Image]

    def run(self) -> Image:
        found = self.value(self.function.tree)
        name = self.function.result_name
        if name is None:
            return found
        if len(found.bands) != 1:
            raise EvaluationError(
                f"Image.expression: Only a single band can be named '{name}', the result has {len(found.bands)}."
            )
        return replace(found, bands=(found.bands[0].renamed(name),))

    def value(self, tree: grammar.Node) -> Image:
        found: Image = grammar.evaluate(tree, self.leaf, _call, _choice)
        return found

    def leaf(self, node: grammar.Node) -> Image:
        if node.kind == "number":
            return constant(node.value)
        if node.kind == "band":
            image = self.default()
            selectors = list(node.value)
            return image if not selectors else self.picked(image, selectors)
        if node.kind == "item":
            return self.picked(self.value(node.children[0]), list(node.value))
        return self.named(list(node.value))

    def default(self) -> Image:
        image = self.images.get(self.function.default)
        if image is None:
            raise EvaluationError("Image.expression: b() needs a default image.")
        return image

    def picked(self, image: Image, selectors: list[Any]) -> Image:
        return replace(image, bands=tuple(chosen(image, selectors, "Image.expression")))

    def named(self, parts: list[str]) -> Image:
        head, *rest = parts
        if head == "Math" and len(rest) == 1 and rest[0] in _CONSTANTS:
            return constant(_CONSTANTS[rest[0]])
        if head in self.images:
            found = self.images[head]
        elif head in _CONSTANTS and not rest:
            return constant(_CONSTANTS[head])
        elif self.function.free_are_bands:
            found = self.picked(self.default(), [head])
        else:
            raise EvaluationError(f"Image.expression: Unknown variable '{head}'.")
        for band in rest:
            found = self.picked(found, [band])
        return found


@algorithm("Image.parseExpression", hidden=True)
def parse_expression(
    expression: str,
    arg_name: str,
    vars: list[str],
    map_free_vars_to_default_image_bands: Boolean = False,
    *,
    context: Context,
) -> Algorithm:
    """A function of images that an arithmetic expression describes.

    Parameters
    ----------
    expression : operators, numbers, names of images, ``image.band``, ``image[0]``, ``b('band')``, functions.
    arg_name : name of the default image, which ``b()`` refers to.
    vars : names of the function's arguments, the default image among them if it is used.
    map_free_vars_to_default_image_bands : names that are no argument are bands of the default image.
    """
    target, tree = grammar.assigned(expression, "Image.expression")
    return ImageFunction(
        expression,
        tree,
        target,
        arg_name,
        tuple(vars),
        map_free_vars_to_default_image_bands,
        context,
    )
