from __future__ import annotations

import pytest

from ecumene.catalog.ids import ancestors, canonical, is_root, name_of, parent_of

PUBLIC = "projects/earthengine-public/assets"
LEGACY = "projects/earthengine-legacy/assets"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("COPERNICUS/S2", "COPERNICUS/S2"),
        (f"{PUBLIC}/COPERNICUS/S2", "COPERNICUS/S2"),
        (f"{PUBLIC}/LANDSAT", "LANDSAT"),
        (PUBLIC, ""),
        (f"{PUBLIC}/", ""),
        ("projects/earthengine-public", ""),
        ("users/u/x", "users/u/x"),
        (f"{LEGACY}/users/u/x", "users/u/x"),
        (f"{LEGACY}/projects/q/x", "projects/q/x"),
        # the public client puts projects with ids shorter than six characters there
        (f"{LEGACY}/projects/abc/assets/x", "projects/abc/assets/x"),
        (LEGACY, "users"),
        ("projects/earthengine-legacy", "users"),
        ("projects/sample/assets/a/b", "projects/sample/assets/a/b"),
        ("projects/sample/assets/", "projects/sample/assets"),
        ("projects/sample", "projects/sample/assets"),
    ],
)
def test_canonical(text, expected):
    assert canonical(text) == expected
    assert canonical(canonical(text)) == expected


@pytest.mark.parametrize(
    ("asset_id", "expected"),
    [
        ("LANDSAT", f"{PUBLIC}/LANDSAT"),
        ("COPERNICUS/S2/x", f"{PUBLIC}/COPERNICUS/S2/x"),
        ("users/u/x", f"{LEGACY}/users/u/x"),
        ("projects/q/x", f"{LEGACY}/projects/q/x"),
        ("projects/sample/assets/a", "projects/sample/assets/a"),
        ("projects/abc/assets/a", f"{LEGACY}/projects/abc/assets/a"),
    ],
)
def test_names_are_those_of_the_public_client(asset_id, expected):
    ee = pytest.importorskip("ee")
    assert name_of(asset_id) == expected
    assert ee._cloud_api_utils.convert_asset_id_to_asset_name(asset_id) == expected
    assert canonical(expected) == asset_id


@pytest.mark.parametrize(
    ("asset_id", "parent", "above"),
    [
        ("LANDSAT", "", []),
        ("COPERNICUS/S2", "COPERNICUS", ["COPERNICUS"]),
        ("a/b/c", "a/b", ["a/b", "a"]),
        ("projects/sample/assets/a/b", "projects/sample/assets/a",
         ["projects/sample/assets/a", "projects/sample/assets"]),
        ("projects/sample/assets", None, []),
        ("users/u/x", "users/u", ["users/u"]),
        ("users/u", "users", []),
    ],
)  # fmt: skip
def test_parents(asset_id, parent, above):
    assert parent_of(asset_id) == parent
    assert ancestors(asset_id) == above


@pytest.mark.parametrize(
    ("asset_id", "root"),
    [("", True), ("users", True), ("projects/p/assets", True), ("COPERNICUS", False),
     ("projects/p/assets/x", False)],
)  # fmt: skip
def test_roots(asset_id, root):
    assert is_root(asset_id) is root
