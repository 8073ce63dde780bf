from __future__ import annotations

import argparse
import json

import pytest

from ecumene.cli import catalog as command
from ecumene.cli import main


def run(*arguments: object) -> int:
    parser = argparse.ArgumentParser()
    command.register(parser.add_subparsers(required=True))
    options = parser.parse_args([str(a) for a in ("catalog", *arguments)])
    return options.run(options)


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "t.geojson"
    feature = {"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 2]},
               "properties": {"a": 1}}  # fmt: skip
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    return path


def test_add_list_remove(tmp_path, table, capsys):
    data = tmp_path / "data"
    assert run("add", table, "--id", "projects/sample/assets/t", "--data", data) == 0
    assert run("list", "--data", data) == 0
    assert run("list", "projects/sample/assets", "--data", data) == 0
    assert run("remove", "projects/sample/assets/t", "--data", data) == 0
    out = capsys.readouterr().out.splitlines()
    line = "TABLE            projects/sample/assets/t  (1 rows)"
    assert out[0].startswith("Registered 1 assets in ")
    assert out[1:] == [line, line, "Forgot 1 assets."]


@pytest.mark.parametrize(
    "arguments",
    [
        ["add", "/no/such/place"],
        ["add"],
        ["add", ".", "--dataset", "NO/SUCH"],
        ["remove", "NO/SUCH"],
        ["list", "NO/SUCH"],
    ],
)
def test_mistakes_are_one_line(tmp_path, arguments, capsys):
    assert run(*arguments, "--data", tmp_path / "data") == 1
    error = capsys.readouterr().err
    assert error.startswith("ecumene: ")
    assert error.count("\n") == 1


def test_whole_archive(tmp_path, shared_data, capsys):
    assert run("add", shared_data, "--data", tmp_path / "data") == 0
    assert run("list", "-r", "--data", tmp_path / "data") == 0
    captured = capsys.readouterr()
    assert "IMAGE_COLLECTION COPERNICUS/S2_SR_HARMONIZED  (10 images)" in captured.out
    assert "COPERNICUS/S2_SR_HARMONIZED: 10 of 10" in captured.err


def test_what_the_operator_registers_and_forgets_is_logged(tmp_path, capsys):
    file = tmp_path / "a.csv"
    file.write_text("longitude,latitude\n1,2\n")
    data = str(tmp_path / "data")
    assert main(["catalog", "add", str(file), "--id", "projects/p/assets/t", "--data", data]) == 0
    assert main(["catalog", "remove", "projects/p/assets/t", "--data", data]) == 0
    capsys.readouterr()
    assert main(["audit", "projects/p/assets/t", "--data", data]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[2:5] for line in lines] == [
        [":operator", "catalog.remove", "projects/p/assets/t"],
        [":operator", "catalog.add", "projects/p/assets/t"],
    ]


def test_accounts_are_listed_and_removed(tmp_path, capsys):
    data = str(tmp_path / "data")
    for name in ("alice", "bob"):
        assert main(["keys", "create", str(tmp_path / name), "--account", name, "--url", "http://x", "--data", data]) == 0  # fmt: skip
    assert main(["projects", "create", "mine", "--owner", "bob", "--data", data]) == 0
    assert main(["projects", "grant", "mine", "serviceAccount:bob", "viewer", "--data", data]) == 0
    capsys.readouterr()
    assert main(["accounts", "list", "--data", data]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        ["alice@ecumene.iam.local", "1", "key"],
        ["bob@ecumene.iam.local", "1", "key", "mine:owner", "mine:viewer"],
    ]
    assert main(["accounts", "remove", "bob", "--data", data]) == 0
    assert capsys.readouterr().out == "1 keys revoked, 2 roles taken away.\n"
    assert main(["accounts", "list", "--data", data]) == 0
    assert capsys.readouterr().out.splitlines()[1].split() == ["bob@ecumene.iam.local", "0", "keys"]
    assert main(["accounts", "remove", "nobody", "--data", data]) == 1
