"""Changes of assets: places, subtrees, masks, files that copies share, quotas, the log."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ecumene.catalog import auditing, policies
from ecumene.catalog.access import (
    ANONYMOUS,
    OPERATOR,
    WEB,
    Role,
    member_name,
    members_of,
    role_name,
)
from ecumene.catalog.edits import sweep
from ecumene.catalog.masks import paths
from ecumene.catalog.projects import Projects
from ecumene.catalog.records import AssetRecord
from ecumene.catalog.store import Catalog
from ecumene.core.errors import (
    AlreadyExists,
    EcumeneError,
    FailedPrecondition,
    NotFound,
    PermissionDenied,
    RequestError,
)

ROOT = "projects/open/assets"
FOLDER, COLLECTION = {"type": "FOLDER"}, {"type": "IMAGE_COLLECTION"}


def image(asset_id: str, **fields: Any) -> AssetRecord:
    bands = tuple({"id": b, "path": "/x.tif", "index": 1, "type": ["int", 0, 255], "crs": "EPSG:4326", "transform": [1, 0, 0, 0, -1, 0], "size": [1, 1]} for b in "abc")  # fmt: skip
    return AssetRecord(asset_id, "IMAGE", bands=bands, **fields)


@pytest.fixture
def editor(catalog: Catalog):
    return catalog.edited_by("someone")


# -- places --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "body", "error", "words"),
    [
        (f"{ROOT}/f", FOLDER, AlreadyExists, f"Cannot overwrite asset 'projects/earthengine-legacy/assets/{ROOT}/f'"),
        (f"{ROOT}/none/x", FOLDER, NotFound, "none' does not exist or doesn't allow this operation."),
        (f"{ROOT}/c/x", FOLDER, RequestError, "An image collection holds images only"),
        (f"{ROOT}/i/x", FOLDER, RequestError, "is not a folder or an image collection"),
        (f"{ROOT}/a*b", FOLDER, RequestError, "Invalid asset ID"),
        (f"{ROOT}/a/../b", FOLDER, RequestError, "Invalid asset ID"),
        (f"{ROOT}//b", FOLDER, RequestError, "Invalid asset ID"),
        (f"{ROOT}/" + "x" * 2000, FOLDER, RequestError, "Invalid asset ID"),
        (f"{ROOT}/t", {"type": "TABLE"}, RequestError, "Only folders"),
        (f"{ROOT}/t", {"type": "FOLDER", "properties": {"a": {"b": 1}}}, RequestError, "unsupported type"),
        (ROOT, FOLDER, RequestError, "Invalid asset ID"),
        ("COPERNICUS/X", FOLDER, PermissionDenied, "Permission 'earthengine.assets.create' denied"),
        ("users/someone/x", FOLDER, NotFound, "does not exist"),
    ],
)  # fmt: skip
def test_places_where_nothing_can_be_made(catalog, editor, name, body, error, words):
    editor.create(f"{ROOT}/f", FOLDER)
    editor.create(f"{ROOT}/c", COLLECTION)
    editor.publish(image(f"{ROOT}/i"))
    with pytest.raises(error, match=words.replace("(", r"\(").replace("*", r"\*")):
        editor.create(name, body)
    assert [r.id for r in children(catalog, ROOT)] == [f"{ROOT}/c", f"{ROOT}/f", f"{ROOT}/i"]


def children(catalog: Catalog, parent: str) -> list[Any]:
    from ecumene.core.query import Query

    return catalog.index.children(parent, Query(), most=100)


def test_a_home_folder_belongs_to_whoever_made_it(catalog, editor):
    editor.create("users/someone", FOLDER)
    editor.create("projects/earthengine-legacy/assets/users/someone/x", FOLDER)
    assert catalog.access.role("someone", "users/someone/x") == Role.OWNER
    assert catalog.access.role("other", "users/someone/x") == Role.NONE
    with pytest.raises(NotFound):
        catalog.edited_by("other").create("users/someone/y", FOLDER)
    with pytest.raises(AlreadyExists):
        editor.create("users/someone", FOLDER)
    with pytest.raises(PermissionDenied):
        catalog.edited_by(ANONYMOUS).create("users/nobody", FOLDER)


def test_collections_have_times_and_properties(catalog, editor):
    made = editor.create(
        f"{ROOT}/c",
        {"type": "IMAGE_COLLECTION", "start_time": "2020-01-01T00:00:00.123456789Z", "endTime": "2021-01-01T00:00:00Z", "properties": {"a": 1, "b": "x", "c": [1, 2], "d": None}},
    )  # fmt: skip
    assert catalog.get(made.id) == made
    assert (made.start, made.end) == (1577836800123, 1609459200000)
    assert made.properties == {"a": 1, "b": "x", "c": [1, 2]}


# -- subtrees ------------------------------------------------------------------------------------


def test_a_subtree_moves_with_policies_and_files(catalog, editor):
    for name in ("a", "a/b", "a-b", "target"):
        editor.create(f"{ROOT}/{name}", FOLDER)
    editor.publish(image(f"{ROOT}/a/b/i"), folders=["kept"])
    shared = {"bindings": [{"role": "roles/viewer", "members": ["user:x@y.z"]}]}
    policies.replace(catalog, "someone", f"{ROOT}/a/b", shared)
    editor.move(f"{ROOT}/a", f"{ROOT}/target/moved")
    ids = [f"{ROOT}/a-b", f"{ROOT}/target", f"{ROOT}/target/moved", f"{ROOT}/target/moved/b", f"{ROOT}/target/moved/b/i"]  # fmt: skip
    found = catalog.index.many([*ids, f"{ROOT}/a", f"{ROOT}/a/b"])
    assert sorted(found) == ids
    assert [r.id for r in children(catalog, f"{ROOT}/target/moved/b")] == [ids[-1]]
    assert policies.get(catalog, "someone", ids[3])["bindings"][0]["members"] == ["user:x@y.z"]
    folder = catalog.stored_files / "kept"
    folder.mkdir(parents=True)
    assert sweep(catalog) == 0
    editor.delete(ids[-1])
    assert not folder.exists()


@pytest.mark.parametrize("target", [f"{ROOT}/a", f"{ROOT}/a/b/c", f"{ROOT}/other", f"{ROOT}/no/x", "COPERNICUS/x"])  # fmt: skip
def test_moves_that_are_refused_change_nothing(catalog, editor, target):
    for name in ("a", "a/b", "other"):
        editor.create(f"{ROOT}/{name}", FOLDER)
    before = catalog.revision()
    with pytest.raises(EcumeneError):
        editor.move(f"{ROOT}/a", target)
    assert catalog.get(f"{ROOT}/a/b") is not None
    assert catalog.revision() == before


def test_only_empty_containers_are_deleted(catalog, editor):
    editor.create(f"{ROOT}/c", COLLECTION)
    editor.publish(image(f"{ROOT}/c/i"))
    with pytest.raises(FailedPrecondition, match="not empty"):
        editor.delete(f"{ROOT}/c")
    editor.delete(f"{ROOT}/c/i")
    editor.delete(f"{ROOT}/c")
    with pytest.raises(NotFound, match="does not exist or doesn't allow this operation"):
        editor.delete(f"{ROOT}/c")
    with pytest.raises(RequestError, match="root"):
        editor.delete(ROOT)


# -- copies and files ----------------------------------------------------------------------------


def test_files_go_with_the_last_asset_that_holds_them(catalog, editor):
    folder = catalog.stored_files / "one"
    folder.mkdir(parents=True)
    editor.publish(image(f"{ROOT}/i"), folders=["one"])
    copied = editor.copy(f"{ROOT}/i", f"{ROOT}/j", bands=["c", "a"])
    assert [band["id"] for band in copied.bands] == ["c", "a"]
    editor.delete(f"{ROOT}/i")
    assert folder.exists()
    editor.publish(image(f"{ROOT}/j"), overwrite=True, folders=["two"])
    assert not folder.exists()
    with pytest.raises(AlreadyExists, match="Cannot overwrite"):
        editor.publish(image(f"{ROOT}/j"))


def test_a_replaced_asset_has_a_later_version(catalog, editor):
    first = editor.publish(image(f"{ROOT}/i"))
    second = editor.publish(image(f"{ROOT}/i"), overwrite=True)
    assert second.updated > first.updated


@pytest.mark.parametrize(
    ("source", "target", "bands", "words"),
    [
        ("i", "j", ["z"], "has no band 'z'"),
        ("i", "i", [], "onto itself"),
        ("i", "k", [], "Cannot overwrite"),
        ("i", "c", [], "Cannot overwrite"),
        ("c", "d", [], "only its contents can be copied"),
        ("none", "j", [], "does not exist"),
    ],
)
def test_copies_that_are_refused(editor, source, target, bands, words):
    editor.publish(image(f"{ROOT}/i"))
    editor.publish(image(f"{ROOT}/k"))
    editor.create(f"{ROOT}/c", COLLECTION)
    with pytest.raises(EcumeneError, match=words):
        editor.copy(f"{ROOT}/{source}", f"{ROOT}/{target}", bands=bands)


def test_sweeping_removes_what_no_asset_holds(catalog, editor):
    for name in ("held", "left", "running"):
        (catalog.stored_files / name).mkdir(parents=True)
    editor.publish(image(f"{ROOT}/i"), folders=["held"])
    assert sweep(catalog, lambda: ["running"]) == 1
    assert sorted(one.name for one in catalog.stored_files.iterdir()) == ["held", "running"]


# -- updates -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mask", "found"),
    [
        (None, []),
        ("", []),
        ({"paths": ['properties."x y"', "start_time"]}, ['properties."x y"', "start_time"]),
        ('startTime, properties."a,b.c",properties.d', ["startTime", 'properties."a,b.c"', "properties.d"]),
    ],
)  # fmt: skip
def test_masks_in_both_forms(mask, found):
    assert paths(mask) == found


BEFORE = {"properties": {"a": 1, "b": 2}, "start": 5, "end": 6}


@pytest.mark.parametrize(
    ("asset", "mask", "after"),
    [
        ({"properties": {"a": 3}}, "properties.a", {"properties": {"a": 3, "b": 2}}),
        ({"properties": {"x y": "n"}}, 'properties."x y"', {"properties": {"a": 1, "b": 2, "x y": "n"}}),
        ({}, "properties.a", {"properties": {"b": 2}}),
        ({"properties": {"a": None}}, {"paths": ["properties.a"]}, {"properties": {"b": 2}}),
        ({"properties": {"c": 1}}, "properties", {"properties": {"c": 1}}),
        ({"properties": {"c": 1}}, {"paths": []}, {"properties": {"c": 1}, "start": None, "end": None}),
        ({"start_time": "1970-01-01T00:00:01Z"}, "start_time,end_time", {"start": 1000, "end": None}),
        ({"startTime": "1970-01-01T00:00:01Z"}, "startTime", {"start": 1000}),
        ({"properties": {"system:time_start": 9}}, 'properties."system:time_start"', {"start": 9}),
        ({}, 'properties."system:time_end"', {"end": None}),
        ({"bands": [{"id": "x"}, {"id": "y"}, {"id": "z"}]}, "bands", {"bands": ["x", "y", "z"]}),
    ],
)  # fmt: skip
def test_updates(catalog, editor, asset, mask, after):
    editor.publish(image(f"{ROOT}/i", **BEFORE))
    made = editor.update(f"{ROOT}/i", asset, mask)
    assert catalog.get(made.id) == made
    expected = {**BEFORE, "bands": ["a", "b", "c"], **after}
    found = {"properties": made.properties, "start": made.start, "end": made.end, "bands": [b["id"] for b in made.bands]}  # fmt: skip
    assert found == expected


@pytest.mark.parametrize(
    ("asset", "mask", "words"),
    [
        ({}, "size_bytes", "Field 'size_bytes' in updateMask cannot be updated"),
        ({}, "start_time.x", "cannot be updated"),
        ({"bands": [{"id": "x"}]}, "bands", "3 bands; 1 names"),
        ({"bands": [{"id": "x"}] * 3}, "bands", "different"),
        ({"start_time": "soon"}, "start_time", "not an RFC 3339 time"),
        ({"properties": {"system:time_start": "x"}}, "properties", "milliseconds"),
        ({}, 5, "updateMask"),
        ([], None, "'asset' must be an object"),
        ({"properties": {"x" * 200: 1}}, "properties", "Invalid property name"),
    ],
)
def test_updates_that_are_refused(catalog, editor, asset, mask, words):
    before = editor.publish(image(f"{ROOT}/i", **BEFORE))
    with pytest.raises(RequestError, match=words):
        editor.update(f"{ROOT}/i", asset, mask)
    assert catalog.get(before.id) == before


# -- roles ---------------------------------------------------------------------------------------


def test_policies_replace_keep_owners_and_notice_conflicts(catalog, editor):
    editor.create("users/someone", FOLDER)
    owner = policies.get(catalog, "someone", "users/someone")
    assert owner["bindings"] == [{"role": "roles/owner", "members": ["user:someone@ecumene.iam.local"]}]  # fmt: skip
    shared = {"bindings": [{"role": "roles/reader", "members": ["other", "allUsers"]}]}
    found = policies.replace(catalog, "someone", "users/someone", shared | {"etag": owner["etag"]})
    assert {b["role"]: b["members"] for b in found["bindings"]} == {
        "roles/viewer": ["user:other@ecumene.iam.local", "allUsers"],
        "roles/owner": ["user:someone@ecumene.iam.local"],
    }
    with pytest.raises(AlreadyExists, match="etag"):
        policies.replace(catalog, "someone", "users/someone", shared | {"etag": owner["etag"]})


@pytest.mark.parametrize(
    ("binding", "words"),
    [
        ({"role": "roles/king", "members": []}, "Role roles/king is not supported"),
        ({"role": "roles/editor", "members": ["allUsers"]}, "can only have the role roles/viewer"),
        ({"role": "roles/viewer", "members": ["planet:x"]}, "Invalid member"),
        ({"role": "roles/viewer", "members": "x"}, "list of members"),
        ({"role": "roles/viewer", "members": ["x"], "condition": {"a": 1}}, "Conditions"),
    ],
)
def test_policies_that_are_refused(catalog, editor, binding, words):
    editor.create(f"{ROOT}/f", FOLDER)
    with pytest.raises(RequestError, match=words):
        policies.replace(catalog, "someone", f"{ROOT}/f", {"bindings": [binding]})


@pytest.mark.parametrize(
    ("text", "member"),
    [
        ("alice", "user:alice@ecumene.iam.local"),
        ("Alice@Example.com", "user:alice@example.com"),
        ("serviceAccount:alice", "serviceAccount:alice@ecumene.iam.local"),
        ("domain:Example.com", "domain:example.com"),
        ("AllUsers", "allUsers"),
    ],
)
def test_members(text, member):
    assert member_name(text) == member


def test_accounts_are_members_in_every_spelling():
    found = members_of("Alice")
    for text in ("alice", "serviceAccount:ALICE", "domain:ecumene.iam.local", "allUsers", "allAuthenticatedUsers"):  # fmt: skip
        assert member_name(text) in found
    assert members_of(ANONYMOUS) == {"allUsers"}


@pytest.mark.parametrize("text", ["reader", "viewer", "roles/viewer", "roles/earthengine.viewer"])
def test_roles_have_several_names(text):
    assert role_name(text) == "roles/viewer"


def test_permissions_are_told(catalog, editor):
    editor.create("users/someone", FOLDER)
    wanted = ["earthengine.assets.get", "earthengine.assets.setIamPolicy", "other.thing"]
    assert policies.allowed(catalog, "someone", "users/someone", wanted) == wanted[:2]
    assert policies.allowed(catalog, "other", "users/someone", wanted) == []
    assert policies.allowed(catalog, "someone", "users/nobody", wanted) == []
    assert policies.allowed(catalog, "x", "COPERNICUS", wanted) == wanted[:0]
    with pytest.raises(RequestError, match="wildcards"):
        policies.allowed(catalog, "someone", "users/someone", ["earthengine.*"])


# -- projects ------------------------------------------------------------------------------------


def test_projects_open_closed_and_open_again(catalog):
    projects, role = Projects(catalog.index), catalog.access.role
    asset = "projects/mine/assets/x"
    assert [role(one, asset) for one in ("a", ANONYMOUS, WEB)] == [3, 3, 1]
    projects.create("mine", ["a"])
    projects.grant("mine", "b", "editor")
    assert [role(one, asset) for one in ("a", "b", "c", ANONYMOUS)] == [3, 2, 0, 0]
    projects.grant("mine", "b", "viewer")
    projects.grant("mine", "allUsers", "viewer")
    assert [role(one, asset) for one in ("a", "b", "c", ANONYMOUS)] == [3, 1, 1, 1]
    assert projects.revoke("mine", "allUsers")
    assert not projects.revoke("mine", "allUsers")
    assert projects.leave("a") == 1
    assert role("a", asset) == Role.NONE
    projects.remove("mine")
    assert role("c", asset) == Role.OWNER


def test_a_quota_is_told_and_kept(catalog, editor):
    Projects(catalog.index).create("mine", ["someone"])
    Projects(catalog.index).quota("mine", 2, None)
    editor.publish(image("projects/mine/assets/i", size=10))
    editor.publish(image("projects/mine/assets/j", size=5))
    told = catalog.get_asset("projects/mine/assets")["quota"]
    assert told == {"assetCount": "2", "maxAssets": "2", "sizeBytes": "15", "maxSizeBytes": str(2**50)}  # fmt: skip
    with pytest.raises(RequestError, match="Asset quota exceeded: 'projects/mine' has 2 of 2 assets"):  # fmt: skip
        editor.create("projects/mine/assets/f", FOLDER)


def test_every_change_is_logged_and_no_refused_one(catalog, editor):
    editor.create(f"{ROOT}/f", FOLDER)
    with pytest.raises(AlreadyExists):
        editor.create(f"{ROOT}/f", FOLDER)
    editor.move(f"{ROOT}/f", f"{ROOT}/g")
    catalog.edited_by(OPERATOR).delete(f"{ROOT}/g")
    found = auditing.entries(catalog.index.engine)
    assert [(e.account, e.action, e.resource) for e in found] == [
        (OPERATOR, "assets.delete", f"{ROOT}/g"),
        ("someone", "assets.move", f"{ROOT}/g"),
        ("someone", "assets.create", f"{ROOT}/f"),
    ]
    assert len(auditing.entries(catalog.index.engine, resource=f"{ROOT}/f")) == 1


def test_of_many_who_make_the_same_asset_one_does(catalog):
    def attempt(number: int) -> str:
        try:
            catalog.edited_by(f"a{number}").create(f"{ROOT}/same", FOLDER)
        except AlreadyExists:
            return "exists"
        return "made"

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(attempt, range(8)))
    assert sorted(found) == ["exists"] * 7 + ["made"]
    assert len(auditing.entries(catalog.index.engine)) == 1


def test_updates_at_the_same_time_are_all_there(catalog, editor):
    editor.create(f"{ROOT}/c", COLLECTION)

    def attempt(number: int) -> None:
        editor.update(f"{ROOT}/c", {"properties": {f"p{number}": number}}, f"properties.p{number}")

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(attempt, range(16)))
    assert catalog.get(f"{ROOT}/c").properties == {f"p{k}": k for k in range(16)}


def test_records_are_read_once_and_anew_after_any_change(catalog: Catalog, editor, tmp_path):
    name = f"{ROOT}/remembered"
    asked = []
    get = catalog.index.get
    catalog.index.get = lambda plain: asked.append(plain) or get(plain)  # type: ignore[method-assign]
    assert catalog.asset_type(name) is None
    assert catalog.asset_type(name) is None
    assert asked == [name]
    editor.create(name, {"type": "FOLDER"})
    assert catalog.asset_type(name) == "FOLDER"
    with Catalog(tmp_path / "data") as other:  # as another process
        other.edited_by("someone").delete(name)
    assert catalog.asset_type(name) is None
