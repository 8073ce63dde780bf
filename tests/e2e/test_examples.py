"""Every example of the reference, run through the unmodified client."""

from __future__ import annotations

import doctest
import io

import pytest

from ecumene.algorithms import examples, load

EXAMPLES = examples.load()
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@pytest.fixture(scope="module")
def client(server):
    import ee

    ee.Reset()
    ee.Initialize(
        ee.ServiceAccountCredentials("ignored@example.com", str(server.key)), url=server.base
    )
    return ee


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES)
def test_example(example, client):
    test = doctest.DocTestParser().get_doctest(
        example.text, {"ee": client}, example.name, example.table, 0
    )
    assert test.examples, "no prompt"
    report = io.StringIO()
    failed, tried = doctest.DocTestRunner(optionflags=FLAGS, verbose=False).run(
        test, out=report.write
    )
    assert tried
    assert not failed, report.getvalue()


def test_examples_are_of_algorithms():
    known = {entry.name for entry in load() if entry.implemented}
    assert EXAMPLES.keys() <= known


def test_tables_are_in_order():
    by_table: dict[str, list[str]] = {}
    for example in EXAMPLES.values():
        by_table.setdefault(example.table, []).append(example.name)
    assert all(names == sorted(names) for names in by_table.values())
