"""A database's revision moves with every commit, whoever makes it, and only then."""

from __future__ import annotations

import subprocess
import sys

import pytest
import sqlalchemy as sa

from ecumene.storage.revision import Revision


@pytest.fixture
def engine(tmp_path):
    made = sa.create_engine(f"sqlite:///{tmp_path / 'x.sqlite'}")
    with made.begin() as connection:
        connection.execute(sa.text("CREATE TABLE t (a INTEGER)"))
    yield made
    made.dispose()


@pytest.fixture
def revision(engine):
    made = Revision(engine)
    yield made
    made.close()


def write(engine, commit=True):
    with engine.connect() as connection:
        connection.execute(sa.text("INSERT INTO t VALUES (1)"))
        if commit:
            connection.commit()


def test_it_stays_while_nothing_is_written(engine, revision):
    before = revision.now()
    with engine.connect() as connection:
        connection.execute(sa.text("SELECT * FROM t")).all()
    write(engine, commit=False)
    assert before is not None
    assert revision.now() == before


def test_it_moves_with_every_commit(engine, revision):
    seen = [revision.now()]
    for _ in range(3):
        write(engine)
        seen.append(revision.now())
    assert len(set(seen)) == 4


def test_it_moves_with_commits_of_another_process(engine, revision):
    before = revision.now()
    code = f"import sqlite3; c = sqlite3.connect({engine.url.database!r}); c.execute('INSERT INTO t VALUES (2)'); c.commit()"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert revision.now() != before


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///:memory:", "postgresql+psycopg://nobody@nowhere/x"]
)
def test_nothing_is_known_of_other_databases(url):
    class Stub:
        dialect = sa.engine.make_url(url).get_dialect()
        url_ = None

    stub = Stub()
    stub.url = sa.engine.make_url(url)
    stub.dialect = type("Dialect", (), {"name": url.partition(":")[0].partition("+")[0]})
    assert Revision(stub).now() is None


def test_nothing_is_known_after_closing(engine):
    revision = Revision(engine)
    revision.close()
    revision.close()
    assert revision.now() is None
