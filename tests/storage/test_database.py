"""Several processes that start on a new data folder at once; what a server's database says to its clients."""

from __future__ import annotations

import subprocess
import sys

import pytest
import sqlalchemy as sa

from ecumene.catalog.records import AssetRecord
from ecumene.catalog.store import Catalog
from ecumene.core.errors import RequestError, Unavailable
from ecumene.storage.databases import VARIABLE, located, made, opened

STARTS = """
import sys, time
from pathlib import Path
from ecumene.api.accounts import Accounts
from ecumene.catalog.schema import open_engine
from ecumene.tasks.store import Store

folder = Path(sys.argv[1])
(folder / f"ready-{sys.argv[2]}").touch()
while len(list(folder.glob("ready-*"))) < 4:
    time.sleep(0.001)
Store(folder)
open_engine(folder)
Accounts.of(folder)
"""


def test_everybody_makes_the_tables(tmp_path, database):
    line = [sys.executable, "-c", STARTS, str(tmp_path)]
    running = [
        subprocess.Popen([*line, str(number)], stderr=subprocess.PIPE, text=True)
        for number in range(4)
    ]
    errors = [process.communicate(timeout=120)[1] for process in running]
    assert [process.returncode for process in running] == [0] * 4, errors


def test_a_data_folder_has_its_files_or_the_database_that_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert located(tmp_path / "d", "x.sqlite") == f"sqlite:///{tmp_path}/d/x.sqlite"
    assert not made(tmp_path / "d", "x.sqlite")
    monkeypatch.setenv(VARIABLE, "postgresql://there/x")
    assert located(tmp_path / "d", "x.sqlite") == "postgresql://there/x"
    assert made(tmp_path / "d", "x.sqlite")


@pytest.mark.parametrize(
    ("url", "words"),
    [("somewhere", "cannot be read"), ("mysql://u:secret@h/d", "'mysql' is not a database")],
)
def test_urls_that_are_refused(url, words):
    with pytest.raises(RequestError, match=words) as found:
        opened(url)
    assert "secret" not in found.value.message


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_a_server_that_is_not_there(scheme, tmp_path):
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    engine = opened(f"{scheme}://u:secret@/d?host={tmp_path}")
    with pytest.raises(Unavailable) as found:
        engine.connect()
    assert found.value.message == "The database is not available."


def test_a_server_that_comes_back(tmp_path, monkeypatch, postgres):
    """What failed while it was away works again; what was remembered before is still told from what is new."""
    monkeypatch.setenv(VARIABLE, postgres.schema())
    monkeypatch.setattr("ecumene.storage.revision.PAUSE", 0.0)
    with Catalog(tmp_path) as catalog:
        catalog.index.put([AssetRecord("a", "FOLDER")])
        before = catalog.revision()
        assert before is not None
        postgres.stop()
        try:
            assert catalog.revision() is None
            with pytest.raises(Unavailable):
                catalog.get("a")
        finally:
            postgres.start()
        assert catalog.get("a") is not None
        assert catalog.revision() == before
        catalog.index.put([AssetRecord("b", "FOLDER")])
        assert catalog.revision() not in (None, before)


def test_what_the_server_cannot_store_is_the_callers(tmp_path, monkeypatch, postgres):
    monkeypatch.setenv(VARIABLE, postgres.schema())
    with Catalog(tmp_path) as catalog:
        for record in (
            AssetRecord("a", "FOLDER", title="\0"),
            AssetRecord("a", "FOLDER", properties={"x": "\0"}),
            AssetRecord("x" * 2000, "FOLDER"),
        ):
            with pytest.raises(RequestError, match="cannot store"):
                catalog.index.put([record])
        with pytest.raises(RequestError, match="cannot store"):
            catalog.record("a\0")
        assert catalog.record("a") is None


def test_ids_are_in_the_order_of_their_code_points(tmp_path, database):
    ids = ["f/B", "f/Z-1", "f/Z_1", "f/a", "f/a/b", "f/ä"]
    with Catalog(tmp_path) as catalog:
        catalog.index.put(AssetRecord(one, "FOLDER") for one in reversed(ids))
        page = catalog.list_assets("f", page_size=3)
        rest = catalog.list_assets("f", page_size=3, page_token=page["nextPageToken"])
        assert [a["id"] for a in page["assets"] + rest["assets"]] == [
            i for i in ids if i != "f/a/b"
        ]
        with catalog.index.engine.connect() as connection:
            above = connection.execute(sa.text("SELECT count(*) FROM assets WHERE parent = 'f/a'"))
            assert above.scalar_one() == 1
