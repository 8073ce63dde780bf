"""Decoding and checking of expression graphs."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecumene.core.errors import EcumeneError, GraphError, LimitExceeded
from ecumene.core.limits import OPEN
from ecumene.engine import graph as graphs
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


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        pytest.param(const(None), None, id="null"),
        pytest.param(const(2.0), 2, id="integral-double-is-integer"),
        pytest.param(const(2.5), 2.5, id="double"),
        pytest.param(const({"a": [1.0, {"b": None}]}), {"a": [1, {"b": None}]}, id="nested"),
        pytest.param({"integerValue": "1152921504606846977"}, 2**60 + 1, id="int64"),
        pytest.param({"integerValue": "-9223372036854775808"}, -(2**63), id="int64-lowest"),
        pytest.param({"bytesValue": "aGk="}, b"hi", id="bytes"),
        pytest.param(array(const(1), const("a"), array()), [1, "a", []], id="array"),
        pytest.param({"arrayValue": {}}, [], id="array-without-values"),
        pytest.param(dictionary(x=const(1), y=array()), {"x": 1, "y": []}, id="dictionary"),
        pytest.param({"dictionaryValue": {}}, {}, id="dictionary-without-values"),
        pytest.param(invoke("Number.add", left=const(1), right=const(2)), 3, id="call"),
    ],
)
def test_every_kind_of_node_has_its_value(node, expected):
    found = run_graph(graph(node))
    assert found == expected
    assert isinstance(found, type(expected))
    assert isinstance(found, bool) is isinstance(expected, bool)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        pytest.param(None, "must be an object", id="no-document"),
        pytest.param([], "must be an object", id="list"),
        pytest.param({"values": {}}, "string 'result'", id="no-result"),
        pytest.param({"result": "0"}, "object 'values'", id="no-values"),
        pytest.param({"result": 0, "values": {}}, "string 'result'", id="number-as-result"),
        pytest.param({"result": "9", "values": {"0": const(1)}}, "'9'", id="result-dangles"),
        pytest.param(graph(5), "node '0' must be an object", id="node-is-a-number"),
        pytest.param(graph({}), "node '0' must have exactly one", id="empty-node"),
        pytest.param(graph({"other": 1}), "found other", id="unknown-kind"),
        pytest.param(
            graph({"constantValue": 1, "valueReference": "0"}), "exactly one", id="two-kinds"
        ),
        pytest.param(graph(ref("a")), "node '0' refers to a node 'a'", id="dangling"),
        pytest.param(
            graph(array(const(1), ref("a")), a=array(ref("b"))),
            "node 'a' refers",
            id="dangling-deep",
        ),
        pytest.param(
            graph({"valueReference": 3}), "reference must be a string", id="bad-reference"
        ),
        pytest.param(graph({"valueReference": ["0"]}), "must be a string", id="list-reference"),
        pytest.param(graph(ref("0")), "node '0' is part of a cycle", id="cycle-of-one"),
        pytest.param(graph(array(ref("a")), a=array(ref("0"))), "cycle", id="cycle-of-two"),
        pytest.param(graph(ref("f"), f=function("f", "x")), "cycle", id="function-in-itself"),
        pytest.param(graph(arg("x")), "node '0' refers to an argument 'x'", id="unbound"),
        pytest.param(
            graph(ref("f"), f=function("b", "x"), b=array(arg("x"), arg("y"))),
            "node 'b' refers to an argument 'y'",
            id="unbound-in-body",
        ),
        pytest.param(graph({"argumentReference": None}), "must be a string", id="null-argument"),
        pytest.param(graph({"integerValue": "1.5"}), "not a 64-bit integer", id="fraction"),
        pytest.param(graph({"integerValue": "9223372036854775808"}), "64-bit", id="too-large"),
        pytest.param(graph({"integerValue": "1" * 10_000}), "64-bit", id="far-too-large"),
        pytest.param(graph({"integerValue": True}), "64-bit", id="bool-as-integer"),
        pytest.param(graph({"bytesValue": "?"}), "not base64", id="not-base64"),
        pytest.param(graph({"bytesValue": 5}), "not base64", id="number-as-bytes"),
        pytest.param(graph({"arrayValue": []}), "node '0' is malformed", id="array-is-a-list"),
        pytest.param(graph({"arrayValue": {"values": {}}}), "'values'", id="array-of-object"),
        pytest.param(graph({"dictionaryValue": {"values": []}}), "'values'", id="dict-of-list"),
        pytest.param(
            graph({"functionDefinitionValue": {"argumentNames": ["x"]}}),
            "needs a body",
            id="no-body",
        ),
        pytest.param(
            graph(ref("f"), f=function("b", "x", "x"), b=const(1)), "different", id="names-twice"
        ),
        pytest.param(
            graph({"functionDefinitionValue": {"argumentNames": [1], "body": "0"}}),
            "different strings",
            id="name-is-a-number",
        ),
        pytest.param(
            graph({"functionInvocationValue": {"arguments": {}}}), "functionName", id="no-function"
        ),
        pytest.param(
            graph({"functionInvocationValue": {"functionName": 5}}),
            "must be a string",
            id="bad-name",
        ),
        pytest.param(
            graph({"functionInvocationValue": {"functionName": "If", "arguments": []}}),
            "'arguments'",
            id="list-of-arguments",
        ),
        pytest.param(graph(by_reference("f")), "'f' that does not exist", id="function-dangles"),
    ],
)
def test_malformed_graphs_name_the_node(document, message):
    with pytest.raises(GraphError, match="Expression") as caught:
        run_graph(document)
    assert message in caught.value.message


def test_nodes_that_the_result_does_not_reach_are_not_read():
    assert run_graph(graph(const(1), unused={"nonsense": 1}, other=ref("nowhere"))) == 1


def test_too_many_nodes():
    limits = replace(OPEN, graph_nodes=10)
    with pytest.raises(LimitExceeded, match="at most 10"):
        graphs.decode(graph(array(*[const(1)] * 10)), limits)
    assert len(graphs.decode(graph(array(*[const(1)] * 9)), limits).nodes) == 10


def test_too_deep_names_the_node():
    limits = replace(OPEN, graph_depth=10)
    with pytest.raises(LimitExceeded, match=r"too deep at node 'n\d+'.*at most 10"):
        graphs.decode({"result": "n0", "values": chain(12, const(0))}, limits)


def test_inline_nodes_nest_to_any_depth():
    node = const(0)
    for _ in range(400):
        node = invoke("Number.add", left=node, right=const(1))
    assert run_graph(graph(node)) == 400


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('{"result":"0","values":{"0":{"constantValue":7}}}', id="text"),
        pytest.param(b'{"result":"0","values":{"0":{"constantValue":7}}}', id="bytes"),
    ],
)
def test_documents_may_be_json_text(text):
    assert run_graph(text) == 7


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(b"{", "not valid JSON", id="broken"),
        pytest.param(b"\xff\xfe", "not valid JSON", id="not-utf8"),
        pytest.param(b"[" * 200_000 + b"]" * 200_000, "nested too deeply", id="deep"),
    ],
)
def test_unreadable_text_is_an_error(text, message):
    with pytest.raises(GraphError, match=message):
        run_graph(text)


def test_a_deeply_nested_constant_is_refused_not_a_crash():
    value: list = []
    for _ in range(50_000):
        value = [value]
    with pytest.raises(EcumeneError, match="too deep"):
        run_graph(graph(const(value)))


KEYS = st.sampled_from(["0", "1", "2", "3"])
JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(allow_nan=False)
    | st.text(max_size=4)
    | KEYS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=4,
)
NAMES = st.sampled_from(["x", "y", "left", "right", "list", "value", "object", "input", "image1"])
FUNCTIONS = st.sampled_from(
    ["Number.add", "Number.divide", "List.get", "List.map", "List.sequence", "Image.constant", "Image.add", "Date",
     "String.cat", "Dictionary.get", "Element.get", "Collection", "Collection.size", "Feature", "If", "No.such"]
)  # fmt: skip
NODES = st.recursive(
    JUNK
    | st.builds(const, JUNK)
    | st.builds(ref, KEYS)
    | st.builds(arg, NAMES)
    | st.builds(lambda body, names: function(body, *names), KEYS, st.lists(NAMES, max_size=2))
    | st.builds(lambda text: {"integerValue": text}, st.text(max_size=4) | st.integers()),
    lambda inner: (
        st.builds(lambda items: array(*items), st.lists(inner, max_size=3))
        | st.builds(lambda items: dictionary(**items), st.dictionaries(NAMES, inner, max_size=3))
        | st.builds(
            lambda f, a: invoke(f, **a), FUNCTIONS, st.dictionaries(NAMES, inner, max_size=3)
        )
        | st.builds(
            lambda f, a: by_reference(f, **a), KEYS, st.dictionaries(NAMES, inner, max_size=2)
        )
    ),
    max_leaves=6,
)


@settings(max_examples=250, deadline=None, derandomize=True)
@given(st.dictionaries(KEYS, NODES, min_size=1))
def test_whatever_a_client_sends_is_a_value_or_an_error_for_the_client(values):
    document = {"result": "0", "values": values}
    try:
        found = json_graph(document)
    except EcumeneError as error:
        assert error.http == 400
        assert error.message
    else:
        json.dumps(found, allow_nan=False)
