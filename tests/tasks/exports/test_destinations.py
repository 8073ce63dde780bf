"""Where files go, and that they appear at once."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from ecumene.core.errors import EcumeneError, NotFound, PermissionDenied, RequestError
from ecumene.tasks.exports.destinations import place, put, wanted

SETTINGS = '[buckets]\nopen = "out"\nteam = {path = "team", accounts = ["alice"]}\n'


def drive(**fields: Any) -> dict[str, Any]:
    return {"driveDestination": fields}


def bucket(**fields: Any) -> dict[str, Any]:
    return {"cloudStorageDestination": fields}


@pytest.mark.parametrize(
    ("options", "file", "uri"),
    [
        (drive(), "exports/drive/me/a task.tif", "drive://a task.tif"),
        (drive(folder="", filenamePrefix=""), "exports/drive/me/a task.tif", "drive://a task.tif"),
        (drive(folder="x/y", filenamePrefix="../n"), "exports/drive/me/x_y/.._n.tif", "drive://x_y/.._n.tif"),
        (drive(folder=".."), "exports/drive/me/__/a task.tif", "drive://__/a task.tif"),
        (bucket(bucket="open", filenamePrefix="a//b/c"), "out/a/b/c.tif", "gs://open/a/b/c.tif"),
        (bucket(bucket="open", filename_prefix="deep/"), "out/deep/.tif", "gs://open/deep/.tif"),
    ],
)  # fmt: skip
def test_places(tmp_path: Path, options: dict[str, Any], file: str, uri: str) -> None:
    (tmp_path / "exports.toml").write_text(SETTINGS)
    found = place(tmp_path, "me", wanted(options, "a task"))
    assert found.file(".tif") == tmp_path / file and found.uri(".tif") == uri


def test_no_account_leaves_the_folder_of_all_drives(tmp_path: Path) -> None:
    assert place(tmp_path, "..", wanted(drive(), "x")).file("") == tmp_path / "exports/drive/__/x"


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({}, RequestError),
        (drive() | bucket(bucket="open"), RequestError),
        (bucket(bucket=".."), RequestError),
        (bucket(bucket="open", filenamePrefix="a/../../b"), RequestError),
        (bucket(bucket="open", filenamePrefix="a\x00b"), RequestError),
        (bucket(bucket="none"), NotFound),
        (bucket(bucket="team"), PermissionDenied),
    ],
)
def test_refusals(tmp_path: Path, options: dict[str, Any], error: type[EcumeneError]) -> None:
    (tmp_path / "exports.toml").write_text(SETTINGS)
    with pytest.raises(error):
        place(tmp_path, "bob", wanted(options, "x"))


def test_object_stores_get_the_same_bytes(tmp_path: Path) -> None:
    pytest.importorskip("obstore")
    root = tmp_path / "bucket"
    root.mkdir()
    (tmp_path / "exports.toml").write_text(f'[buckets]\nfar = "file://{root}"\n')
    found = place(tmp_path, "me", wanted(bucket(bucket="far", filenamePrefix="a/b"), ""))
    source = tmp_path / "made"
    source.write_bytes(os.urandom(100_000))
    for _ in range(2):
        found.put(source, ".tif", "op")
    assert found.uri(".tif") == "gs://far/a/b.tif"
    assert (root / "a" / "b.tif").read_bytes() == source.read_bytes()


def test_moving_may_be_repeated(tmp_path: Path) -> None:
    source, target = tmp_path / "made", tmp_path / "there" / "file"
    source.write_text("new")
    put(source, target, "op")
    put(source, target, "op")
    assert target.read_text() == "new" and not source.exists()
    source.write_text("newer")
    put(source, target, "op")
    assert target.read_text() == "newer"


def test_between_disks_a_copy_appears_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = tmp_path / "made", tmp_path / "there" / "file"
    source.write_text("new")
    real = os.replace
    seen: list[list[str]] = []

    def replace(a: Path, b: Path) -> None:
        if a == source:
            raise OSError(errno.EXDEV, "another disk")
        seen.append(sorted(p.name for p in target.parent.iterdir()))
        real(a, b)

    monkeypatch.setattr(os, "replace", replace)
    put(source, target, "op")
    assert seen == [[".file.op.part"]]
    assert [p.name for p in target.parent.iterdir()] == ["file"] and not source.exists()
