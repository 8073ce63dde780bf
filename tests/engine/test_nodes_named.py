"""Every error of a graph says which node of the client's expression it is about."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ecumene.core.context import NoCatalog
from ecumene.core.errors import EcumeneError
from ecumene.core.limits import OPEN
from ecumene.engine.service import Engine
from tests.engine.graphs import arg, array, by_reference, chain, const, function, invoke, ref

ADD = {"left": const(1), "right": const(2)}
BAD = {
    "cycle": array(ref("bad")),
    "dangling-reference": array(ref("nowhere")),
    "dangling-function": by_reference("nowhere"),
    "unbound-name": arg("x"),
    "unknown-function": invoke("Number.ad", **ADD),
    "missing-argument": invoke("Number.add", left=const(1)),
    "surplus-argument": invoke("Number.add", **ADD, third=const(3)),
    "mistyped-argument": invoke("Number.add", left=const(1), right=array(const("a"))),
    "not-a-function": by_reference("number"),
    "missing-in-call": by_reference("f"),
    "surplus-in-call": by_reference("f", x=const(1), y=const(2)),
    "unknown-kind": {"someValue": 1},
    "not-an-integer": {"integerValue": "1.5"},
    "fails-at-work": invoke("List.get", list=const([1, 2]), index=const(7)),
}


@pytest.mark.parametrize("name", BAD)
def test_the_error_is_the_clients_and_names_the_node(name):
    values = {
        "top": array(const(1), ref("middle")),
        "middle": invoke("List.reverse", list=array(ref("bad"))),
        "bad": BAD[name],
        "number": const(5),
        "f": function("body", "x"),
        "body": arg("x"),
    }
    engine = Engine(NoCatalog())
    with pytest.raises(EcumeneError) as caught:
        engine.evaluate({"result": "top", "values": values}, engine.context())
    assert caught.value.http == 400
    assert caught.value.message
    assert "'bad'" in caught.value.message or caught.value.node == "bad"


@pytest.mark.parametrize(
    ("limits", "values", "words"),
    [
        pytest.param({"graph_depth": 100}, chain(200, const(0)), "at node 'n", id="too-deep"),
        pytest.param({"graph_nodes": 100}, chain(200, const(0)), "at most 100", id="too-large"),
    ],
)
def test_graphs_over_a_limit(limits, values, words):
    engine = Engine(NoCatalog(), limits=replace(OPEN, **limits))
    with pytest.raises(EcumeneError, match=words) as caught:
        engine.evaluate({"result": "n0", "values": values}, engine.context())
    assert caught.value.http == 400
