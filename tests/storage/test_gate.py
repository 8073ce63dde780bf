from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecumene.core.errors import PermissionDenied
from ecumene.storage.gate import RASTER_DRIVERS, Gate


def make_tree(tmp_path: Path) -> Path:
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "in-not").mkdir()
    (tmp_path / "out").mkdir()
    for name in ("in/a.tif", "in/deep/b.tif", "out/secret.tif", "in-not/c.tif"):
        (tmp_path / name).write_bytes(b"x")
    os.symlink(tmp_path / "out" / "secret.tif", tmp_path / "in" / "link.tif")
    os.symlink(tmp_path / "out", tmp_path / "in" / "folder")
    os.symlink(tmp_path / "in" / "a.tif", tmp_path / "in" / "alias.tif")
    return tmp_path


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return make_tree(tmp_path)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tree(Path(os.path.realpath(tmp_path_factory.mktemp("tree"))))


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("in/a.tif", "in/a.tif"),
        ("in/deep/b.tif", "in/deep/b.tif"),
        ("in/deep/../a.tif", "in/a.tif"),
        ("in/alias.tif", "in/a.tif"),
        ("in/missing.tif", "in/missing.tif"),
        ("out/../in/a.tif", "in/a.tif"),
    ],
)
def test_allowed(place, path, found):
    assert Gate([place / "in"]).check(f"{place}/{path}") == f"{place}/{found}"


@pytest.mark.parametrize(
    "path",
    [
        "{place}/out/secret.tif",
        "{place}/in/../out/secret.tif",
        "{place}/in/link.tif",
        "{place}/in/folder/secret.tif",
        "{place}/in-not/c.tif",
        "{place}",
        "/etc/passwd",
        "secret.tif",
        "",
        "/vsizip/{place}/in/a.zip/b.tif",
        "/vsicurl/http://example.com/a.tif",
        "/vsimem/a.tif",
        "http://example.com/a.tif",
        "file://{place}/in/a.tif",
        "{place}/in/a.tif\x00.png",
        "GTIFF_DIR:1:{place}/in/a.tif",
    ],
)
def test_refused(place, path):
    with pytest.raises(PermissionDenied):
        Gate([place / "in"]).check(path.format(place=place))


def test_the_message_does_not_tell_the_path(place):
    with pytest.raises(PermissionDenied) as caught:
        Gate([place / "in"]).check(place / "out" / "secret.tif")
    assert str(place) not in str(caught.value)


def test_a_single_file_may_be_registered(place):
    gate = Gate([place / "out" / "secret.tif"])
    assert gate.check(place / "out" / "secret.tif")
    with pytest.raises(PermissionDenied):
        gate.check(place / "in" / "a.tif")


@pytest.mark.parametrize(
    ("url", "opened"),
    [
        ("https://data.example.com/s2/a.tif", "/vsicurl/https://data.example.com/s2/a.tif"),
        ("HTTPS://DATA.example.com/s2/a.tif", "/vsicurl/https://data.example.com/s2/a.tif"),
        ("https://data.example.com/s2/a.tif?t=1", "/vsicurl/https://data.example.com/s2/a.tif?t=1"),
        ("s3://bucket/x/a.tif", "/vsis3/bucket/x/a.tif"),
    ],
)
def test_urls(url, opened):
    gate = Gate(["https://data.example.com/s2", "s3://bucket/x/"])
    assert gate.check(url) == opened


@pytest.mark.parametrize(
    "url",
    [
        "https://data.example.com/s2evil/a.tif",
        "https://data.example.com/s2/../private/a.tif",
        "https://data.example.com/s2/%2e%2e/private/a.tif",
        "https://data.example.com/s2/%2E%2E%2Fprivate/a.tif",
        "https://data.example.com.evil.org/s2/a.tif",
        "https://data.example.com@evil.org/s2/a.tif",
        "http://data.example.com/s2/a.tif",
        "https://data.example.com:8080/s2/a.tif",
        "s3://bucket2/x/a.tif",
        "ftp://data.example.com/s2/a.tif",
        "https://data.example.com/s2/a b.tif",
    ],
)
def test_urls_refused(url):
    gate = Gate(["https://data.example.com/s2", "s3://bucket/x/"])
    with pytest.raises(PermissionDenied):
        gate.check(url)


@pytest.mark.parametrize("root", ["/", "/vsicurl/http://example.com", "ftp://example.com/", "//"])
def test_roots_that_would_open_everything(root):
    with pytest.raises(PermissionDenied):
        Gate([root])


def test_refresh_is_asked_before_refusing(place):
    known: list[str] = []
    gate = Gate([], refresh=lambda: known)
    with pytest.raises(PermissionDenied):
        gate.check(place / "in" / "a.tif")
    known.append(str(place / "in"))
    assert gate.check(place / "in" / "a.tif")


def test_no_driver_that_follows_references():
    assert not {"VRT", "GTI", "STACIT", "WMS", "Zarr", "HTTP"} & set(RASTER_DRIVERS)


@given(
    st.lists(
        st.sampled_from(
            ["..", ".", "in", "out", "deep", "link.tif", "folder", "a.tif", "secret.tif", ""]
        ),
        max_size=8,
    )
)
def test_whatever_the_path_the_file_is_inside(tree, parts):
    gate = Gate([tree / "in"])
    path = "/".join([str(tree / "in"), *parts])
    try:
        found = gate.check(path)
    except PermissionDenied:
        assert not os.path.realpath(path).startswith(f"{tree}/in/")
        assert os.path.realpath(path) != f"{tree}/in"
    else:
        assert found == os.path.realpath(path)
        assert (found + "/").startswith(f"{tree}/in/")
