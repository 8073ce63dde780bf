"""A database's revision moves with every commit, whoever makes it, and only then."""

from __future__ import annotations

import subprocess
import sys

import pytest
import sqlalchemy as sa

from ecumene.storage.databases import located, opened
from ecumene.storage.revision import Revision
from ecumene.storage.tables import ensure

TABLES = sa.MetaData()
T = sa.Table("t", TABLES, sa.Column("a", sa.Integer))


@pytest.fixture
def engine(tmp_path, database):
    made = opened(located(tmp_path, "x.sqlite"))
    ensure(TABLES, made, "numbers")
    yield made
    made.dispose()


@pytest.fixture
def revision(engine):
    made = Revision(engine, "numbers")
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
    url = engine.url.render_as_string(hide_password=False)
    code = f"import sqlalchemy as sa; c = sa.create_engine({url!r}).connect(); c.execute(sa.text('INSERT INTO t VALUES (2)')); c.commit()"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert revision.now() != before


@pytest.mark.parametrize(
    "change", [T.insert().values(a=1), T.update().values(a=2), T.delete()], ids=str
)
def test_every_kind_of_change_moves_it(engine, revision, change):
    write(engine)
    before = revision.now()
    with engine.begin() as connection:
        connection.execute(change)
    assert revision.now() != before


def test_it_never_moves_before_the_commit_that_moves_it(engine, revision):
    """Whoever sees a number sees all that was committed up to it, and nothing newer has an older one."""
    before = revision.now()
    with engine.connect() as connection:
        for k in range(3):
            connection.execute(T.insert().values(a=k))
            assert revision.now() == before
        connection.commit()
    assert revision.now() != before


def test_a_server_counts_transactions_by_groups_of_tables(postgres):
    engine = opened(postgres.schema())
    ensure(TABLES, engine, "numbers")
    other = sa.MetaData()
    sa.Table("u", other, sa.Column("a", sa.Integer))
    ensure(other, engine, "others")
    ensure(TABLES, engine, "numbers")
    numbers, others = Revision(engine, "numbers"), Revision(engine, "others")
    first, second = numbers.now(), others.now()
    assert first is not None and second is not None
    with engine.begin() as connection:
        connection.execute(T.insert(), [{"a": k} for k in range(100)])
        connection.execute(T.delete())
    assert (numbers.now(), others.now()) == (first + 1, second)
    with engine.connect() as connection:  # taken back after the change, and changed again
        with connection.begin_nested() as part:
            connection.execute(T.insert().values(a=1))
            part.rollback()
        connection.execute(T.insert().values(a=1))
        connection.commit()
    assert numbers.now() == first + 2
    for one in (numbers, others):
        one.close()
    engine.dispose()


def test_nothing_is_known_of_a_server_that_is_not_there(tmp_path):
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    assert Revision(opened(f"postgresql://u@/d?host={tmp_path}"), "numbers").now() is None


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_nothing_is_known_of_databases_in_memory(url):
    assert Revision(sa.create_engine(url)).now() is None


def test_nothing_is_known_after_closing(engine):
    revision = Revision(engine)
    revision.close()
    revision.close()
    assert revision.now() is None
