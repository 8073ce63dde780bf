"""Pages of the reference say what the engine says."""

from __future__ import annotations

import pytest

from ecumene.algorithms import load
from ecumene.algorithms.examples import Example, parse
from ecumene.cli.pages import errors, page, pages
from ecumene.core.errors import BindingError
from ecumene.engine.bind import bind
from tests.calls import context, engine

ENTRIES = [entry for entry in load() if entry.implemented]


def said(entry, arguments):
    with pytest.raises(BindingError) as found:
        bind(entry, arguments, context(), engine().registry)
    return found.value.message


def test_required_arguments():
    required = [e for e in ENTRIES if any(not a.optional for a in e.arguments)]
    assert len(required) > 500
    for entry in required:
        assert f"`{said(entry, {})}`" in errors(entry)


def test_unknown_arguments():
    free = [e for e in ENTRIES if all(a.optional for a in e.arguments)]
    assert free
    for entry in free:
        assert f"`{said(entry, {'nope': 1}).replace('nope', '…')}`" in errors(entry)


@pytest.mark.parametrize(
    ("name", "wrong"), [("Number.add", "x"), ("String.cat", 1), ("List.get", "x")]
)
def test_types(name, wrong):
    entry = next(e for e in ENTRIES if e.name == name)
    arguments = {a.name: wrong for a in entry.arguments if not a.optional}
    words = said(entry, arguments).replace("\n", " ")
    expected, _, _ = words.partition("Actual type")
    assert f"`{expected}Actual type: ….`" in errors(entry)


def test_a_page_has_its_example_and_its_source():
    entry = next(e for e in ENTRIES if e.name == "String.cat")
    text = page(entry, Example("String.cat", "Words.\n>>> 1\n1", "A book", "t.txt"))
    assert "## Example\n\nWords.\n\n```pycon\n>>> 1\n1\n```" in text
    assert "Source of the rule: A book." in text


def test_every_algorithm_has_a_page_of_its_own():
    found = pages(list(load()), {})
    assert sum(not name.endswith("/index.md") and name != "index.md" for name in found) == len(
        list(load())
    )


@pytest.mark.parametrize(
    ("table", "words"),
    [("[A.b]\n>>> 1\n1\n", "source"), ("source: x\n[A.b]\n>>> 1\n1\n[A.b]\n>>> 2\n2\n", "twice")],
    ids=["no source", "twice"],
)
def test_bad_tables(table, words):
    with pytest.raises(ValueError, match=words):
        list(parse("t.txt", table))


def test_results_that_look_like_heads_are_results():
    (found,) = parse("t.txt", "source: x\n[A.b]\n>>> f()\n[None]\n>>> g()\n[1]\n")
    assert found.text == ">>> f()\n[None]\n>>> g()\n[1]"
