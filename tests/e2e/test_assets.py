"""Assets through the unmodified clients: ``ee.data`` and the ``earthengine`` command line."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from ee.cli import eecli

from ecumene import cli
from tests.servers import serving

P = "projects/my-project"
A = f"{P}/assets"


def printed(main: Callable[[], Any], *arguments: str) -> str:
    """What a command prints, run in this process: starting one takes longer than its work."""
    text = io.StringIO()
    with (
        mock.patch.object(sys, "argv", list(arguments)),
        contextlib.redirect_stdout(text),
        contextlib.redirect_stderr(text),
        contextlib.suppress(SystemExit),
    ):
        main()
    return text.getvalue()


def ecumene(*arguments: str) -> str:
    return printed(lambda: cli.main(list(arguments)), "ecumene")


@dataclass(frozen=True)
class Site:
    """A server with two accounts, and a way to run the command line as one of them."""

    base: str
    data: Path

    def key(self, name: str) -> Path:
        path = self.data / f"{name}.json"
        if not path.exists():
            ecumene("keys", "create", str(path), "--account", name, "--url", self.base, "--data", str(self.data))  # fmt: skip
        return path

    def earthengine(self, *arguments: str, account: str = "alice") -> str:
        config = self.data / f"{account}.config"
        key = self.key(account)
        settings = {"url": self.base, "project": "my-project", "account": "x", "private_key": str(key)}  # fmt: skip
        config.write_text(json.dumps(settings))
        return printed(eecli.main, "earthengine", "--ee_config", str(config), *arguments)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    data = tmp_path_factory.mktemp("site")
    with serving(data) as base:
        yield Site(base, data)


@pytest.fixture
def ee(site: Site) -> Any:
    return client(site, "alice")


def client(site: Site, account: str) -> Any:
    import ee

    ee.Reset()
    key = str(site.key(account))
    ee.Initialize(ee.ServiceAccountCredentials("x", key), project="my-project", url=site.base)
    return ee


def test_the_life_of_assets(ee: Any):
    data, top = ee.data, f"{A}/life"
    made = data.createFolder(top)
    assert (made["type"], made["id"]) == ("FOLDER", top)
    data.createAsset({"type": "ImageCollection"}, f"{top}/c", {"kind": "test"})
    data.createAsset({"type": "FOLDER"}, f"{top}/f")
    assert data.getAsset(f"{top}/c")["properties"] == {"kind": "test"}
    assert [a["id"] for a in data.listAssets(top)["assets"]] == [f"{top}/c", f"{top}/f"]
    assert data.getList({"id": top}) == [
        {"type": "ImageCollection", "id": f"{top}/c"}, {"type": "Folder", "id": f"{top}/f"},
    ]  # fmt: skip
    data.setAssetProperties(f"{top}/c", {"x y": 1, "kind": None})
    data.updateAsset(f"{top}/c", {"start_time": "2020-01-01T00:00:00Z"}, ["start_time"])
    found = data.getInfo(f"{top}/c")
    assert (found["properties"], found["startTime"]) == ({"x y": 1}, "2020-01-01T00:00:00Z")
    data.renameAsset(f"{top}/c", f"{top}/f/renamed")
    assert data.getInfo(f"{top}/c") is None
    assert ee.ImageCollection(f"{top}/f/renamed").size().getInfo() == 0
    with pytest.raises(ee.EEException, match="is not empty"):
        data.deleteAsset(f"{top}/f")
    data.deleteAsset(f"{top}/f/renamed")
    with pytest.raises(ee.EEException, match="Cannot overwrite asset"):
        data.createFolder(f"{top}/f")


def test_roots_homes_and_quota(ee: Any):
    data = ee.data
    data.createFolder(f"{A}/root")
    assert f"{A}/root" in [one["id"] for one in data.getAssetRoots()]
    assert f"{A}/root" in [one["id"] for one in data.listBuckets(P)["assets"]]
    assert f"{A}/root" in [one["id"] for one in data.listAssets(A)["assets"]]
    quota = data.getAssetRootQuota(A)
    assert quota["asset_count"]["usage"] >= 1
    assert quota["asset_count"]["limit"] == 10**9
    data.createAssetHome("users/alice")
    data.createFolder("users/alice/work")
    homes = data.listBuckets("projects/earthengine-legacy")["assets"]
    assert [one["id"] for one in homes] == ["users/alice"]
    assert data.getAssetRootQuota("users/alice")["asset_count"]["usage"] == 1
    with pytest.raises(ee.EEException, match="Cannot overwrite"):
        data.createAssetHome("users/alice")


def test_sharing_a_home_folder(site: Site, ee: Any):
    data = ee.data
    data.createAssetHome("users/shared")
    data.createAsset({"type": "IMAGE_COLLECTION"}, "users/shared/c")
    other = client(site, "bob")
    assert other.data.getInfo("users/shared/c") is None
    with pytest.raises(other.EEException, match=r"not found \(does not exist or caller does not"):
        other.ImageCollection("users/shared/c").size().getInfo()
    data = client(site, "alice").data
    acl = data.getAssetAcl("users/shared")
    assert acl == {"owners": ["user:alice@ecumene.iam.local"], "readers": [], "writers": []}
    data.setAssetAcl("users/shared", {**acl, "readers": ["user:bob@ecumene.iam.local"]})
    other = client(site, "bob")
    assert other.ImageCollection("users/shared/c").size().getInfo() == 0
    with pytest.raises(other.EEException, match=r"Permission 'earthengine.assets.delete' denied"):
        other.data.deleteAsset("users/shared/c")
    with pytest.raises(other.EEException, match=r"Permission 'earthengine.assets.setIamPolicy'"):
        other.data.setIamPolicy("users/shared", {"bindings": []})
    assert other.data.getIamPolicy("users/shared/c").keys() == {"etag"}


def test_the_command_line(site: Site):
    run = site.earthengine
    assert run("create", "folder", "-p", f"{A}/cli/a") == ""
    assert run("create", "collection", f"{A}/cli/a/c") == ""
    assert run("ls", f"{A}/cli/a") == f"{A}/cli/a/c\n"
    assert f"{A}/cli/a/c" in run("ls", "-r", "-l", f"{A}/cli")
    assert run("asset", "set", f"{A}/cli/a/c", "-p", "n=3", "-p", "(string)s=5", "--time_start", "2020-01-02") == ""  # fmt: skip
    shown = json.loads(run("asset", "info", f"{A}/cli/a/c"))
    assert (shown["properties"], shown["startTime"]) == ({"n": 3, "s": "5"}, "2020-01-02T00:00:00Z")
    assert run("asset", "set", f"{A}/cli/a/c", "-p", "n=null") == ""
    assert json.loads(run("asset", "info", f"{A}/cli/a/c"))["properties"] == {"s": "5"}
    assert run("mv", f"{A}/cli/a", f"{A}/cli/b") == ""
    assert run("acl", "set", "public", f"{A}/cli/b") == ""
    assert run("acl", "ch", "-u", "bob@ecumene.iam.local:W", f"{A}/cli/b") == ""
    assert json.loads(run("acl", "get", f"{A}/cli/b")) == {
        "all_users_can_read": True, "owners": [], "readers": [], "writers": ["user:bob@ecumene.iam.local"],
    }  # fmt: skip
    assert "does not exist" in run("asset", "info", f"{A}/cli/a")
    assert "is not empty" in run("rm", f"{A}/cli/b")
    assert run("rm", "-r", f"{A}/cli") == ""
    assert f"{A}/cli" not in run("ls")


def test_projects_are_closed_by_the_operator_while_the_server_runs(site: Site, ee: Any):
    closed = "projects/closed-project/assets"
    ee.data.createFolder(f"{closed}/f")
    ecumene("projects", "create", "closed-project", "--owner", "bob", "--data", str(site.data))
    assert ee.data.getInfo(f"{closed}/f") is None
    bob = client(site, "bob")
    assert bob.data.getInfo(f"{closed}/f")["type"] == "FOLDER"
    ecumene("projects", "grant", "closed-project", "alice", "viewer", "--data", str(site.data))
    again = client(site, "alice")
    assert again.data.getInfo(f"{closed}/f")["type"] == "FOLDER"
    with pytest.raises(again.EEException, match=r"Permission 'earthengine.assets.create' denied"):
        again.data.createFolder(f"{closed}/g")
    listed = ecumene("projects", "list", "--data", str(site.data))
    assert "closed-project\n  owner   user:bob@ecumene.iam.local\n" in listed
    log = ecumene("audit", "--data", str(site.data))
    for action in ("projects.grant", "projects.create", "assets.create", "keys.create"):
        assert action in log
    ecumene("projects", "quota", "closed-project", "--assets", "1", "--data", str(site.data))
    with pytest.raises(bob.EEException, match="Asset quota exceeded"):
        client(site, "bob").data.createFolder(f"{closed}/g")
    ecumene("projects", "revoke", "closed-project", "alice", "--data", str(site.data))
    ecumene("projects", "remove", "closed-project", "--data", str(site.data))
    client(site, "alice").data.deleteAsset(f"{closed}/f")
