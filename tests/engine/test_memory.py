"""Evaluated images are remembered: for whom, until when, and which are not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ecumene.core.context import NoCatalog
from ecumene.core.image import Band, Image
from ecumene.core.profile import Profile
from ecumene.core.projection import DEFAULT_PROJECTION
from ecumene.engine.memory import Key, Memory, written
from ecumene.engine.service import Engine
from ecumene.plan.executor import Executor
from ecumene.plan.nodes import Constant
from tests.algorithms.scenes import collection
from tests.engine.graphs import chain, const, graph, invoke, ref
from tests.plan.leaves import FLOAT


class Shelf(NoCatalog):
    """A catalogue of constant images whose value counts how often anything was loaded."""

    def __init__(self):
        self.loads = 0
        self.state = 1

    def load_image(self, asset_id):
        self.loads += 1
        band = Band("v", Constant(float(self.loads), FLOAT), DEFAULT_PROJECTION)
        return Image({"loads": self.loads}, asset_id, 1, (band,))

    def load_collection(self, asset_id):
        return collection([self.load_image(asset_id)])

    def load_table(self, asset_id):
        self.loads += 1
        return collection([])

    def revision(self):
        return self.state


@pytest.fixture
def shelf():
    return Shelf()


@pytest.fixture
def engine(shelf):
    made = Engine(shelf, Executor(threads=1))
    yield made
    made.pixels.close()


LOAD = invoke("Image.load", id=const("a/b"))
DOUBLED = graph(invoke("Image.add", image1=ref("i"), image2=ref("i")), i=LOAD)
POINT = invoke("GeometryConstructors.Point", coordinates=const([0, 0]))
REDUCED = invoke(
    "Image.reduceRegion", image=LOAD, reducer=invoke("Reducer.first"), geometry=POINT, scale=const(10)
)  # fmt: skip


def test_the_same_expression_is_the_same_image(engine, shelf):
    first = engine.evaluate(DOUBLED, engine.context("ann"))
    again = engine.evaluate(graph(result=DOUBLED["values"]["0"], i=LOAD), engine.context("ann"))
    assert again is first
    assert shelf.loads == 1
    counters = engine.memory.caches()["expressions"]()
    assert (counters.hits, counters.misses, counters.entries) == (1, 1, 1)


def test_written_expressions_are_the_same_as_decoded_ones(engine):
    assert engine.evaluate(written(DOUBLED), engine.context("ann")) is engine.evaluate(
        DOUBLED, engine.context("ann")
    )


def test_accounts_share_nothing(engine, shelf):
    first = engine.evaluate(DOUBLED, engine.context("ann"))
    other = engine.evaluate(DOUBLED, engine.context("bob"))
    assert other is not first
    assert shelf.loads == 2


def test_a_change_of_the_catalogue_is_seen_at_once(engine, shelf):
    engine.evaluate(DOUBLED, engine.context("ann"))
    shelf.state += 1
    assert engine.evaluate(graph(LOAD), engine.context("ann")).properties["loads"] == 2
    engine.evaluate(DOUBLED, engine.context("ann"))
    assert shelf.loads == 3


def test_nothing_is_remembered_of_a_catalogue_that_cannot_tell(engine, shelf):
    shelf.state = None
    for _ in range(2):
        engine.evaluate(DOUBLED, engine.context("ann"))
    assert shelf.loads == 2


def test_a_change_while_evaluating_is_not_missed(engine, shelf, monkeypatch):
    inner = Shelf.load_image

    def changing(self, asset_id):
        found = inner(self, asset_id)
        self.state += 1
        return found

    monkeypatch.setattr(Shelf, "load_image", changing)
    engine.evaluate(graph(LOAD), engine.context("ann"))
    monkeypatch.setattr(Shelf, "load_image", inner)
    assert engine.evaluate(graph(LOAD), engine.context("ann")).properties["loads"] == 2


TABLE = invoke("Collection.loadTable", tableId=const("t"))
DEPENDENT = {
    "pixels": graph(invoke("Element.set", object=LOAD, key=const("mean"), value=REDUCED)),
    "a table": graph(invoke("Element.set", object=LOAD, key=const("n"), value=invoke("Collection.size", collection=TABLE))),
}  # fmt: skip


@pytest.mark.parametrize("what", DEPENDENT)
def test_images_that_depend_on_more_than_records_are_evaluated_again(engine, shelf, what):
    first = engine.evaluate(DEPENDENT[what], engine.context("ann"))
    loads = shelf.loads
    assert engine.evaluate(DEPENDENT[what], engine.context("ann")) is not first
    assert shelf.loads > loads


@pytest.mark.parametrize("what", [*DEPENDENT, "nothing else"])
def test_a_pinned_one_is_kept_until_the_catalogue_changes(engine, shelf, what):
    expression = DEPENDENT.get(what, DOUBLED)
    first = engine.evaluate(expression, engine.context("ann"), "maps/1")
    assert engine.evaluate(expression, engine.context("ann"), "maps/1") is first
    shelf.state += 1
    assert engine.evaluate(expression, engine.context("ann"), "maps/1") is not first


def test_pins_are_not_shared_where_they_depend_on_more(engine):
    expression = DEPENDENT["pixels"]
    first = engine.evaluate(expression, engine.context("ann"), "maps/1")
    assert engine.evaluate(expression, engine.context("ann"), "maps/2") is not first


def test_pins_do_not_hold_without_knowledge_of_changes(engine, shelf):
    """A role that was taken away meanwhile must end what it allowed."""
    shelf.state = None
    first = engine.evaluate(DOUBLED, engine.context("ann"), "maps/1")
    assert engine.evaluate(DOUBLED, engine.context("ann"), "maps/1") is not first


def test_long_texts_weigh_as_many_steps_do(engine):
    constant = graph(invoke("Element.set", object=LOAD, key=const("k"), value=const("x" * 512_000)))
    engine.evaluate(constant, engine.context("ann"))
    assert 1000 <= engine.memory.caches()["expressions"]().size <= 1020


def test_other_values_are_not_remembered(engine, shelf):
    sizes = graph(
        invoke("Collection.size", collection=invoke("ImageCollection.load", id=const("c")))
    )
    for _ in range(2):
        assert engine.evaluate(sizes, engine.context("ann")) == 1
    assert shelf.loads == 2


def test_a_profile_sees_the_work(engine, shelf):
    engine.evaluate(DOUBLED, engine.context("ann"))
    context = replace(engine.context("ann"), profile=Profile("p", "ann"))
    with context.profile.clock().inside("all"):
        engine.evaluate(DOUBLED, context)
    assert shelf.loads == 2


def test_errors_are_not_remembered(engine):
    bad = graph(invoke("Image.select", input=LOAD, bandSelectors=const(["no"])))
    for _ in range(2):
        with pytest.raises(Exception, match="no"):
            engine.evaluate(bad, engine.context("ann"))
    assert engine.memory.caches()["expressions"]().entries == 0


def images(number):
    return [Image({"n": k}) for k in range(number)]


def test_the_memory_is_bounded_by_steps():
    memory = Memory(10)
    keys = [Key("ann", 1, bytes([k])) for k in range(3)]
    for key, image, steps in zip(keys, images(3), (4, 4, 4), strict=True):
        memory.keep(key, image, steps)
    assert [memory.recall(key) is None for key in keys] == [True, False, False]
    memory.keep(Key("ann", 1, b"big"), Image(), 6)
    assert memory.recall(Key("ann", 1, b"big")) is None


def test_what_is_made_of_a_remembered_image_is_made_once():
    memory = Memory()
    (image, stranger), made = images(2), []
    memory.keep(Key("ann", 1, b"x"), image, 1)

    def make():
        made.append(1)
        return len(made)

    assert [memory.derived(image, "k", make) for _ in range(3)] == [1, 1, 1]
    assert memory.derived(image, "other", make) == 2
    assert [memory.derived(stranger, "k", make) for _ in range(2)] == [3, 4]


def test_what_was_made_goes_with_its_image():
    memory = Memory(2)
    image, other, third = images(3)
    memory.keep(Key("ann", 1, b"x"), image, 1)
    assert memory.derived(image, "k", lambda: 1) == 1
    memory.keep(Key("ann", 1, b"y"), other, 1)
    memory.keep(Key("ann", 1, b"z"), third, 1)
    assert memory.derived(image, "k", lambda: 2) == 2


@pytest.mark.parametrize(
    "expression", [{"values": {}, "result": "\ud800"}, {"values": object()}, {1, 2}], ids=["surrogate", "object", "set"]
)  # fmt: skip
def test_what_cannot_be_written(expression):
    assert written(expression) is None or expression == {1, 2}


def test_deep_documents_are_evaluated_all_the_same(engine):
    deep = {"result": "0", "values": {"0": ref("n0"), **chain(3000, const(1))}}
    assert engine.evaluate(deep, engine.context("ann")) == 3001
