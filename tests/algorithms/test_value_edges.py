"""Edges of values: ends of ranges, nothing, what is no number, and things where others are expected."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest

from ecumene.algorithms import load
from ecumene.core.errors import Cancelled, EcumeneError, EvaluationError
from tests.calls import call, call_json, context, json_graph
from tests.numerics.test_reducers import ARGUMENTS, OF_REDUCERS

LARGEST, SMALLEST = 2**63 - 1, -(2**63)
NAN, INF = float("nan"), float("inf")
INTEGERS = [
    ("add", (LARGEST, 1), LARGEST), ("add", (SMALLEST, -1), SMALLEST), ("subtract", (LARGEST, 1), LARGEST - 1),
    ("subtract", (SMALLEST, 1), SMALLEST), ("subtract", (2**62 + 5, 1), 2**62 + 4), ("multiply", (2**62, 2), LARGEST),
    ("multiply", (-(2**62), 2), SMALLEST), ("multiply", (2**62, -3), SMALLEST), ("multiply", (2**31 + 1, 2**29), (2**31 + 1) * 2**29),
    ("abs", (SMALLEST,), LARGEST), ("max", (2**60 + 1, 1), 2**60 + 1), ("mod", (2**60 + 1, 2), 1), ("divide", (5, 0), 0), ("mod", (5, 0), 0),
    ("mod", (-7, 2), -1), ("mod", (7.5, -2), 1.5), ("leftShift", (1, 64), 1), ("rightShift", (-7, 2), -2), ("int", (3e9,), 2**31 - 1),
    ("long", (1e19,), LARGEST), ("int", (NAN,), 0), ("uint8", (-1,), 0), ("toInt8", (-200.7,), -128), ("round", (-0.5,), 0),
    ("round", (2.5,), 3), ("bitwiseAnd", (NAN, 1), 0), ("and", (NAN, 1), 1), ("not", (0.5,), 0), ("clamp", (5, 3, 1), 1),
]  # fmt: skip


@pytest.mark.parametrize(("name", "arguments", "expected"), INTEGERS, ids=str)
def test_integers_end_where_64_bits_do(name: str, arguments: tuple, expected: float) -> None:
    assert call_json(f"Number.{name}", *arguments) == expected


def test_integers_beyond_64_bits_are_doubles() -> None:
    """Numbers of graphs and of JSON texts are doubles on the wire."""
    big = 12345678901234567890
    node = {"functionInvocationValue": {"functionName": "Number.add", "arguments": {
        "left": {"constantValue": big}, "right": {"constantValue": 1}}}}  # fmt: skip
    assert json_graph({"result": "0", "values": {"0": node}}) == 1.2345678901234567e19
    read = call("String.decodeJSON", f'[{big}, {10**18}, {{"a": -{big}}}]')
    assert read == [float(big), 10**18, {"a": -float(big)}]
    assert isinstance(read[0], float) and isinstance(read[1], int)


@pytest.mark.parametrize(
    ("name", "arguments", "type_"),
    [
        ("Filter.equals", ("a", 1), "Filter"), ("Filter.not", ("a > 1",), "Filter"), ("Filter.and", (["a > 1"],), "Filter"),
        ("Filter.calendarRange", (1, 2), "Filter"), ("Filter.dayOfYear", (1, 2), "Filter"), ("Join.simple", (), "Join"),
        ("Kernel.circle", (1,), "Kernel"), ("Reducer.mean", (), "Reducer"), ("ErrorMargin", (1,), "ErrorMargin"),
        ("Projection", ("EPSG:4326",), "Projection"), ("PixelType.int8", (), "PixelType"), ("DateRange", (0,), "DateRange"),
        ("GeometryConstructors.Point", ([0, 0],), "Geometry"), ("Array", ([1],), "Array"), ("ConfusionMatrix", ([[1]],), "ConfusionMatrix"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_names_of_types(name: str, arguments: tuple, type_: str) -> None:
    assert call("ObjectType", call(name, *arguments)) == type_


def test_an_empty_range_of_dates_adds_nothing() -> None:
    empty, month = (
        call("DateRange", "2020-01-02", "2020-01-01"),
        call("DateRange", "2020-02-01", "2020-03-01"),
    )
    for pair in ((empty, month), (month, empty)):
        assert call_json("DateRange.union", *pair) == call_json(
            "DateRange", "2020-02-01", "2020-03-01"
        )


def test_no_margin_is_no_number() -> None:
    with pytest.raises(EvaluationError, match="must be a number"):
        call("ErrorMargin", NAN)
    assert call_json("ErrorMargin", INF) == {"type": "ErrorMargin", "unit": "infinite"}


SHAPES = [[[1, 2], [3, 4], [5, 7.5]], [1, 2, 3], [[[1, 2], [3, 4]]], 5]
AXES = [([0], None), ([0], 1), ([0, 0], 1), ([1], 0), ([0, 1], 0), ([], None), ([2], 0), ([0], 7)]
LISTS: list[list[Any]] = [
    [], [None], [1, "a"], [[1, 2], [3, None]], [[1, 2, 3]], [{"a": 1}], ["a", "b"], [[1, 2], 3], [True], [NAN, INF], [[[1, 2], [3, 4]]] * 2,
]  # fmt: skip


def made() -> list[Any]:
    """Every reducer, and some of each made of it."""
    plain = [
        call(entry.name, *ARGUMENTS.get(entry.name[8:], ()))
        for entry in load()
        if entry.name.startswith("Reducer.") and entry.name[8:] not in OF_REDUCERS
    ]
    wrapped = [call(f"Reducer.{name}", r, *more) for r in plain for name, more in
               (("forEachElement", ()), ("disaggregate", ()), ("repeat", (2,)), ("splitWeights", ()), ("group", ()))]  # fmt: skip
    return plain + wrapped


def test_no_reducer_breaks_on_arrays_and_lists_of_any_kind() -> None:
    """Whatever it makes of them, or a clear error: nothing else."""
    arrays = [call("Array", shape) for shape in SHAPES] + [
        call("Array", [], call("PixelType.int8"))
    ]
    tried = 0
    for reducer in made():
        for array in arrays:
            for axes, field in AXES:
                with contextlib.suppress(EcumeneError):
                    call_json("Array.reduce", array, reducer, axes, field)
            with contextlib.suppress(EcumeneError):
                call_json("Array.accum", array, 0, reducer)
        for items in LISTS:
            tried += 1
            with contextlib.suppress(EcumeneError):
                call_json("List.reduce", items, reducer)
    assert tried > 2500


def test_arrays_reduced_along_repeated_axes_are_refused() -> None:
    with pytest.raises(EvaluationError, match="must not be repeated"):
        call("Array.reduce", call("Array", [[1, 2]]), call("Reducer.sum"), [0, 0])
    with pytest.raises(EvaluationError, match="side by side along axis 7"):
        call("Array.reduce", call("Array", [[1, 2]]), call("Reducer.minMax"), [0], 7)
    with pytest.raises(EvaluationError, match="'histogram' is not an array of numbers"):
        call("Array.reduce", call("Array", [[1, 2]]), call("Reducer.histogram"), [0])
    empty = call("Array", [[], []], call("PixelType.int8"))
    assert call_json("Array.reduce", empty, call("Reducer.max"), [1]) == [[0], [0]]
    assert call_json("Array.reduce", empty, call("Reducer.max"), [0]) == [[]]


def test_lists_of_many_numbers_as_images_end_at_a_limit() -> None:
    for make in ("Image.cat", "Image.constant"):
        with pytest.raises(EcumeneError, match="at most 10000 bands"):
            call(make, [1] * 10_001)
    with pytest.raises(EcumeneError, match="at most 10000 bands"):
        call("Image.bandNames", [1] * 10_001)
    names = call("Image.bandNames", [1] * 10_000)
    assert (names[0], names[1], names[-1]) == ("constant", "constant_1", "constant_9999")
    with pytest.raises(EcumeneError, match="at most 1000000 elements"):
        call("Image.constant", call("Array.repeat", call("Array", [1]), 0, 1_000_001))


def test_names_of_pairs_are_those_of_the_image_with_more_bands() -> None:
    one = call("Image.toArray", call("Image.constant", [1, 2]))
    pair = call("Image.addBands", one, one)
    assert call("Image.bandNames", call("Image.arrayCat", one, pair, 0)) == ["array", "array_1"]
    assert call("Image.bandNames", call("Image.arrayCat", pair, one, 0)) == ["array", "array_1"]


def test_collections_have_ids_as_elements_do():
    empty = call("Collection", [])
    assert call("Feature.id", empty) is None


@pytest.mark.parametrize(
    ("copies", "message"),
    [
        pytest.param(lambda: call("Image.constant", call("Array", [[1, 2], [3, 4]])), "must be numbers", id="matrices"),
        pytest.param(lambda: call("Image.select", call("Image.constant", 1), []), "no bands", id="nothing"),
    ],
)  # fmt: skip
def test_arrays_are_repeated_by_numbers_of_a_band(copies, message):
    image = call("Image.toArray", call("Image.constant", 1))
    with pytest.raises(EcumeneError, match=message):
        call("Image.arrayRepeat", image, 0, copies())


def test_doubling_nothing_ends_with_the_time():
    surroundings = context()
    entry = load().get("Collection.merge")
    nothing = call("Collection", [])
    for _ in range(60):
        nothing = entry.function(nothing, nothing, context=surroundings)
    surroundings.cancel.cancel()
    with pytest.raises(Cancelled):
        list(nothing)
    with pytest.raises(Cancelled):
        nothing.size()


@pytest.mark.parametrize("time", [float("nan"), float("inf"), -1e300, 1e17, 253402300800000])
def test_times_beyond_the_calendar_are_in_no_range(time: float) -> None:
    features = [call("Feature", None, {"system:time_start": t}) for t in (time, 0)]
    passes = call("Filter.calendarRange", 1, 12, "month")
    assert call("Collection.filter", call("Collection", features), passes).size() == 1
