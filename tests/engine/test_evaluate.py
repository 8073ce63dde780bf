"""Evaluation: sharing, scope, functions as values, depth."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ecumene.algorithms import load
from ecumene.core.context import CancelToken, Context, NoCatalog
from ecumene.core.errors import (
    BindingError,
    Cancelled,
    EvaluationError,
    LimitExceeded,
    RequestError,
)
from ecumene.core.limits import OPEN
from ecumene.core.registry import Registry, describe
from ecumene.core.wire import Algorithm, Integer, Number, Object
from ecumene.engine.service import Engine
from tests.calls import json_graph, run_graph
from tests.engine.graphs import (
    arg,
    array,
    by_reference,
    chain,
    const,
    dictionary,
    function,
    graph,
    invoke,
    ref,
)


@pytest.fixture
def counted():
    """An engine with ``Count(value)``, which counts its calls and gives its value plus one."""
    calls: list[int] = []

    def count(value: Number) -> Number:
        """The value plus one."""
        calls.append(value)
        return value + 1

    def apply(function: Algorithm, value: Object, times: Integer = 1) -> Object:
        """A function's last result for value, value + 1, …."""
        return [function(value + i) for i in range(times)][-1]

    registry = Registry(dict(load().entries))
    registry.add(describe("Count", count))
    registry.add(describe("Apply", apply))
    engine = Engine(NoCatalog(), registry=registry)

    def run(expression):
        return engine.evaluate(expression, engine.context())

    return run, calls


def test_a_shared_node_is_evaluated_once(counted):
    run, calls = counted
    shared = invoke("Count", value=const(1))
    total = invoke("Number.add", left=ref("s"), right=ref("s"))
    assert run(graph(array(total, ref("s"), ref("t")), s=shared, t=ref("s"))) == [4, 2, 2]
    assert calls == [1]


def test_a_tower_of_shared_nodes_is_linear(counted):
    """Thirty doublings: 2^30 evaluations without a memory."""
    run, calls = counted
    values = {
        f"n{i}": invoke("Number.add", left=ref(f"n{i + 1}"), right=ref(f"n{i + 1}"))
        for i in range(30)
    }
    values["n30"] = invoke("Count", value=const(0))
    assert run({"result": "n0", "values": values}) == 2**30
    assert calls == [0]


def test_in_a_function_a_node_is_evaluated_once_per_call(counted):
    run, calls = counted
    body = array(ref("c"), ref("c"))
    document = graph(
        invoke("List.map", list=const([10, 20, 30]), baseAlgorithm=ref("f")),
        f=function("b", "x"),
        b=body,
        c=invoke("Count", value=arg("x")),
    )
    assert run(document) == [[11, 11], [21, 21], [31, 31]]
    assert calls == [10, 20, 30]


def test_a_node_without_arguments_is_evaluated_once_for_all_calls(counted):
    run, calls = counted
    document = graph(
        invoke("List.map", list=const([10, 20, 30]), baseAlgorithm=ref("f")),
        f=function("b", "x"),
        b=invoke("Number.add", left=arg("x"), right=ref("c")),
        c=invoke("Count", value=const(1)),
    )
    assert run(document) == [12, 22, 32]
    assert calls == [1]


def test_a_node_of_the_outer_argument_is_evaluated_once_per_outer_call(counted):
    run, calls = counted
    inner = invoke("List.map", list=const([1, 2]), baseAlgorithm=ref("g"))
    document = graph(
        invoke("List.map", list=const([10, 20]), baseAlgorithm=ref("f")),
        f=function("fb", "x"),
        fb=inner,
        g=function("gb", "y"),
        gb=invoke("Number.add", left=ref("c"), right=arg("y")),
        c=invoke("Count", value=arg("x")),
    )
    assert run(document) == [[12, 13], [22, 23]]
    assert calls == [10, 20]


def test_scope_is_lexical_and_the_innermost_name_wins():
    """f(x) = map([1, 2], y → x·10 + y); g(x) = map([5], x → x): the outer x is hidden."""
    ten = invoke("Number.multiply", left=arg("x"), right=const(10))
    document = graph(
        array(
            invoke("List.map", list=const([3, 4]), baseAlgorithm=ref("f")),
            invoke("List.map", list=const([3, 4]), baseAlgorithm=ref("g")),
        ),
        f=function("fb", "x"),
        fb=invoke("List.map", list=const([1, 2]), baseAlgorithm=ref("fi")),
        fi=function("fib", "y"),
        fib=invoke("Number.add", left=ten, right=arg("y")),
        g=function("gb", "x"),
        gb=invoke("List.map", list=const([5]), baseAlgorithm=ref("gi")),
        gi=function("gib", "x"),
        gib=arg("x"),
    )
    assert run_graph(document) == [[[31, 32], [41, 42]], [[5], [5]]]


