"""Reducers made of other reducers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ecumene.algorithms.reducers.kinds import all_different, at_least_one, bounded
from ecumene.core.errors import EvaluationError
from ecumene.core.image import Image
from ecumene.core.pixel_type import PixelType
from ecumene.core.reducer import Reducer
from ecumene.core.registry import algorithm
from ecumene.core.wire import Boolean, Integer, Object
from ecumene.numerics.reducers import collected, wrappers


@algorithm("Reducer.combine")
def combine(
    reducer1: Reducer, reducer2: Reducer, output_prefix: str = "", shared_inputs: Boolean = False
) -> Reducer:
    """Two reducers at once.

    Parameters
    ----------
    reducer1 : the first.
    reducer2 : the second.
    output_prefix : put before the outputs of the second.
    shared_inputs : both reduce the same inputs; else the second's come after the first's.
    """
    n = reducer1.inputs
    bounded("Reducer.combine", n + reducer2.inputs)
    bounded("Reducer.combine", len(reducer1.outputs) + len(reducer2.outputs))
    if shared_inputs and n != reducer2.inputs:
        raise EvaluationError(
            f"Reducer.combine: Reducers with shared inputs must have the same number of inputs. Got {n} and {reducer2.inputs}."
        )
    outputs = (
        *reducer1.outputs,
        *(None if o is None else f"{output_prefix}{o}" for o in reducer2.outputs),
    )
    names = [o for o in outputs if o]
    if len(set(names)) != len(names):
        raise EvaluationError(
            f"Reducer.combine: Output names are not unique: {names}. Use 'outputPrefix'."
        )
    first = tuple(range(n))
    second = first if shared_inputs else tuple(range(n, n + reducer2.inputs))
    if shared_inputs:
        weighted = tuple(
            a or b for a, b in zip(reducer1.input_weighted, reducer2.input_weighted, strict=True)
        )
    else:
        weighted = (*reducer1.input_weighted, *reducer2.input_weighted)

    def types(inputs: Any) -> Any:
        return [
            *reducer1.types([inputs[i] for i in first]),
            *reducer2.types([inputs[i] for i in second]),
        ]

    parts = [(reducer1.accumulator, first), (reducer2.accumulator, second)]
    rules = [None if r.mixed else r.input_weighted for r in (reducer1, reducer2)]
    mixed = None in rules or (shared_inputs and rules[0] != rules[1])
    return Reducer(
        "Reducer.combine", outputs, wrappers.Combined(parts, rules), weighted,
        {"reducer1": reducer1, "reducer2": reducer2, "outputPrefix": output_prefix, "sharedInputs": shared_inputs},
        output_types=types, parts=((reducer1, first), (reducer2, second)), mixed=mixed,
        of_arrays=reducer1.of_arrays and reducer2.of_arrays,
    )  # fmt: skip


@algorithm("Reducer.repeat")
def repeat(reducer: Reducer, count: Integer) -> Reducer:
    """A reducer for several groups of inputs; every output is a list.

    Parameters
    ----------
    reducer : the reducer.
    count : how many groups.
    """
    at_least_one("Reducer.repeat", count=count)
    bounded("Reducer.repeat", count * reducer.inputs)
    return Reducer(
        "Reducer.repeat", reducer.outputs, wrappers.Repeated(reducer.accumulator, reducer.inputs, count),
        reducer.input_weighted * count, {"reducer": reducer, "count": count}, repeats=count,
        mixed=reducer.mixed,
    )  # fmt: skip


@algorithm("Reducer.group")
def group(reducer: Reducer, group_field: Integer = 0, group_name: str = "group") -> Reducer:
    """A reducer for each value of one input; the output ``groups`` lists them by ascending value.

    Parameters
    ----------
    reducer : the reducer of the other inputs.
    group_field : position of the input that groups.
    group_name : key of the group's value in the result.
    """
    n = reducer.inputs + 1
    if not 0 <= group_field < n:
        raise EvaluationError(
            f"Reducer.group: 'groupField' must be between 0 and {n - 1}, got {group_field}."
        )
    weighted = list(reducer.input_weighted)
    weighted.insert(
        group_field, any(weighted)
    )  # groups together count what the ungrouped reducer does
    inner = wrappers.Grouped(reducer.accumulator, group_field, group_name, reducer.outputs)
    settings = {"reducer": reducer, "groupField": group_field, "groupName": group_name}
    return Reducer(
        "Reducer.group", ("groups",), inner, tuple(weighted), settings, mixed=reducer.mixed
    )


@algorithm("Reducer.forEach")
def for_each(reducer: Reducer, output_names: list[str]) -> Reducer:
    """A reducer for several groups of inputs; outputs get a name in front.

    Parameters
    ----------
    reducer : the reducer.
    output_names : one for each group; with a single output it is the whole name.
    """
    all_different("Reducer.forEach", output_names)
    count = len(output_names)
    bounded("Reducer.forEach", count * max(reducer.inputs, len(reducer.outputs)))
    single = len(reducer.output_names) == 1
    outputs = tuple(
        None if o is None else name if single else f"{name}_{o}"
        for name in output_names
        for o in reducer.outputs
    )

    def types(inputs: Any) -> Any:
        return [t for i in range(count) for t in reducer.types(inputs[i * k : (i + 1) * k])]

    k = reducer.inputs
    inner = wrappers.Repeated(reducer.accumulator, k, count, listed=False)
    settings = {"reducer": reducer, "outputNames": output_names}
    parts = [(reducer, tuple(range(i * k, (i + 1) * k))) for i in range(count)]
    return Reducer(
        "Reducer.forEach",
        outputs,
        inner,
        reducer.input_weighted * count,
        settings,
        output_types=types,
        parts=tuple(parts),
        mixed=reducer.mixed,
    )


@algorithm("Reducer.forEachBand")
def for_each_band(reducer: Reducer, image: Image) -> Reducer:
    """A reducer for each band of an image; outputs get the band's name in front.

    Parameters
    ----------
    reducer : the reducer.
    image : whose bands name the outputs.
    """
    return for_each(reducer, image.band_names)


@algorithm("Reducer.forEachElement")
def for_each_element(reducer: Reducer) -> Reducer:
    """A reducer for each element of arrays of equal shape.

    Parameters
    ----------
    reducer : the reducer.
    """

    def types(inputs: Sequence[PixelType]) -> list[PixelType]:
        axes = max((kind.dimensions for kind in inputs), default=0)
        found = reducer.types([kind.with_dimensions(0) for kind in inputs])
        return [kind.with_dimensions(kind.dimensions + axes) for kind in found]

    return Reducer(
        "Reducer.forEachElement", reducer.outputs, wrappers.Elements(reducer.accumulator, len(reducer.outputs)), reducer.input_weighted,
        {"reducer": reducer}, output_types=types, of_arrays=True,
    )  # fmt: skip


@algorithm("Reducer.unweighted")
def unweighted(reducer: Reducer) -> Reducer:
    """A reducer that counts every value once, whatever its weight.

    Parameters
    ----------
    reducer : the reducer.
    """
    return Reducer(
        "Reducer.unweighted", reducer.outputs, wrappers.Unweighted(reducer.accumulator), (False,) * reducer.inputs,
        {"reducer": reducer}, output_types=reducer.output_types, of_arrays=reducer.of_arrays,
    )  # fmt: skip


@algorithm("Reducer.splitWeights")
def split_weights(reducer: Reducer) -> Reducer:
    """A reducer whose weights come as inputs of their own, after each value of a weighted input.

    Parameters
    ----------
    reducer : the reducer.
    """
    steps = [1 + weighted for weighted in reducer.input_weighted]
    values, count = [sum(steps[:k]) for k in range(len(steps))], sum(steps)
    return Reducer(
        "Reducer.splitWeights", reducer.outputs, wrappers.SplitWeights(reducer.accumulator, reducer.input_weighted),
        (False,) * count, {"reducer": reducer}, output_types=lambda types: reducer.types([types[k] for k in values]),
    )  # fmt: skip


@algorithm("Reducer.setOutputs")
def set_outputs(reducer: Reducer, outputs: list[str | None]) -> Reducer:
    """A reducer with renamed outputs.

    Parameters
    ----------
    reducer : the reducer.
    outputs : new names, all different; an output whose name is null or empty is dropped.
    """
    kept = [o for o in reducer.outputs if o]
    if len(outputs) != len(kept):
        raise EvaluationError(
            f"Reducer.setOutputs: Expected {len(kept)} output names, got {len(outputs)}."
        )
    named = [name for name in outputs if name]
    if len(set(named)) != len(named):
        raise EvaluationError(f"Reducer.setOutputs: Output names are not unique: {named}.")
    fresh = iter(outputs)
    names = tuple(None if o is None else (next(fresh) or None) for o in reducer.outputs)
    settings = {"reducer": reducer, "outputs": outputs}
    return replace(reducer, name="Reducer.setOutputs", outputs=names, arguments=settings)


@algorithm("Reducer.getOutputs")
def get_outputs(reducer: Reducer) -> list[Object]:
    """Names of the outputs.

    Parameters
    ----------
    reducer : the reducer.
    """
    return list(reducer.output_names)


@algorithm("Reducer.disaggregate")
def disaggregate(reducer: Reducer, axis: Integer | None = None) -> Reducer:
    """A reducer of the items of lists, arrays and dictionaries (of their values); numbers and texts are items themselves.

    Several inputs are taken apart side by side.

    Parameters
    ----------
    reducer : the reducer of the items.
    axis : the axis along which arrays are taken apart; all elements if missing.
    """
    settings = {"reducer": reducer, **({} if axis is None else {"axis": axis})}
    accumulator = wrappers.Disaggregated(reducer.accumulator, axis)
    kept = 0 if axis is None else 1

    def types(inputs: Sequence[PixelType]) -> list[PixelType]:
        return reducer.types([t.with_dimensions(max(t.dimensions - 1, 0) * kept) for t in inputs])

    return Reducer(
        "Reducer.disaggregate", reducer.outputs, accumulator, reducer.input_weighted, settings,
        output_types=types, mixed=reducer.mixed, of_arrays=True,
    )  # fmt: skip


@algorithm("Reducer.toCollection")
def to_collection(property_names: list[str], num_optional: Integer = 0) -> Reducer:
    """All samples as features without geometry.

    Parameters
    ----------
    property_names : one for each input.
    num_optional : how many of the last inputs may be null.
    """
    from ecumene.core.collection import Collection
    from ecumene.core.element import Feature

    name = "Reducer.toCollection"
    all_different(name, property_names)
    if not 0 <= num_optional <= len(property_names):
        raise EvaluationError(
            f"{name}: 'numOptional' must be between 0 and {len(property_names)}, got {num_optional}."
        )
    needed = len(property_names) - num_optional

    def finish(rows: list[Any], weights: list[float]) -> list[Any]:
        kept = [row for row in rows if all(v is not None for v in row[:needed])]
        features = [
            Feature({n: v for n, v in zip(property_names, row, strict=True) if v is not None})
            for row in kept
        ]
        return [Collection.of(features, "Feature", number=True)]

    accumulator = collected.Samples(finish, skip=num_optional == 0)
    settings = {"propertyNames": property_names, "numOptional": num_optional}
    return Reducer(name, ("features",), accumulator, (False,) * len(property_names), settings)
