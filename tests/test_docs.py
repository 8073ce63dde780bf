"""What the documents promise exists."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from ecumene.algorithms import examples, load
from ecumene.catalog import datasets
from ecumene.cli import parser
from ecumene.core.limits import PROFILES

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
TEXTS = [page for page in PAGES if "algorithms" not in page.parts]


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]+)\)|src=\"([^\":]+)\"", page.read_text())
    missing = [a or b for a, b in targets if not (page.parent / (a or b)).exists()]
    assert not missing


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.M | re.S)


def fenced(language: str) -> list[Any]:
    """Every block of a language as a test parameter."""
    return [
        pytest.param(block, id=f"{page.relative_to(ROOT)}:{number}")
        for page in TEXTS
        for number, block in enumerate(blocks(page, language))
    ]


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: str(page.relative_to(ROOT)))
def test_make_targets_and_commands_exist(page: Path) -> None:
    """Every ``make`` target and ``ecumene`` command in a code block or span."""
    text = page.read_text()
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
    named = re.findall(r"(?:^|`)make ([a-z]+)", text, re.M)
    assert set(named) <= targets
    for words in re.findall(r"(?:^|`)ecumene ([a-z]+(?: [a-z|]+)?)", text, re.M):
        group, *command = words.split(" ")
        for choice in command[0].split("|") if command else [""]:
            with pytest.raises(SystemExit) as stop:
                parser().parse_args([group, *([choice] if choice else []), "--help"])
            assert stop.value.code == 0


@pytest.mark.parametrize("block", fenced("sh"))
def test_command_lines_are_understood(block: str) -> None:
    """Every ``ecumene`` line of a shell block has only options that exist, and all that it needs."""
    for line in block.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] == ["ecumene"]:
            parser().parse_args(words[1:])


@pytest.mark.parametrize("block", fenced("python"))
def test_python_blocks_compile(block: str) -> None:
    compile(block, "block", "exec")


@pytest.mark.parametrize("block", fenced("json"))
def test_json_blocks_parse(block: str) -> None:
    json.loads(block)


@pytest.mark.parametrize("block", fenced("yaml"))
def test_dataset_definitions_are_accepted(block: str, tmp_path: Path) -> None:
    (tmp_path / "definition.yaml").write_text(block)
    assert datasets.load(str(tmp_path / "definition.yaml")).bands


def test_every_page_is_reachable() -> None:
    """Following links from the README leads to every page."""
    seen: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        page = waiting.pop().resolve()
        if page in seen or page.suffix != ".md":
            continue
        seen.add(page)
        waiting += [page.parent / t for t in re.findall(r"\]\(([^)#:]+\.md)", page.read_text())]
    assert {page.resolve() for page in PAGES} <= seen


def test_every_dependency_has_its_reason() -> None:
    text = (ROOT / "docs" / "decisions" / "0008-dependencies.md").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lists = [project["dependencies"], *project["optional-dependencies"].values()]
    names = {re.split(r"[<>=;\[]", entry)[0] for entries in lists for entry in entries}
    assert [
        name for name in sorted(names) if name not in text and not name.startswith("types-")
    ] == []


def test_limits_of_the_guide_are_the_servers() -> None:
    """The table of limits in the guide, against the profiles."""
    rows = re.findall(r"^\| ([a-zA-Z ()]+) \| (\d[^|]*) \| (\d[^|]*) \|$", (ROOT / "docs" / "guide" / "errors.md").read_text(), re.M)  # fmt: skip
    fields = {
        "pixels of a request (values and masks)": "request_pixels_bytes",
        "side of a pixel grid": "side_pixels",
        "bands": "bands",
        "elements of a collection in an answer": "elements",
        "JSON of an answer": "result_bytes",
        "body of a request": "body_bytes",
        "depth of a graph": "graph_depth",
        "time of a computation": "compute_seconds",
        "memory of a computation": "memory_bytes",
    }
    units = {"GiB": 2**30, "MiB": 2**20, "s": 1, "": 1}
    found = {}
    for name, *values in rows:
        for profile, value in zip(("open", "gee"), values, strict=True):
            number, _, unit = value.replace(",", "").partition(" ")
            found[name, profile] = float(number) * units[unit]
    expected = {(n, p): float(getattr(PROFILES[p], f)) for n, f in fields.items() for p in ("open", "gee")}  # fmt: skip
    assert found == expected


def test_the_reference_is_current() -> None:
    from ecumene.cli.pages import pages

    found = pages(list(load()), examples.load())
    folder = ROOT / "docs" / "reference" / "algorithms"
    written = {str(p.relative_to(folder)): p.read_text() for p in folder.rglob("*.md")}
    stale = sorted(n for n in found.keys() | written.keys() if found.get(n) != written.get(n))
    assert not stale, "run `make docs`"


def test_every_algorithm_and_argument_is_described() -> None:
    assert [entry.name for entry in load() if len(entry.description) < 4] == []
    bare = {(e.name, a.name) for e in load() for a in e.arguments if not a.description}
    assert not bare


def grep(pattern: str) -> str:
    """Lines of tracked text files that match, this file's own apart."""
    command = ["git", "grep", "-nIE", pattern, "--", ".", ":!tests/test_docs.py"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if found.returncode > 1:
        pytest.skip("not a git checkout")
    return found.stdout


def test_no_path_of_a_machine_is_named() -> None:
    assert grep(r"(^|[^A-Za-z0-9_.])/(work|root|home)/[a-z]") == ""


def test_no_package_index_is_named() -> None:
    """A clone takes packages from wherever its owner does."""
    assert grep(r"pypi\.org|pythonhosted\.org|registry\.npmjs|index-url") == ""