def test_a_closure_keeps_the_arguments_that_it_was_made_with(counted):
    """make(x) = y → x + y as values in a list, called after make has returned."""
    run, _ = counted
    document = graph(
        array(
            invoke(
                "Apply",
                function=invoke("List.get", list=ref("made"), index=const(0)),
                value=const(1),
            ),
            invoke(
                "Apply",
                function=invoke("List.get", list=ref("made"), index=const(1)),
                value=const(1),
            ),
        ),
        made=invoke("List.map", list=const([100, 200]), baseAlgorithm=ref("make")),
        make=function("mb", "x"),
        mb=function("inner", "y"),
        inner=invoke("Number.add", left=arg("x"), right=arg("y")),
    )
    assert run(document) == [101, 201]


@pytest.mark.parametrize(
    "callee",
    [
        pytest.param({"f": function("b", "left", "right")}, id="definition"),
        pytest.param(
            {"f": ref("g"), "g": function("b", "left", "right")}, id="definition-by-reference"
        ),
        pytest.param({"f": const("Number.subtract")}, id="algorithm-by-name"),
    ],
)
def test_calls_by_reference(callee):
    document = graph(
        by_reference("f", left=const(5), right=const(3)),
        b=invoke("Number.subtract", left=arg("left"), right=arg("right")),
        **callee,
    )
    assert run_graph(document) == 2


def test_an_algorithm_may_be_an_argument_by_its_name():
    document = graph(invoke("List.map", list=const([1, 4, 9]), baseAlgorithm=const("Number.sqrt")))
    assert json_graph(document) == [1, 2, 3]


def test_parsed_expressions_are_functions():
    parsed = invoke(
        "Image.parseExpression",
        expression=const("a + b"),
        argName=const("DEFAULT_EXPRESSION_IMAGE"),
        vars=array(const("DEFAULT_EXPRESSION_IMAGE"), const("a"), const("b")),
    )
    one, two = (invoke("Image.constant", value=const(v)) for v in (1, 2))
    document = graph(by_reference("p", DEFAULT_EXPRESSION_IMAGE=one, a=one, b=two), p=parsed)
    assert json_graph(document)["bands"][0]["data_type"] == {
        "type": "PixelType",
        "precision": "int",
        "min": 3,
        "max": 3,
    }


@pytest.mark.parametrize(
    ("node", "more", "message"),
    [
        pytest.param(
            by_reference("f"), {"f": function("b", "x"), "b": arg("x")}, "'x'", id="missing"
        ),
        pytest.param(
            by_reference("f", x=const(1), y=const(2)),
            {"f": function("b", "x"), "b": arg("x")},
            "'y'",
            id="surplus",
        ),
        pytest.param(by_reference("f"), {"f": const(5)}, "node 'f' is not a function", id="number"),
        pytest.param(by_reference("f"), {"f": const("Nope")}, "Unknown function 'Nope'", id="name"),
        pytest.param(
            invoke("List.map", list=const([1]), baseAlgorithm=ref("f")),
            {"f": function("b", "x", "y"), "b": arg("x")},
            "2 arguments was called with 1",
            id="arity",
        ),
    ],
)
def test_bad_calls_of_functions(node, more, message):
    with pytest.raises(RequestError) as caught:
        run_graph(graph(node, **more))
    assert message in caught.value.message


@pytest.mark.parametrize("length", [5_000, 19_000])
def test_long_chains_evaluate(length):
    assert run_graph({"result": "n0", "values": chain(length, const(0))}) == length


def test_long_chains_evaluate_in_function_bodies():
    document = graph(
        invoke("List.map", list=const([0, 1]), baseAlgorithm=ref("f")),
        f=function("n0", "x"),
        **chain(5_000, arg("x")),
    )
    assert run_graph(document) == [5_000, 5_001]


def test_long_chains_of_lists_and_dictionaries_evaluate():
    values = {
        f"n{i}": array(ref(f"n{i + 1}")) if i % 2 else dictionary(a=ref(f"n{i + 1}"))
        for i in range(5_000)
    }
    found = run_graph({"result": "n0", "values": {**values, "n5000": const(7)}})
    for level in range(5_000):
        found = found[0] if level % 2 else found["a"]
    assert found == 7


def test_a_function_applied_to_itself_ends():
    """ω ω with ω = f → f(f) would never end."""
    document = graph(
        by_reference("w", f=ref("w")),
        w=function("b", "f"),
        b=by_reference("a", f=ref("a")),
        a=arg("f"),
    )
    with pytest.raises(LimitExceeded, match="nested too deeply"):
        run_graph(document)


