"""TFRecord files from strangers: damaged ones, other messages, and those that would fill the memory."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from ecumene.core.errors import LimitExceeded, RequestError
from ecumene.tasks.exports.records import _field, example, framed
from ecumene.tasks.ingest import examples, tables

PACKED = gzip.compress(framed(example({"a": np.arange(1000.0)})))


def message(feature: bytes) -> bytes:
    """An example whose feature ``a`` is this."""
    return framed(_field(1, _field(1, _field(1, b"a") + _field(2, feature))))


def test_values_of_all_kinds(tmp_path: Path) -> None:
    path = tmp_path / "a.tfrecord"
    path.write_bytes(
        framed(example({"one": 1.5, "some": [1.0, 2.0], "none": [], "text": b"x"}))
        + message(_field(3, b"\x08\x05\x08" + b"\xff" * 9 + b"\x01"))
        + message(_field(3, _field(1, b"\x05\x07")))
        + message(_field(2, b"\x0d\0\0\x80\x3f\x0d\0\0\0\x40"))
        + message(_field(1, _field(1, b"x") + _field(1, b"y")))
    )
    found = tables._records(path, "a")
    assert found == [
        {"one": 1.5, "some": [1.0, 2.0], "text": "x"},
        {"a": [5, -1]}, {"a": [5, 7]}, {"a": [1.0, 2.0]}, {"a": ["x", "y"]},
    ]  # fmt: skip


@pytest.mark.parametrize(
    "data",
    [
        framed(b"\x08\x05"),
        framed(_field(1, b"\x08\x05")),
        framed(_field(1, _field(1, _field(2, _field(1, _field(1, b"no name")))))),
        message(_field(1, b"\x08\x05")),
        message(_field(2, _field(1, b"123"))),
        message(_field(3, _field(1, b"\xff"))),
        framed(b"")[:-2],
        PACKED[: len(PACKED) // 2],
        PACKED[:20] + b"\xff" * 20 + PACKED[40:],
    ],
    ids=["features", "entry", "nameless", "text", "floats", "integers", "frame", "torn gzip", "bad gzip"],
)  # fmt: skip
def test_damaged_files_are_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.tfrecord"
    path.write_bytes(data)
    with pytest.raises(RequestError, match="no file of TFRecords"):
        list(examples.rows(path, "a"))


@pytest.mark.parametrize(
    ("module", "limit", "data"),
    [
        (examples, "MOST_BYTES", framed(b"") * 100),
        (examples, "MOST_RECORD", framed(example({"a": np.zeros(400)}))),
        (examples, "MOST_LISTED", message(_field(3, _field(1, b"\0" * 1001)))),
        (examples, "MOST_LISTED", message(_field(1, _field(1, b"") * 1001))),
        (examples, "MOST_LISTED", message(_field(2, b"\x0d\0\0\0\0" * 1001))),
        (tables, "MOST_VALUES", framed(example({"a": np.zeros(200)})) * 5),
        (tables, "MOST_VALUES", framed(b"") * 1001),
    ],
    ids=["frames", "record", "integers", "texts", "single floats", "values", "rows"],
)
def test_what_would_fill_the_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: object, limit: str, data: bytes
) -> None:
    path = tmp_path / "a.tfrecord"
    path.write_bytes(gzip.compress(data))
    assert tables._records(path, "a")
    monkeypatch.setattr(module, limit, 1000)
    with pytest.raises(LimitExceeded, match="1000"):
        tables._records(path, "a")