def test_nested_maps_end_at_the_limit():
    values = {"n3": arg("x3")}
    for level in range(3):
        values[f"f{level}"] = function(f"n{level + 1}", f"x{level + 1}")
        values[f"n{level}"] = invoke("List.map", list=const([1]), baseAlgorithm=ref(f"f{level}"))
    document = {"result": "n0", "values": values}
    assert run_graph(document) == [[[1]]]
    engine = Engine(NoCatalog(), limits=replace(OPEN, call_depth=2))
    with pytest.raises(LimitExceeded, match="at most 2 levels"):
        engine.evaluate(document, engine.context())


@pytest.mark.parametrize(
    ("condition", "chosen"),
    [
        pytest.param(const(value), chosen, id=repr(value))
        for value, chosen in [
            (0, "no"), (0.0, "no"), (None, "no"), ("", "no"), ([], "no"), ({}, "no"), (False, "no"),
            (1, "yes"), (-0.5, "yes"), ("a", "yes"), ([0], "yes"), ({"a": 0}, "yes"), (True, "yes"),
        ]
    ],
)  # fmt: skip
def test_if_takes_as_false_what_the_documentation_says(condition, chosen):
    node = invoke("If", condition=condition, trueCase=const("yes"), falseCase=const("no"))
    assert run_graph(graph(node)) == chosen


def test_if_evaluates_only_the_branch_that_it_takes(counted):
    run, calls = counted
    node = invoke(
        "If",
        condition=const(1),
        trueCase=invoke("Count", value=const(5)),
        falseCase=invoke("Count", value=const("not a number")),
    )
    assert run(graph(node)) == 6
    assert calls == [5]


def test_if_gives_null_for_a_branch_that_is_missing():
    assert run_graph(graph(invoke("If", condition=const(0), trueCase=const(1)))) is None
    assert run_graph(graph(invoke("If"))) is None


def test_a_chain_of_conditions_is_not_recursive():
    values = {
        f"n{i}": invoke("If", condition=const(0), trueCase=const(1), falseCase=ref(f"n{i + 1}"))
        for i in range(5_000)
    }
    assert run_graph({"result": "n0", "values": {**values, "n5000": const("end")}}) == "end"


def test_unknown_functions_are_refused_even_where_nothing_calls_them():
    document = graph(
        invoke("If", condition=const(1), trueCase=const(1), falseCase=ref("bad")),
        bad=invoke("Number.ad", left=const(1), right=const(2)),
    )
    with pytest.raises(BindingError) as caught:
        run_graph(document)
    assert caught.value.message.startswith(
        "Expression node 'bad': Unknown function 'Number.ad'. Did you mean "
    )
    assert "'Number.add'" in caught.value.message


def test_errors_carry_the_key_of_the_node_that_failed():
    document = graph(
        invoke("Number.add", left=const(1), right=ref("inner")),
        inner=invoke("Number.add", left=const(1)),
    )
    with pytest.raises(BindingError) as caught:
        run_graph(document)
    assert caught.value.message == "Number.add: Parameter 'right' is required."
    assert caught.value.node == "inner"


def test_errors_in_maps_carry_the_key_of_the_inner_node():
    features = invoke("Collection", features=array(invoke("Feature")))
    document = graph(
        invoke("Collection.toList", collection=ref("m"), count=const(5)),
        m=invoke("Collection.map", collection=features, baseAlgorithm=ref("f")),
        f=function("b", "x"),
        b=invoke("Element.set", object=arg("x"), key=const("k"), value=ref("bad")),
        bad=invoke(
            "Number.divide",
            left=invoke("Element.get", object=arg("x"), property=const("none")),
            right=const(2),
        ),
    )
    with pytest.raises(EvaluationError) as caught:
        run_graph(document)
    assert caught.value.message == (
        "Collection.toList: Error in map(ID=0):\nNumber.divide: Parameter 'left' is required."
    )
    assert caught.value.node == "bad"


@pytest.mark.parametrize("gone", [True, False], ids=["client-gone", "deadline"])
def test_a_cancelled_evaluation_stops(gone):
    engine = Engine(NoCatalog())
    token = CancelToken(None if gone else -1.0)
    if gone:
        token.cancel()
    context = Context(OPEN, token)
    with pytest.raises(Cancelled):
        engine.evaluate(graph(invoke("Number.add", left=const(1), right=const(2))), context)


def test_a_chain_stops_at_the_link_where_its_time_ends():
    token = CancelToken()
    calls = []

    def last(value: Number) -> Number:
        """Ends the time of the request."""
        calls.append(value)
        token.cancel()
        return value

    registry = Registry(dict(load().entries))
    registry.add(describe("Last", last))
    node = const(1)
    for _ in range(5):
        node = invoke("Last", value=node)
    with pytest.raises(Cancelled):
        Engine(NoCatalog(), registry=registry).evaluate(graph(node), Context(OPEN, token))
    assert calls == [1]
